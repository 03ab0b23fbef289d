"""Lies about what is safe: an answer that is given too early, or is better than the truth."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

from broker.ha.master_service import MasterService
from broker.processors import send
from broker.remoting.codes import SendStatus
from broker.store.flushing import Waiter
from broker.store.message_store import Appended, MessageStore
from tests.quality.mutants.mutant import Plant, mutant

__all__ = ["MUTANTS"]

Then: TypeAlias = Callable[[SendStatus], None]
PARTED = ("partition-replication", "pause-slave", "kill-slave")


@mutant(
    finds=(
        "lost",
        "inconsistent-offset",
        "offset-reused",
        "misordered",
        "hole",
        "dishonest-status",
    ),
    mode="ASYNC_MASTER+ASYNC_FLUSH",
    nemeses=("kill-master",),
    volatile=False,
    rate=120.0,
)
def ack_before_append(plant: Plant) -> None:
    """A message is answered with the place it will get, and appended a moment later."""
    put = send.put

    def put_later(state: Any, drafts: Any) -> list[Appended]:
        store, first = state.store, drafts[0]
        queue_offset = store.queues.of(first.topic, first.queue_id).end
        end = store.log.end
        asyncio.get_running_loop().call_later(0.001, put, state, drafts)
        return [Appended(end, 0, end, queue_offset, 0, f"{0:016X}{end:016X}")]

    plant(send, put=put_later)


@mutant(
    finds=("dishonest-status", "lost"),
    mode="ASYNC_MASTER+SYNC_FLUSH",
    nemeses=("power-cut-master", "slow-fsync-master"),
    volatile=True,
)
def ack_before_flush(plant: Plant) -> None:
    """SEND_OK under SYNC_FLUSH before the record is on disk."""

    def flushed_at_once(self: Any, end: int, timeout_ms: int, then: Waiter) -> None:
        then(True)

    plant(MessageStore, when_flushed=flushed_at_once)


@mutant(finds=("dishonest-status",), mode="SYNC_MASTER+ASYNC_FLUSH", nemeses=PARTED)
def ack_before_replicate(plant: Plant) -> None:
    """SEND_OK under SYNC_MASTER before the slave has the record."""

    def replicated_at_once(self: Any, end: int, then: Then) -> None:
        then(SendStatus.SEND_OK)

    plant(MasterService, when_replicated=replicated_at_once)


@mutant(finds=("dishonest-status",), mode="SYNC_MASTER+SYNC_FLUSH", nemeses=PARTED)
def time_out_as_send_ok(plant: Plant) -> None:
    """A wait for the slave that runs out is answered as SEND_OK."""
    _answered_better(plant, SendStatus.FLUSH_SLAVE_TIMEOUT)


@mutant(finds=("dishonest-status",), mode="SYNC_MASTER+ASYNC_FLUSH", nemeses=PARTED)
def no_slave_as_send_ok(plant: Plant) -> None:
    """SLAVE_NOT_AVAILABLE is answered as SEND_OK."""
    _answered_better(plant, SendStatus.SLAVE_NOT_AVAILABLE)


@mutant(
    finds=("dishonest-status", "lost"),
    mode="ASYNC_MASTER+SYNC_FLUSH",
    nemeses=("slow-fsync-master", "power-cut-master"),
    volatile=True,
)
def flush_time_out_as_send_ok(plant: Plant) -> None:
    """A wait for the disk that runs out is answered as SEND_OK."""
    when_flushed = MessageStore.when_flushed

    def never_late(self: MessageStore, end: int, timeout_ms: int, then: Waiter) -> None:
        when_flushed(self, end, 20, lambda told: then(told or True))

    plant(MessageStore, when_flushed=never_late)


def _answered_better(plant: Plant, weak: SendStatus) -> None:
    when = MasterService.when_replicated

    def when_replicated(self: MasterService, end: int, then: Then) -> None:
        when(self, end, lambda status: then(SendStatus.SEND_OK if status is weak else status))

    plant(MasterService, when_replicated=when_replicated)


MUTANTS = (
    ack_before_append,
    ack_before_flush,
    ack_before_replicate,
    time_out_as_send_ok,
    no_slave_as_send_ok,
    flush_time_out_as_send_ok,
)
