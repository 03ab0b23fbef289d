"""Committed offsets that are not what a group has had."""

from collections.abc import Callable, Mapping
from typing import Any

from broker.client.consumer import PullConsumer
from broker.nameserver.route import MessageQueue
from broker.processors.keeper import TableKeeper
from broker.remoting.codes import RequestCode
from broker.store import reader
from broker.store.reading import GetStatus, standing
from broker.tables.offsets import OffsetTable
from tests.quality.mutants.mutant import Plant, mutant

__all__ = ["MUTANTS"]

ELSEWHERE = ("partition-client-master",)  # groups go on at the slave, and no node is hurt
READERS = {"rate": 150.0, "concurrency": 5, "time_limit_s": 12.0}


@mutant(finds=("commit-jumped", "pull-skip"), nemeses=("slow-client",), **READERS)
def commit_ahead_of_delivery(plant: Plant) -> None:
    """A committed offset is noted as if the next messages had been delivered, too."""
    commit = OffsetTable.commit

    def commit_more(self: Any, group: str, topic: str, queue_id: int, offset: int) -> None:
        commit(self, group, topic, queue_id, offset + 2)

    plant(OffsetTable, commit=commit_more)


@mutant(
    finds=("commit-regressed",),
    nemeses=ELSEWHERE,
    **READERS,
)
def offsets_not_synchronised(plant: Plant) -> None:
    """The slave copies every table but the consumers' offsets."""
    takers = TableKeeper.takers

    def takers_but_offsets(self: Any) -> Mapping[RequestCode, Callable[[bytes], object]]:
        kept = dict(takers(self))
        kept[RequestCode.GET_ALL_CONSUMER_OFFSET] = lambda _data: None
        return kept

    plant(TableKeeper, takers=takers_but_offsets)


@mutant(finds=("commit-regressed",), defect=6, nemeses=ELSEWHERE, **READERS)
def offsets_overwritten_by_the_copy(plant: Plant) -> None:
    """The copy of the master's offsets overwrites what consumers committed on the slave."""
    plant(OffsetTable, copy=OffsetTable.load)


@mutant(
    finds=("nonmonotonic-pull", "redelivered", "commit-regressed"),
    defect=9,
    mode="ASYNC_MASTER+ASYNC_FLUSH",
    nemeses=("power-cut-master", "disk-lost-master"),
    volatile=True,
    **READERS,
)
def beyond_the_end_back_to_zero(plant: Plant) -> None:
    """A reader beyond the end of a queue that begins at 0 is sent back to 0."""

    def back_to_zero(offset: int, start: int, end: int) -> tuple[GetStatus, int]:
        status, go_on = standing(offset, start, end)
        if status is GetStatus.OFFSET_OVERFLOW_BADLY and start == 0:
            return status, 0
        return status, go_on

    plant(reader, standing=back_to_zero)


@mutant(
    finds=("commit-jumped", "commit-regressed"),
    nemeses=("slow-client",),
    queues=4,
    **READERS,
)
def wrong_queue_on_rebalance(plant: Plant) -> None:
    """A consumer that is given a queue starts where the group is in another one."""
    query_offset = PullConsumer.query_offset

    async def query_another(self: Any, queue: MessageQueue, **options: Any) -> int | None:
        other = MessageQueue(queue.topic, queue.broker_name, (queue.queue_id + 1) % 4)
        return await query_offset(self, other, **options)

    plant(PullConsumer, query_offset=query_another)


@mutant(finds=("commit-regressed",), nemeses=("delay-replication", "pause-nameserver"), **READERS)
def commits_forgotten(plant: Plant) -> None:
    """A commit is answered and not noted."""
    plant(OffsetTable, commit=lambda _self, _group, _topic, _queue_id, _offset: None)


MUTANTS = (
    commit_ahead_of_delivery,
    offsets_not_synchronised,
    offsets_overwritten_by_the_copy,
    beyond_the_end_back_to_zero,
    wrong_queue_on_rebalance,
    commits_forgotten,
)
