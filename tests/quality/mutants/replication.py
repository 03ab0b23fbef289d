"""A stream from master to slave that does not carry what it says it carries."""

from typing import Any

from msgspec.structs import replace

from broker.ha import master_service
from broker.ha.frames import encode_header
from broker.ha.master import MasterReplication, Release, Ship
from broker.ha.slave import Following, SlaveReplication
from broker.store.message_store import MessageStore
from harness.timings import BROKER_TIMINGS
from tests.quality.mutants.mutant import SCENARIOS, Plant, mutant
from tests.quality.mutants.trust import append_anything

__all__ = ["MUTANTS"]

BREAKS = ("kill-slave", "partition-replication", "reset")


@mutant(
    finds=("unserved", "lost"),
    defect=3,
    nemeses=("disk-lost-slave",),
    rate=120.0,
)
def last_file_only(plant: Plant) -> None:
    """A slave that has nothing is fed from the last file of the master's log."""
    first_report = MasterReplication._on_first_report

    def from_the_last_file(self: Any, connection: int, link: Any, offset: int) -> Any:
        before = self.min_offset
        if offset == 0 and self.available:
            self.min_offset = (self.available - 1) // 131072 * 131072
        try:
            return first_report(self, connection, link, offset)
        finally:
            self.min_offset = before

    plant(MasterReplication, _on_first_report=from_the_last_file)


@mutant(
    finds=("unanswered",),
    defect=4,
    mode="SYNC_MASTER+ASYNC_FLUSH",
    scenario=str(SCENARIOS / "silent-slave.toml"),
    rate=100.0,
    concurrency=10,
)
def waits_in_a_row(plant: Plant) -> None:
    """A wait for the slave that times out delays those behind it."""
    on_tick = MasterReplication.on_tick

    def one_at_a_time(self: MasterReplication, now_ms: float) -> Any:
        effects = on_tick(self, now_ms)
        if any(isinstance(effect, Release) for effect in effects):
            for place, waiter in enumerate(self._waiters.values(), start=1):
                turn_ms = now_ms + place * BROKER_TIMINGS["slaveTimeout"]
                self._waiters[waiter.ticket] = replace(waiter, deadline_ms=turn_ms)
        return effects

    plant(MasterReplication, on_tick=one_at_a_time)


@mutant(
    finds=("unconverged",),
    defect=5,
    nemeses=("power-cut-master", "partition-replication"),
    volatile=True,
)
def deaf_slave(plant: Plant) -> None:
    """The slave's housekeeping counts its own last write: a dead link is not noticed."""
    on_tick = SlaveReplication.on_tick

    def deaf(self: SlaveReplication, now_ms: float) -> Any:
        if self.state is Following.COPYING:
            self._read_ms = max(self._read_ms, self._written_ms)
        return on_tick(self, now_ms)

    plant(SlaveReplication, on_tick=deaf)


@mutant(finds=("unconverged",), nemeses=BREAKS)
def from_the_wrong_offset(plant: Plant) -> None:
    """After a reconnection the master ships the bytes of another place in its log."""
    ship, read_log = master_service.MasterService._ship, MessageStore.read_log
    shift = [0]

    def ship_wrong(self: Any, effect: Ship) -> Any:
        link = self.core.links.get(effect.connection)
        shift[0] = 8 if link is not None and link.expected else 0
        return ship(self, effect)

    def read_wrong(self: MessageStore, offset: int, size: int) -> bytes:
        return read_log(self, offset - shift[0], size)

    plant(master_service.MasterService, _ship=ship_wrong)
    plant(MessageStore, read_log=read_wrong)


@mutant(finds=("unconverged", "dishonest-status", "unserved"), nemeses=BREAKS)
def skip_a_batch(plant: Plant) -> None:
    """The slave reports the first batch after a reconnection, and does not write it."""
    on_batch = SlaveReplication.on_batch

    def skip(self: SlaveReplication, attempt: int, batch: Any, now_ms: float) -> Any:
        first = self._written_ms == self._read_ms and self.end > 0 and batch.body
        if first and self.state is Following.COPYING and attempt == self.attempt:
            return self.on_appended(attempt, self.end + len(batch.body), now_ms + 1)
        return on_batch(self, attempt, batch, now_ms)

    plant(SlaveReplication, on_batch=skip)


@mutant(finds=("diverged", "unserved", "duplicated", "unconverged"), nemeses=BREAKS)
def ship_a_batch_twice(plant: Plant) -> None:
    """The master sends the first batch of a connection twice, and the slave takes any bytes."""
    ship = master_service.MasterService._ship

    def ship_twice(self: Any, effect: Ship) -> Any:
        link = self.core.links.get(effect.connection)
        connection = self._connections.get(effect.connection)
        if link is not None and connection is not None and link.sent == link.expected != 0:
            data = self._store.read_log(effect.offset, effect.size)
            if data:
                connection.transport.write(encode_header(effect.offset, len(data)) + data)
        return ship(self, effect)

    def take_all(self: SlaveReplication, attempt: int, batch: Any, now_ms: float) -> Any:
        return on_batch(self, attempt, replace(batch, offset=self.end), now_ms)

    on_batch = SlaveReplication.on_batch
    plant(master_service.MasterService, _ship=ship_twice)
    plant(SlaveReplication, on_batch=take_all)
    plant(MessageStore, append_raw=append_anything)


MUTANTS = (
    last_file_only,
    waits_in_a_row,
    deaf_slave,
    from_the_wrong_offset,
    skip_a_batch,
    ship_a_batch_twice,
)
