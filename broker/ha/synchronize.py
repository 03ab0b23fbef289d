"""What a slave copies besides the log: topics, consumer offsets, delay offsets and groups.

RocketMQ's ``SlaveSynchronize``, but for whom it trusts. A master that lost its disk has empty
tables, and a slave that took them over would forget what it alone still knows. So tables are
taken only while the master's log is proven to continue ours, and only from the very incarnation
of the master that it was proven against: a restart in between is noticed at the next table.
"""

from collections.abc import Callable, Mapping

from broker.errors import MqError, RemotingError
from broker.ha.slave_service import SlaveService
from broker.logging import EventLog
from broker.peers import Peers
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command

__all__ = ["synchronize"]

TIMEOUT_MS = 3000


async def synchronize(
    slave: SlaveService,
    peers: Peers,
    tables: Mapping[RequestCode, Callable[[bytes], object]],
    log: EventLog,
) -> bool:
    """Copy each table once; say whether all were taken."""
    for code, take in tables.items():
        core = slave.core
        if not slave.is_copying or core.master is None:
            return False
        incarnation = str(core.incarnation)
        try:
            reply = await peers.request(core.master.address, Command(code), TIMEOUT_MS)
        except RemotingError as error:
            log.info("synchronize-failed", table=code.name, why=str(error))
            return False
        same = reply.ext_fields.get("incarnation") == incarnation == str(core.incarnation)
        if reply.code != ResponseCode.SUCCESS or not same or not slave.is_copying:
            log.info("synchronize-refused", table=code.name, code=reply.code, same=same)
            return False
        try:
            take(reply.body)
        except MqError as error:
            log.warning("synchronize-unreadable", table=code.name, why=str(error))
            return False
    return True
