"""Masters and slaves that believe what nobody has proven to them."""

import asyncio
from contextlib import suppress
from typing import Any

from broker.ha import handshake, master_service
from broker.ha.frames import encode_report
from broker.ha.handshake import Answer, LogSummary, Outcome, Tail
from broker.ha.master import MasterReplication
from broker.ha.slave_service import SlaveService
from broker.store.message_store import MessageStore
from broker.store.raw_tail import RawTail
from broker.store.scan import walk
from tests.quality.mutants.mutant import Plant, mutant

__all__ = ["MUTANTS", "append_anything", "stranger_at_the_ha_port"]

BREAKS = ("kill-slave", "partition-replication", "reset")
SET_BACK: dict[str, Any] = {
    "mode": "SYNC_MASTER+ASYNC_FLUSH",
    "nemeses": ("power-cut-master",),
    "volatile": True,
    "time_limit_s": 12.0,
}


@mutant(finds=("dishonest-status", "lost"), defect=1, **SET_BACK)
def first_report_not_checked(plant: Plant) -> None:
    """A slave ahead of a master that lost its tail raises the replicated mark."""
    plant(master_service, compare=proven_if_longer)


@mutant(finds=("dishonest-status", "diverged", "lost"), defect=2, **SET_BACK)
def shipping_starts_in_mid_record(plant: Plant) -> None:
    """A slave that is ahead is fed from its own end on, in the middle of a record."""
    plant(master_service, compare=proven_if_longer)
    plant(MessageStore, append_raw=append_anything)


def stranger_at_the_ha_port(plant: Plant) -> None:
    """Let somebody write eight bytes to the HA port whenever a slave dials; no bug by itself."""
    dial = SlaveService._dial

    async def dial_after_a_stranger(self: Any, effect: Any) -> None:
        host, port = self._peers.resolve(effect.address)
        with suppress(OSError):
            transport, _ = await self._ports.network.connect(asyncio.Protocol, host, port)
            transport.write(encode_report(1 << 40))
        await dial(self, effect)

    plant(SlaveService, _dial=dial_after_a_stranger)


@mutant(
    finds=("dishonest-status",),
    defect=10,
    mode="SYNC_MASTER+ASYNC_FLUSH",
    nemeses=BREAKS,
    setting=stranger_at_the_ha_port,
)
def any_eight_bytes_count(plant: Plant) -> None:
    """Any client that writes eight bytes to the HA port raises the replicated mark."""
    on_report = MasterReplication._on_report

    def believe(self: MasterReplication, connection: int, link: Any, offset: int) -> Any:
        if link.expected is None and link.acked is None:
            link.acked, link.shipping = offset, True  # counted, and never fed
            return self._release(offset)
        return on_report(self, connection, link, offset)

    plant(MasterReplication, _on_report=believe)


def proven_if_longer(tail: Tail, log: LogSummary) -> Answer:
    """Compare as the product does, but let a slave pass that is ahead."""
    if tail.end > log.end:
        return Answer(Outcome.PROVEN, min_offset=log.min_offset)
    return handshake.compare(tail, log)


def append_anything(self: Any, offset: int, data: bytes | bytearray | memoryview) -> int:
    """Write bytes at our end whatever they are, and enter what can be read, as RocketMQ's does."""
    end = self.log.append_raw(self.log.end, data)
    pending = self._tail.partial + data
    found = walk(pending, self._tail.entered, self.config.log_file_size, self._reading)
    del pending[: found.end - self._tail.entered]
    self._tail = RawTail(found.end, pending)
    self._enter_records(found.records)
    self._appended(self._last.mark, self._last.store_timestamp, end)
    return end


MUTANTS = (first_report_not_checked, shipping_starts_in_mid_record, any_eight_bytes_count)
