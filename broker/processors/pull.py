"""PULL_MESSAGE: where the reader stands, what it gets, and how long it waits for more.

    store's status                          code
    FOUND                                   SUCCESS
    at the end; an entry without a record   PULL_NOT_FOUND, after waiting if the reader may wait
    nothing matched, being removed          PULL_RETRY_IMMEDIATELY, from the next offset
    outside the queue                       PULL_OFFSET_MOVED, to its begin or its end

RocketMQ's slave leaves a reader that stands outside where it is, for ever, and its master sends a
reader beyond the end to 0; ours, on either node, sends it to the nearest message there is (P11).
"""

from collections.abc import Callable, Collection
from functools import partial

from broker.errors import BrokerError
from broker.nameserver.topics import Permission
from broker.processors.state import BrokerState, find_topic
from broker.remoting.codes import ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Answer, Connection
from broker.remoting.headers import PullFlag, PullHeader, PullReply, read_fields, write_fields
from broker.store.properties import tags_code
from broker.store.reading import GetStatus, Got
from broker.tables.groups import SubscriptionGroup

__all__ = ["pull_message", "tag_codes_of"]

_CODES = {
    GetStatus.FOUND: ResponseCode.SUCCESS,
    GetStatus.OFFSET_OVERFLOW_ONE: ResponseCode.PULL_NOT_FOUND,
    GetStatus.OFFSET_FOUND_NULL: ResponseCode.PULL_NOT_FOUND,
    GetStatus.NO_MATCHED_MESSAGE: ResponseCode.PULL_RETRY_IMMEDIATELY,
    GetStatus.MESSAGE_WAS_REMOVING: ResponseCode.PULL_RETRY_IMMEDIATELY,
    GetStatus.OFFSET_TOO_SMALL: ResponseCode.PULL_OFFSET_MOVED,
    GetStatus.OFFSET_OVERFLOW_BADLY: ResponseCode.PULL_OFFSET_MOVED,
}
_EMPTY = (GetStatus.NO_MESSAGE_IN_QUEUE, GetStatus.NO_MATCHED_LOGIC_QUEUE)


def pull_message(state: BrokerState, command: Command, connection: Connection) -> Answer:
    """Give messages of a queue from an offset on: at once, or when the reader may wait, later."""
    request = read_fields(command.ext_fields, PullHeader)
    group = _check(state, request)
    codes = _tag_codes(state, request, group)
    got = _get(state, request, codes)
    code = _code(got, request)
    if request.sys_flag & PullFlag.COMMIT_OFFSET and not state.config.is_slave:
        _commit(state, request)
    if code == ResponseCode.PULL_NOT_FOUND and request.sys_flag & PullFlag.SUSPEND:
        again = partial(_pull_again, state, command, request, group, codes)
        return _pull_once_arrived(state, request, got.next_offset, connection, again)
    return _answer(state, command, group, got, code)


async def _pull_once_arrived(
    state: BrokerState,
    request: PullHeader,
    offset: int,
    connection: Connection,
    again: Callable[[], Command],
) -> Command | None:
    wait_ms = request.suspend_timeout_millis
    if not state.config.long_polling_enable:
        wait_ms = state.config.short_polling_time_mills
    if not connection.is_closed:
        await state.parked.wait(request.topic, request.queue_id, offset, wait_ms, connection)
    return None if connection.is_closed else again()


def _pull_again(
    state: BrokerState,
    command: Command,
    request: PullHeader,
    group: SubscriptionGroup,
    codes: Collection[int] | None,
) -> Command:
    got = _get(state, request, codes)
    return _answer(state, command, group, got, _code(got, request))


def tag_codes_of(expression: str) -> Collection[int] | None:
    """Give the tag hashes that a subscription such as ``TagA || TagB`` names; None for all.

    >>> tag_codes_of("TagA || "), tag_codes_of("*")
    ((2598919,), None)
    """
    tags = [tag.strip() for tag in expression.split("||") if tag.strip()]
    if not tags or tags == ["*"]:
        return None
    return tuple(tags_code(tag) for tag in tags)


def _check(state: BrokerState, request: PullHeader) -> SubscriptionGroup:
    """Refuse what may not be pulled, in RocketMQ's order."""
    config = state.config
    if not config.broker_permission & Permission.READ:
        raise _forbidden(f"the broker[{config.broker_ip1}] pulling message is forbidden")
    group = state.groups.find(request.consumer_group)
    if group is None:
        remark = f"subscription group [{request.consumer_group}] does not exist"
        raise BrokerError(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark)
    if not group.consume_enable:
        raise _forbidden(f"subscription group no permission, {request.consumer_group}")
    topic = find_topic(state, request.topic)
    if not topic.perm & Permission.READ:
        raise _forbidden(f"the topic[{request.topic}] pulling message is forbidden")
    if not 0 <= request.queue_id < topic.read_queue_nums:
        remark = f"queueId[{request.queue_id}] is illegal, topic:[{request.topic}]"
        remark = f"{remark} topicConfig.readQueueNums:[{topic.read_queue_nums}]"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark)
    return group


def _forbidden(remark: str) -> BrokerError:
    return BrokerError(ResponseCode.NO_PERMISSION, remark)


def _tag_codes(
    state: BrokerState, request: PullHeader, group: SubscriptionGroup
) -> Collection[int] | None:
    """Give the tags that the reader wants: as it says itself, or as its group's heartbeats said."""
    if request.expression_type not in ("TAG", "", None):
        remark = "The broker does not support consumer to filter message by SQL92"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark)
    if request.sys_flag & PullFlag.SUBSCRIPTION:
        return tag_codes_of(request.subscription or "*")
    online = state.clients.consumers.get(request.consumer_group)
    if online is None:
        remark = "the consumer's group info not exist"
        raise BrokerError(ResponseCode.SUBSCRIPTION_NOT_EXIST, remark)
    if online.data.message_model == "BROADCASTING" and not group.consume_broadcast_enable:
        raise _forbidden(
            f"the consumer group[{request.consumer_group}] can not consume by broadcast way"
        )
    subscription = online.subscriptions.get(request.topic)
    if subscription is None:
        remark = f"the consumer's group does not subscribe {request.topic}"
        raise BrokerError(ResponseCode.SUBSCRIPTION_NOT_EXIST, remark)
    if subscription.sub_version < request.sub_version:
        remark = "the consumer's subscription not latest"
        raise BrokerError(ResponseCode.SUBSCRIPTION_NOT_LATEST, remark)
    return subscription.tag_codes


def _get(state: BrokerState, request: PullHeader, codes: Collection[int] | None) -> Got:
    return state.store.get(
        request.topic, request.queue_id, request.queue_offset, max(1, request.max_msg_nums), codes
    )


def _code(got: Got, request: PullHeader) -> ResponseCode:
    if got.status in _EMPTY:
        moved = request.queue_offset != 0
        return ResponseCode.PULL_OFFSET_MOVED if moved else ResponseCode.PULL_NOT_FOUND
    return _CODES[got.status]


def _commit(state: BrokerState, request: PullHeader) -> None:
    end = state.store.queue_bounds(request.topic, request.queue_id)[1]
    offset = min(request.commit_offset, end)
    state.offsets.commit(request.consumer_group, request.topic, request.queue_id, offset)


def _answer(
    state: BrokerState, command: Command, group: SubscriptionGroup, got: Got, code: int
) -> Command:
    if got.records:
        state.stats.get_count += len(got.records)
        state.stats.get_bytes += sum(map(len, got.records))
    else:
        state.stats.get_missed += 1
    reply = PullReply(
        suggest_which_broker_id=_suggested(state, group, got),
        next_begin_offset=got.next_offset,
        min_offset=got.min_offset,
        max_offset=got.max_offset,
    )
    return command.reply(code, got.status, write_fields(reply), b"".join(got.records))


def _suggested(state: BrokerState, group: SubscriptionGroup, got: Got) -> int:
    """Name the node to pull from next: the slave, for a reader that is far behind."""
    if not state.config.slave_read_enable:
        return 0
    if got.records:
        record = got.records[-1]
        behind = state.store.log.end - int.from_bytes(record[28:36], "big") - len(record)
        if behind > state.store.config.memory_bytes:
            return group.which_broker_when_consume_slowly
    return group.broker_id
