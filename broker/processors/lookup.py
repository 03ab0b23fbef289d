"""Messages by where they lie, and by key."""

from broker.errors import BrokerError
from broker.processors.fields import int_field, text_field
from broker.processors.state import BrokerState
from broker.remoting.codes import ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection

__all__ = ["query_message", "view_message"]

QUERY_MAX = 64
"""What a query may find: RocketMQ's ``maxMsgsNumBatch``, for which who asks by unique key asks."""


def view_message(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give the record at a physical offset, as an offsetMsgId names it."""
    offset = int_field(command, "offset")
    record = state.store.record_at(offset)
    if record is None:
        remark = f"can not find message by the offset, {offset}"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark)
    return command.reply(body=record)


def query_message(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give the records with a key, stored between two times."""
    most = min(int_field(command, "maxNum", QUERY_MAX), QUERY_MAX)
    if command.ext_fields.get("_UNIQUE_KEY_QUERY") == "true":
        most = QUERY_MAX
    found = state.store.query(
        text_field(command, "topic"),
        text_field(command, "key"),
        most,
        int_field(command, "beginTimestamp", 0),
        int_field(command, "endTimestamp", 1 << 62),
    )
    ext_fields = {
        "indexLastUpdateTimestamp": str(found.index_timestamp),
        "indexLastUpdatePhyoffset": str(found.index_physical_offset),
    }
    if not found.records:
        remark = "can not find message, maybe time range not correct"
        return command.reply(ResponseCode.QUERY_NOT_FOUND, remark, ext_fields)
    return command.reply(ext_fields=ext_fields, body=b"".join(found.records))
