"""Consume queues that do not say what the log holds."""

from typing import Any

from broker.store.abort import LastStop
from broker.store.message_store import MessageStore
from broker.store.queues import Queues
from broker.store.recovery import Recovery
from tests.quality.mutants.mutant import Plant, mutant

__all__ = ["MUTANTS"]

RESTARTS = ("kill-master", "stop-master")
USED_TWICE = ("inconsistent-offset", "offset-reused", "duplicated", "watermark-regressed", "hole")


@mutant(finds=(*USED_TWICE, "lost", "unserved"), nemeses=RESTARTS, volatile=False)
def queue_one_short(plant: Plant) -> None:
    """A start leaves the last entry of each consume queue out."""

    def shorten(queue: Any) -> None:
        if queue.end > queue.start:
            queue.cut(queue.end - 1)

    _after_recovery(plant, shorten)


@mutant(finds=(*USED_TWICE, "unserved"), nemeses=RESTARTS, volatile=False)
def queue_one_long(plant: Plant) -> None:
    """A start enters the last message of each consume queue twice."""

    def lengthen(queue: Any) -> None:
        if queue.end > queue.start:
            queue.append(*queue.entry(queue.end - 1))

    _after_recovery(plant, lengthen)


@mutant(finds=(*USED_TWICE, "lost"), nemeses=RESTARTS, volatile=False)
def offsets_from_zero(plant: Plant) -> None:
    """After a restart the next message of each queue is numbered 0 again."""
    recover = MessageStore._recover

    async def recover_and_forget(self: MessageStore, last_stop: LastStop) -> Recovery:
        recovery = await recover(self, last_stop)
        for queue in self.queues.table.values():
            queue.cut(0)
        return recovery

    plant(MessageStore, _recover=recover_and_forget)


@mutant(finds=(*USED_TWICE, "unserved"), nemeses=("kill-slave", "delay-replication"), queues=2)
def two_queues_share_a_counter(plant: Plant) -> None:
    """The messages of queue 1 are numbered by the counter of queue 0."""
    of = Queues.of

    def of_the_other(self: Queues, topic: str, queue_id: int) -> Any:
        queue = of(self, topic, queue_id)
        return of(self, topic, 0) if queue_id == 1 else queue

    plant(Queues, of=of_the_other)


@mutant(
    finds=("hole", "unserved", "lost", "diverged"),
    mode="ASYNC_MASTER+ASYNC_FLUSH",
    nemeses=("kill-master", "kill-slave", "pause-slave"),
    rate=200.0,
)
def slave_skips_an_entry(plant: Plant) -> None:
    """A message that comes to the slave at the end of a batch is in its log and in no queue."""
    enter = MessageStore._enter_records

    def enter_but_the_last(self: MessageStore, records: Any) -> None:
        enter(self, records[:-1] if len(records) > 2 else records)

    plant(MessageStore, _enter_records=enter_but_the_last)


def _after_recovery(plant: Plant, change: Any) -> None:
    recover = MessageStore._recover

    async def recover_and_change(self: MessageStore, last_stop: LastStop) -> Recovery:
        recovery = await recover(self, last_stop)
        for queue in self.queues.table.values():
            change(queue)
        return recovery

    plant(MessageStore, _recover=recover_and_change)


MUTANTS = (
    queue_one_short,
    queue_one_long,
    offsets_from_zero,
    two_queues_share_a_counter,
    slave_skips_an_entry,
)
