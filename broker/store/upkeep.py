"""What a store does by itself: flush by the clock, save checkpoints, remove old files.

    log          every 500 ms if four pages are dirty, every 10 s whatever there is
    queues       every 1 s those with two pages in memory
    checkpoint   every 60 s, and after 8 MiB: what lies behind it is read again at a start
    index        when enough keys wait, and with each checkpoint
    old files    every 10 s, at first after 60 s

A checkpoint is saved in this order: log, queues and index durable, then the checkpoint. So what
it says was true before it was said.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from broker.errors import FlushError, StoreError
from broker.ports import Ports
from broker.store.checkpoint import Checkpoint, Mark, write_checkpoint
from broker.store.cleaning import files_to_remove, is_full
from broker.store.commit_log import CommitLog
from broker.store.config import StoreConfig
from broker.store.flushing import LogFlusher
from broker.store.key_index import KeyIndex
from broker.store.queues import Queues

__all__ = ["LastRecord", "Upkeep"]

PAGE: Final = 4096
CHECKPOINT_BYTES: Final = 8 << 20


@dataclass(slots=True)
class LastRecord:
    """The newest whole record in the log: where it lies and when it was stored."""

    mark: Mark | None = None
    store_timestamp: int = 0


@dataclass(slots=True)
class Upkeep:
    """The timers of one store."""

    config: StoreConfig
    ports: Ports
    log: CommitLog
    queues: Queues
    index: KeyIndex
    flusher: LogFlusher
    last: LastRecord
    fail: Callable[[str], None]
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    full: str | None = None  # why nothing can be stored until there is room again
    stuck: str | None = None  # why queues, index or checkpoint cannot be written just now
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    _log_due: float = 0.0  # when the loop's clock says so, whatever is dirty
    _queues_due: float = 0.0
    _clean_due: float = 0.0
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def refusal(self) -> str | None:
        """Why nothing can be stored just now; None if it can."""
        return self.full or self.stuck or self.index.backlog

    def start(self) -> None:
        """Start every timer."""
        config, now = self.config, asyncio.get_running_loop().time()
        self._log_due = now + config.flush_thorough_interval_ms / 1000
        self._queues_due = now + config.queue_flush_thorough_interval_ms / 1000
        self._clean_due = now + config.clean_first_ms / 1000
        jobs = (
            (self._flush_log, config.flush_interval_ms),
            (self._flush_queues, config.queue_flush_interval_ms),
            (self._clean, config.clean_interval_ms),
        )
        self._tasks = [asyncio.ensure_future(self._guard(*job)) for job in jobs]

    async def stop(self) -> None:
        """Stop every timer, and wait until none is at work."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def save(self) -> None:
        """Make everything durable that is there now, and say so in the checkpoint."""
        async with self.saving:
            try:
                await self._save()
            except FlushError as error:
                self.fail(str(error))
                raise

    async def _save(self) -> None:
        mark, timestamp, end = self.last.mark, self.last.store_timestamp, self.log.end
        await self.flusher.wait(end)
        await self.queues.sync()
        await self._index_out()
        if mark is None or mark == self.checkpoint.mark:
            return
        checkpoint = Checkpoint(timestamp, timestamp, self.index.end_timestamp, mark)
        await write_checkpoint(self.ports.disk, self.config.checkpoint_path, checkpoint)
        self.checkpoint = checkpoint

    def check_space(self) -> float:
        """Look at the disk and note whether it is full; return how full."""
        used = self.ports.disk.used_ratio(self.config.commit_log_path)
        if is_full(self.config, used, was_full=self.full is not None):
            self.full = f"disk is {used:.0%} full at {self.config.commit_log_path}; free some space"
        else:
            self.full = None
        return used

    async def remove_expired(self) -> int:
        """Remove the old files that may go now, with what queues and index hold of them."""
        used = self.check_space()
        disk, files = self.ports.disk, self.log.segments.files
        modified = [disk.modified_ms(segment.path) for segment in files]
        count = files_to_remove(self.config, modified, used, self.ports.clock.now_ms())
        for number in range(count):
            if number:
                await asyncio.sleep(self.config.clean_pause_ms / 1000)
            segments = self.log.segments
            segments.remove_below(segments.start + segments.file_size)
        if count:
            self.queues.remove_below(self.log.min_offset)
            self.index.remove_below(self.log.min_offset)
        return count

    async def _guard(self, job: Callable[[], Awaitable[None]], interval_ms: int) -> None:
        """Do a job again and again until it is stopped.

        A write that fails leaves everything in memory and is tried again: there may be room then.
        A sync that fails is for good, and so is a bug: a store that keeps itself up no more must
        not go on as if it did.
        """
        while True:
            await asyncio.sleep(interval_ms / 1000)
            try:
                await job()
            except OSError as error:
                self.stuck = f"the store cannot write: {error}"
            except StoreError as error:
                self.fail(str(error))
                return
            except Exception as error:
                self.fail(f"{job.__name__.strip('_')} ended by a bug: {error!r}; restart")
                raise

    async def _flush_log(self) -> None:
        now = asyncio.get_running_loop().time()
        pages = self.log.end // PAGE - self.log.flushed // PAGE
        if now >= self._log_due or pages >= self.config.flush_least_pages:
            if now >= self._log_due:
                self._log_due = now + self.config.flush_thorough_interval_ms / 1000
            self.flusher.tick()

    async def _flush_queues(self) -> None:
        now = asyncio.get_running_loop().time()
        self.queues.write_out(max(1, self.config.queue_flush_least_pages * PAGE))
        if now >= self._queues_due or self._behind_checkpoint() >= CHECKPOINT_BYTES:
            self._queues_due = now + self.config.queue_flush_thorough_interval_ms / 1000
            await self.save()
        elif self.index.full:
            async with self.saving:
                await self.flusher.wait(self.log.end)
                await self._index_out()
        self.stuck = None

    def _behind_checkpoint(self) -> int:
        mark = self.checkpoint.mark
        return self.log.end - (self.log.min_offset if mark is None else mark.end)

    async def _index_out(self) -> None:
        if self.config.index_enable:
            await self.index.write_out()

    async def _clean(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._clean_due:
            await self.remove_expired()
        elif self.full is not None:
            self.check_space()  # a start on a full disk must not wait for the first cleaning
