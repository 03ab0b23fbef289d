"""A commit log that is less durable, or more readable, than it says."""

from contextlib import suppress
from typing import Any

from broker.errors import FlushError
from broker.processors import send
from broker.store.commit_log import CommitLog
from broker.store.message_store import MessageStore
from tests.quality.mutants.mutant import Plant, mutant

__all__ = ["MUTANTS"]


@mutant(
    finds=("lost", "dishonest-status"),
    mode="ASYNC_MASTER+SYNC_FLUSH",
    nemeses=("power-cut-both",),
    volatile=True,
)
def skip_fsync(plant: Plant) -> None:
    """The log is called durable without an fsync."""

    async def sync_nothing(self: CommitLog, target: int) -> None:
        """Do nothing."""

    plant(CommitLog, sync=sync_nothing)


@mutant(
    finds=("lost", "dishonest-status", "diverged"),
    mode="ASYNC_MASTER+SYNC_FLUSH",
    nemeses=("fail-fsync-master", "power-cut-master"),
    volatile=True,
    time_limit_s=12.0,
)
def fsync_error_ignored(plant: Plant) -> None:
    """An fsync that failed counts as one that succeeded."""
    sync = CommitLog.sync

    async def sync_and_hope(self: CommitLog, target: int) -> None:
        with suppress(FlushError):
            await sync(self, target)

    plant(CommitLog, sync=sync_and_hope)


@mutant(
    finds=("diverged", "inconsistent-offset", "offset-reused", "watermark-regressed", "unexpected"),
    defect=7,
    mode="ASYNC_MASTER+SYNC_FLUSH",
    nemeses=("slow-fsync-master", "power-cut-master"),
    volatile=True,
    rate=120.0,
)
def readable_before_flush(plant: Plant) -> None:
    """Under SYNC_FLUSH a record is read and shipped before it is on disk."""
    plant(MessageStore, readable_end=property(lambda self: self.log.end))


@mutant(finds=("duplicated",), nemeses=("delay-replication", "kill-slave"))
def double_append(plant: Plant) -> None:
    """One send makes two records, at two offsets."""
    put = send.put

    def put_twice(state: Any, drafts: Any) -> Any:
        put(state, drafts)
        return put(state, drafts)

    plant(send, put=put_twice)


MUTANTS = (skip_fsync, fsync_error_ignored, readable_before_flush, double_append)
