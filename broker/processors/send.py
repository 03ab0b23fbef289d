"""SEND_MESSAGE in its three forms: check, store, wait for disk and slave, answer honestly.

A message that was stored is answered with its offset and one of four statuses; the last three are
acknowledgements too, only weaker.
"""

from functools import lru_cache, partial
from ipaddress import ip_address

from broker.config import BrokerRole, FlushDiskType
from broker.errors import AppendError, BrokerError, MessageIllegalError, StoreBlockedError
from broker.nameserver.topics import TopicConfig
from broker.processors.batch import split_batch
from broker.processors.delayed import delayed
from broker.processors.settling import Settled, settle, settled
from broker.processors.state import BrokerState, refuse_on_slave
from broker.remoting.answers import explain
from broker.remoting.codes import RequestCode, ResponseCode, SendStatus
from broker.remoting.command import Command
from broker.remoting.connection import LATER, Answer, Connection
from broker.remoting.headers import SendHeader, read_send_header
from broker.store.message import Host, MessageDraft
from broker.store.message_store import Appended
from broker.store.properties import (
    CLUSTER,
    DELAY,
    REAL_QUEUE_ID,
    TRANSACTION,
    WAIT,
    parse_properties,
)
from broker.tables.topics import (
    DLQ_PREFIX,
    RETRY_PREFIX,
    SCHEDULE_TOPIC,
    check_topic_name,
    queue_nums,
)

__all__ = ["put", "send_message", "stored"]

_CODES = {
    SendStatus.SEND_OK: ResponseCode.SUCCESS,
    SendStatus.FLUSH_DISK_TIMEOUT: ResponseCode.FLUSH_DISK_TIMEOUT,
    SendStatus.FLUSH_SLAVE_TIMEOUT: ResponseCode.FLUSH_SLAVE_TIMEOUT,
    SendStatus.SLAVE_NOT_AVAILABLE: ResponseCode.SLAVE_NOT_AVAILABLE,
}


def send_message(state: BrokerState, command: Command, connection: Connection) -> Answer:
    """Store a message or a batch of them, and say how safe it is: at once, or when it is."""
    request = _admitted(state, command)
    topic = state.topics.get(request.topic)
    if topic is None:
        return stored(state, command, connection.peer)
    drafts = _drafts(state, request, topic, command, connection.peer)
    appended = put(state, drafts)
    if not _must_settle(state, drafts):
        return _reply(state, command, drafts, appended, SendStatus.SEND_OK)
    reply = partial(_reply, state, command, drafts, appended)
    settle(state, appended[-1].end, lambda told: connection.answer(command, reply(told)))
    return LATER


async def stored(state: BrokerState, command: Command, peer: str) -> Command:
    """Do the same for who can wait, be it for the making of the topic."""
    request = _admitted(state, command)
    topic = state.topics.get(request.topic)
    if topic is None:
        topic = _create_topic(state, request)
        # No message is acknowledged whose topic a power cut could take away.
        await state.save_topics()
    drafts = _drafts(state, request, topic, command, peer)
    appended = put(state, drafts)
    must_settle = _must_settle(state, drafts)
    told = await settled(state, appended[-1].end) if must_settle else SendStatus.SEND_OK
    return _reply(state, command, drafts, appended, told)


def _admitted(state: BrokerState, command: Command) -> SendHeader:
    """Read a send that this broker takes, now and to that topic."""
    refuse_on_slave(state, "a send")
    _refuse_too_early(state)
    request = read_send_header(command)
    check_topic_name(request.topic)
    if request.topic == SCHEDULE_TOPIC:
        remark = f"Sending message to topic[{request.topic}] is forbidden."
        raise BrokerError(ResponseCode.NO_PERMISSION, remark)
    return request


def _must_settle(state: BrokerState, drafts: list[MessageDraft]) -> bool:
    """Whether the mode promises more than to have it, and the sender wants to wait for that."""
    config = state.config
    syncs = config.flush_disk_type is FlushDiskType.SYNC_FLUSH
    replicates = config.broker_role is BrokerRole.SYNC_MASTER
    return (syncs or replicates) and drafts[0].properties.get(WAIT) != "false"


def _reply(
    state: BrokerState,
    command: Command,
    drafts: list[MessageDraft],
    appended: list[Appended],
    told: Settled,
) -> Command:
    state.ports.crash_point("after-replicate-before-reply")
    if isinstance(told, BrokerError):
        return explain(command, told)
    return command.reply(_CODES[told], None, _described(state, drafts[0], appended))


def put(state: BrokerState, drafts: list[MessageDraft]) -> list[Appended]:
    """Append messages together, or refuse with the code that RocketMQ has for the reason."""
    try:
        appended = (
            [state.store.put(drafts[0])] if len(drafts) == 1 else state.store.put_batch(drafts)
        )
    except MessageIllegalError as error:
        raise BrokerError(ResponseCode.MESSAGE_ILLEGAL, str(error)) from error
    except StoreBlockedError as error:
        remark = f"service not available now: {error}"
        raise BrokerError(ResponseCode.SERVICE_NOT_AVAILABLE, remark) from error
    except AppendError as error:
        remark = f"create mapped file failed, server is busy or broken: {error}"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark) from error
    state.stats.put_count += len(appended)
    state.stats.put_bytes += sum(one.size for one in appended)
    return appended


def _refuse_too_early(state: BrokerState) -> None:
    opens_ms = state.config.start_accept_send_request_time_stamp
    if state.ports.clock.now_ms() < opens_ms:
        raise BrokerError(ResponseCode.SYSTEM_ERROR, f"broker unable to service, until {opens_ms}")


def _check_place(state: BrokerState, request: SendHeader, topic: TopicConfig) -> None:
    """Refuse what the broker or the topic has no room for."""
    if not state.config.broker_permission & 2 and topic.order:
        remark = f"the broker[{state.config.broker_ip1}] sending message is forbidden"
        raise BrokerError(ResponseCode.NO_PERMISSION, remark)
    if request.queue_id >= queue_nums(topic):
        remark = f"request queueId[{request.queue_id}] is illegal, {topic}"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark)


def _create_topic(state: BrokerState, request: SendHeader) -> TopicConfig:
    if request.topic.startswith(RETRY_PREFIX):
        return state.topics.create_for_group(request.topic)
    topic = state.topics.create_from_template(
        request.topic, request.default_topic, request.default_topic_queue_nums
    )
    if topic is None:
        remark = f"topic[{request.topic}] not exist, apply first please!"
        raise BrokerError(ResponseCode.TOPIC_NOT_EXIST, remark)
    return topic


def _drafts(
    state: BrokerState, request: SendHeader, topic: TopicConfig, command: Command, peer: str
) -> list[MessageDraft]:
    """Give the messages to store: one, or a batch's, all for one queue."""
    _check_place(state, request, topic)
    queue_id = request.queue_id
    if queue_id < 0:
        queue_id = state.ports.rng.randrange(max(1, topic.write_queue_nums))
    target, target_queue = _where(state, request, queue_id)
    items = [(request.flag, command.body, request.properties)]
    if command.code == RequestCode.SEND_BATCH_MESSAGE:
        items = list(split_batch(command.body))
    born_host = _born_host(peer)
    drafts = []
    for flag, body, text in items:
        properties = parse_properties(text)
        if TRANSACTION in properties:
            _refuse_transaction(state, properties[TRANSACTION])
        if properties.get(WAIT) == "true":
            del properties[WAIT]
        properties[CLUSTER] = state.config.broker_cluster_name
        draft = MessageDraft(
            target,
            target_queue,
            body,
            properties,
            flag,
            request.sys_flag,
            request.born_timestamp,
            born_host,
            request.reconsume_times,
        )
        drafts.append(delayed(draft, state.config) if DELAY in properties else draft)
    if not drafts or (len(drafts) > 1 and any(DELAY in draft.properties for draft in drafts)):
        remark = f"expected a batch of messages without delay, found {len(drafts)}"
        raise BrokerError(ResponseCode.MESSAGE_ILLEGAL, remark)
    return drafts


def _refuse_transaction(state: BrokerState, prepared: str) -> None:
    """Refuse a half message, as RocketMQ does with ``rejectTransactionMessage``.

    Stored like any other it would be delivered before its transaction is committed.
    """
    if prepared.lower() == "true":
        ip = state.config.broker_ip1
        remark = f"the broker[{ip}] sending transaction message is forbidden"
        raise BrokerError(ResponseCode.NO_PERMISSION, remark)


@lru_cache(maxsize=1024)
def _born_host(peer: str) -> Host:
    """Read a connection's address; whoever has none that fits into a record is 0.0.0.0."""
    ip, _, port = peer.rpartition(":")
    try:
        return Host(str(ip_address(ip)), int(port))
    except ValueError:
        return Host("0.0.0.0", 0)  # noqa: S104 - an address to store, not to listen on


def _where(state: BrokerState, request: SendHeader, queue_id: int) -> tuple[str, int]:
    """Send what was retried too often to the group's dead letters."""
    if not request.topic.startswith(RETRY_PREFIX):
        return request.topic, queue_id
    group_name = request.topic.removeprefix(RETRY_PREFIX)
    group = state.groups.find(group_name)
    if group is None:
        remark = f"subscription group not exist, {group_name}"
        raise BrokerError(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark)
    most = request.max_reconsume_times
    if most is None:
        most = group.retry_max_times
    if request.reconsume_times < most:
        return request.topic, queue_id
    return state.topics.create_for_group(f"{DLQ_PREFIX}{group_name}").topic_name, 0


def _described(state: BrokerState, draft: MessageDraft, appended: list[Appended]) -> dict[str, str]:
    # As RocketMQ's: of a delayed message, the queue that it goes to and the offset where it waits.
    waits = draft.topic == SCHEDULE_TOPIC
    queue_id = draft.properties[REAL_QUEUE_ID] if waits else str(draft.queue_id)
    return {
        "msgId": ",".join([one.message_id for one in appended]),
        "queueId": queue_id,
        "queueOffset": str(appended[0].queue_offset),
        "MSG_REGION": state.config.region_id,
        "TRACE_ON": str(state.config.trace_on).lower(),
    }
