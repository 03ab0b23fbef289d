"""A consumer that pulls: one queue, from one offset, from one broker, each time it is told to.

It keeps no positions, joins no group's rebalance and fails over to nobody: whoever calls decides
which broker of a group is asked (0 is the master) and what an offset outside the queue means.

    FOUND            ``messages`` were found; go on at ``next_offset``
    NO_NEW_MSG       nothing there yet
    NO_MATCHED_MSG   nothing for these tags up to ``next_offset``, or look again at once
    OFFSET_ILLEGAL   the offset lies outside the queue; ``next_offset`` does not
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from broker.client.requests import COMPRESSED
from broker.client.session import Session, succeed
from broker.errors import BrokerError, RecordError, RemoteProtocolError
from broker.nameserver.route import MASTER_ID, MessageQueue
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.remoting.headers import (
    ConsumerOffsetHeader,
    PullFlag,
    PullHeader,
    PullReply,
    QueueHeader,
    read_fields,
    required_field,
    write_fields,
)
from broker.store.message import StoredMessage, decode_messages
from broker.store.properties import TAGS

__all__ = ["ALL_TAGS", "PullConsumer", "PullResult", "PullStatus", "decode_bodies"]

ALL_TAGS: Final = "*"


class PullStatus(StrEnum):
    """What a pull came to."""

    FOUND = "FOUND"
    NO_NEW_MSG = "NO_NEW_MSG"
    NO_MATCHED_MSG = "NO_MATCHED_MSG"
    OFFSET_ILLEGAL = "OFFSET_ILLEGAL"


_STATUSES: Final[dict[int, PullStatus]] = {
    ResponseCode.SUCCESS: PullStatus.FOUND,
    ResponseCode.PULL_NOT_FOUND: PullStatus.NO_NEW_MSG,
    ResponseCode.PULL_RETRY_IMMEDIATELY: PullStatus.NO_MATCHED_MSG,
    ResponseCode.PULL_OFFSET_MOVED: PullStatus.OFFSET_ILLEGAL,
}


class PullResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a pull brought, and where the queue begins and ends on the broker that answered."""

    status: PullStatus
    messages: list[StoredMessage]
    next_offset: int
    min_offset: int
    max_offset: int  # one past the last message
    suggested_broker_id: int  # where the broker would rather be asked next


@dataclass(frozen=True, slots=True)
class PullConsumer:
    """Reads queues in the name of one group."""

    session: Session
    group: str
    timeout_ms: float = 3000  # of a request, besides the time that a pull may be parked

    async def queues(self, topic: str) -> list[MessageQueue]:
        """List a topic's readable queues; ``NoRouteError`` if nobody has it."""
        return (await self.session.route(topic)).subscribe_queues(topic)

    async def pull(
        self,
        queue: MessageQueue,
        offset: int,
        max_count: int = 32,
        *,
        broker_id: int = MASTER_ID,
        suspend_ms: int = 0,
        tags: str = ALL_TAGS,
        commit_offset: int | None = None,
    ) -> PullResult:
        """Read on from an offset; with ``suspend_ms`` wait so long for something to arrive.

        ``tags`` is ``*`` or ``TagA || TagB``. ``BrokerError`` for any answer that is no status.
        """
        flags: int = PullFlag.SUBSCRIPTION
        if suspend_ms:
            flags |= PullFlag.SUSPEND
        if commit_offset is not None:
            flags |= PullFlag.COMMIT_OFFSET
        header = PullHeader(
            consumer_group=self.group,
            topic=queue.topic,
            queue_id=queue.queue_id,
            queue_offset=offset,
            max_msg_nums=max_count,
            sys_flag=flags,
            commit_offset=commit_offset or 0,
            suspend_timeout_millis=suspend_ms,
            subscription=tags,
        )
        reply = await self._ask(
            RequestCode.PULL_MESSAGE, queue, broker_id, write_fields(header), suspend_ms
        )
        return _read_pull(reply, tags)

    async def bounds(self, queue: MessageQueue, *, broker_id: int = MASTER_ID) -> tuple[int, int]:
        """Give the first offset of a queue and the one past its last."""
        fields = _queue_fields(queue)
        least = await self._ask(RequestCode.GET_MIN_OFFSET, queue, broker_id, fields)
        most = await self._ask(RequestCode.GET_MAX_OFFSET, queue, broker_id, fields)
        return _offset(least), _offset(most)

    async def offset_by_time(
        self, queue: MessageQueue, timestamp_ms: int, *, broker_id: int = MASTER_ID
    ) -> int:
        """Give the offset of the first message stored at a time or later."""
        fields = _queue_fields(queue, timestamp_ms)
        return _offset(
            await self._ask(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, queue, broker_id, fields)
        )

    async def query_offset(self, queue: MessageQueue, *, broker_id: int = MASTER_ID) -> int | None:
        """Give the offset that the group committed on a broker, or None if it has none."""
        fields = self._offset_fields(queue, None)
        reply = await self._ask(RequestCode.QUERY_CONSUMER_OFFSET, queue, broker_id, fields)
        return None if reply.code == ResponseCode.QUERY_NOT_FOUND else _offset(reply)

    async def commit_offset(
        self, queue: MessageQueue, offset: int, *, broker_id: int = MASTER_ID
    ) -> None:
        """Tell a broker that the group has come to an offset, and wait for its word."""
        fields = self._offset_fields(queue, offset)
        succeed(await self._ask(RequestCode.UPDATE_CONSUMER_OFFSET, queue, broker_id, fields))

    async def commit_offset_oneway(
        self, queue: MessageQueue, offset: int, *, broker_id: int = MASTER_ID
    ) -> None:
        """Tell it as RocketMQ's consumers do: once every few seconds, without an answer."""
        address = await self.session.address(queue.topic, queue.broker_name, broker_id)
        fields = self._offset_fields(queue, offset)
        command = Command(RequestCode.UPDATE_CONSUMER_OFFSET, ext_fields=fields)
        await self.session.send_oneway(address, command)

    async def _ask(
        self,
        code: RequestCode,
        queue: MessageQueue,
        broker_id: int,
        fields: dict[str, str],
        suspend_ms: int = 0,
    ) -> Command:
        address = await self.session.address(queue.topic, queue.broker_name, broker_id)
        command = Command(code, ext_fields=fields)
        return await self.session.request(address, command, self.timeout_ms + suspend_ms)

    def _offset_fields(self, queue: MessageQueue, offset: int | None) -> dict[str, str]:
        return write_fields(
            ConsumerOffsetHeader(
                consumer_group=self.group,
                topic=queue.topic,
                queue_id=queue.queue_id,
                commit_offset=offset,
            )
        )


def decode_bodies(body: bytes) -> list[StoredMessage]:
    """Read the records of an answer, bodies inflated; ``RemoteProtocolError`` if they are none."""
    try:
        return [_inflated(message) for message in decode_messages(body)]
    except (RecordError, zlib.error) as error:
        raise RemoteProtocolError(f"expected records, got {len(body)} bytes: {error}") from error


def _inflated(message: StoredMessage) -> StoredMessage:
    if message.sys_flag & COMPRESSED:
        return msgspec.structs.replace(message, body=zlib.decompress(message.body))
    return message


def _read_pull(reply: Command, tags: str) -> PullResult:
    status = _STATUSES.get(reply.code)
    if status is None:
        raise BrokerError(reply.code, reply.remark)
    found = read_fields(reply.ext_fields, PullReply)
    messages = decode_bodies(reply.body) if status is PullStatus.FOUND else []
    return PullResult(
        status=status,
        messages=_with_tags(messages, tags),
        next_offset=found.next_begin_offset,
        min_offset=found.min_offset,
        max_offset=found.max_offset,
        suggested_broker_id=found.suggest_which_broker_id,
    )


def _with_tags(messages: Sequence[StoredMessage], tags: str) -> list[StoredMessage]:
    """Keep what is wanted: the broker compares hashes of tags, and two tags may share one."""
    if tags == ALL_TAGS:
        return list(messages)
    wanted = [tag.strip() for tag in tags.split("||")]
    return [message for message in messages if message.properties.get(TAGS, "") in wanted]


def _queue_fields(queue: MessageQueue, timestamp_ms: int | None = None) -> dict[str, str]:
    return write_fields(
        QueueHeader(topic=queue.topic, queue_id=queue.queue_id, timestamp=timestamp_ms)
    )


def _offset(reply: Command) -> int:
    text = required_field(succeed(reply), "offset")
    try:
        return int(text)
    except ValueError as error:
        raise RemoteProtocolError(f"expected an offset, got {text!r}") from error
