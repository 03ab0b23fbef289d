"""How far a group is, and where a queue begins and ends."""

from broker.errors import BrokerError
from broker.processors.fields import int_field, text_field
from broker.processors.state import BrokerState
from broker.remoting.codes import ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.store.consume_queue import ConsumeQueue
from broker.store.message import decode_message
from broker.store.reading import GetStatus

__all__ = [
    "commit_offset",
    "earliest_store_time",
    "max_offset",
    "min_offset",
    "query_offset",
    "search_offset",
]


def query_offset(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give the offset that a group committed; 0 for a new one whose queue begins within memory."""
    group, (topic, queue_id) = text_field(command, "consumerGroup"), _queue(command)
    offset = state.offsets.get(group, topic, queue_id)
    if offset is not None:
        return _offset(command, offset)
    queue = state.store.queues.get(topic, queue_id)
    if queue is None or (queue.start == 0 and not _is_far_back(state, queue)):
        return _offset(command, 0)
    remark = "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first"
    return command.reply(ResponseCode.QUERY_NOT_FOUND, remark)


def commit_offset(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Note how far a group is; on a master, never further than the queue goes (P11).

    After a log lost its tail, a consumer may know offsets that are free again: if it could commit
    them, it would never get the messages that they are given to next.
    """
    group, (topic, queue_id) = text_field(command, "consumerGroup"), _queue(command)
    offset = int_field(command, "commitOffset")
    if not state.config.is_slave:
        offset = min(offset, state.store.queue_bounds(topic, queue_id)[1])
    state.offsets.commit(group, topic, queue_id, offset)
    return command.reply()


def max_offset(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give the offset that the queue's next message will have."""
    return _offset(command, state.store.queue_bounds(*_queue(command))[1])


def min_offset(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give the offset of the queue's oldest message."""
    return _offset(command, state.store.queue_bounds(*_queue(command))[0])


def search_offset(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give the offset of the message that was stored at a time, or next to it."""
    timestamp = int_field(command, "timestamp")
    return _offset(command, state.store.offset_by_time(*_queue(command), timestamp))


def earliest_store_time(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give when the queue's oldest message was stored; -1 if there is none."""
    topic, queue_id = _queue(command)
    begin, _ = state.store.queue_bounds(topic, queue_id)
    got = state.store.get(topic, queue_id, begin, 1, None)
    found = got.status is GetStatus.FOUND
    timestamp = decode_message(got.records[0]).store_timestamp if found else -1
    return command.reply(ext_fields={"timestamp": str(timestamp)})


def _queue(command: Command) -> tuple[str, int]:
    topic, queue_id = text_field(command, "topic"), int_field(command, "queueId")
    if queue_id < 0:
        raise BrokerError(ResponseCode.SYSTEM_ERROR, f"queueId[{queue_id}] is illegal")
    return topic, queue_id


def _is_far_back(state: BrokerState, queue: ConsumeQueue) -> bool:
    """Whether a queue's first message is no longer in memory, as far as anybody can say."""
    first = queue.entry(0)
    behind = state.store.log.end - first.physical_offset
    return first.is_message and behind > state.store.config.memory_bytes


def _offset(command: Command, offset: int) -> Command:
    return command.reply(ext_fields={"offset": str(offset)})
