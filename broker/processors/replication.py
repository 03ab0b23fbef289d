"""Our private requests about the log: its digest, a slave's handshake, the operator's command."""

from broker.errors import BrokerError
from broker.ha.handshake import Tail
from broker.processors.fields import int_field
from broker.processors.state import BrokerState, refuse_on_slave
from broker.remoting.codes import ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection

__all__ = ["handshake", "log_digest", "resync"]


def log_digest(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give the CRC of a stretch of the log, and where the log begins and ends.

    The stretch is cut to what there is: the reply says which one was read.
    """
    log = state.store.log
    begin = max(int_field(command, "begin", log.min_offset), log.min_offset)
    end = max(begin, min(int_field(command, "end", log.end), log.end))
    ext_fields = {
        "begin": str(begin),
        "crc": str(state.store.crc(begin, end)),
        "crcEnd": str(end),
        "end": str(log.end),
        "flushed": str(log.flushed),
        "min": str(log.min_offset),
    }
    return command.reply(ext_fields=ext_fields)


def handshake(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Compare a slave's log with ours; a token if it may be fed."""
    refuse_on_slave(state, "a handshake")
    try:
        tail = Tail.of_fields(command.ext_fields)
    except (KeyError, ValueError) as error:
        remark = f"a malformed handshake: {error!r}"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark) from error
    return command.reply(ext_fields=state.master.handshake(tail).to_fields())


async def resync(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give up, on a slave, what its master does not have; say what was kept."""
    if state.slave is None:
        remark = "send RESYNC to the slave: it gives up its own records"
        raise BrokerError(ResponseCode.SERVICE_NOT_AVAILABLE, remark)
    kept, old_end = await state.slave.resync()
    state.offsets.give_up()
    state.offsets.clamp(state.store.queues.end)
    return command.reply(ext_fields={"kept": str(kept), "oldEnd": str(old_end)})
