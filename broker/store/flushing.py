"""Carries out what ``GroupCommit`` decides: syncs the log and wakes those who wait for it.

Under SYNC_FLUSH whatever nobody waits for is synced within 10 ms, as RocketMQ's group-commit
thread does; under ASYNC_FLUSH the store's timers call ``tick``.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from broker.errors import FlushError
from broker.ports import CrashPoint
from broker.store.commit_log import CommitLog
from broker.store.group_commit import Effect, Fail, GroupCommit, Release, Sync

__all__ = ["LogFlusher"]

Waiter: TypeAlias = "asyncio.Future[bool]"

IDLE_FLUSH_S: Final = 0.010


@dataclass(slots=True)
class LogFlusher:
    """The flusher of one commit log."""

    log: CommitLog
    crash_point: CrashPoint
    on_flushed: list[Callable[[int], None]] = field(default_factory=list)
    on_failed: Callable[[str], None] = lambda _why: None
    failure: str | None = None
    _core: GroupCommit[Waiter] = field(init=False)
    _syncing: "asyncio.Task[None] | None" = None
    _armed: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self._core = GroupCommit(log_end=lambda: self.log.end)

    def begin(self) -> None:
        """Take over a log that was just recovered: what it holds is durable."""
        self._core.flushed = self.log.flushed

    async def wait(self, end: int, timeout_ms: int | None = None) -> bool:
        """Return True once everything before ``end`` is durable, False if that takes too long.

        ``FlushError`` if a sync failed: nobody can say then what the disk holds.
        """
        if end <= self.log.flushed:
            return True
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()
        timer = None
        if timeout_ms is not None:
            timer = loop.call_later(timeout_ms / 1000, self._expire, waiter)
        self._act(self._core.on_wait(waiter, end))
        try:
            return await waiter
        finally:
            self._core.on_gone(waiter)
            if timer is not None:
                timer.cancel()

    def tick(self) -> None:
        """Begin a sync if there is anything to sync."""
        self._act(self._core.on_tick())

    def tick_soon(self) -> None:
        """Begin a sync within 10 ms, unless somebody else does so before."""
        if self._armed is None:
            self._armed = asyncio.get_running_loop().call_later(IDLE_FLUSH_S, self._idle)

    async def stop(self) -> None:
        """Let a sync under way finish, and begin no more."""
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None
        while self._syncing is not None:
            await asyncio.wait([self._syncing])

    def abandon(self) -> None:
        """Leave those who still wait in doubt: the store is closing without a sync."""
        self.failure = self.failure or "the store was closed before the record was synced"
        self._act(self._core.on_failed())

    def _idle(self) -> None:
        self._armed = None
        self.tick()

    def _expire(self, waiter: Waiter) -> None:
        if not waiter.done():
            waiter.set_result(False)

    def _act(self, effects: list[Effect[Waiter]]) -> None:
        for effect in effects:
            if isinstance(effect, Sync):
                self._syncing = asyncio.ensure_future(self._sync(effect.target))
            elif effect.waiter.done():
                continue
            elif isinstance(effect, Release):
                effect.waiter.set_result(True)
            elif isinstance(effect, Fail):
                effect.waiter.set_exception(FlushError(self.failure))

    async def _sync(self, target: int) -> None:
        self.crash_point("after-append-before-flush")
        try:
            await self.log.sync(target)
        except FlushError as error:
            self._syncing = None
            self.failure = str(error)
            self._act(self._core.on_failed())
            self.on_failed(self.failure)
            return
        self._syncing = None
        self.log.flushed = target
        self.crash_point("after-flush-before-replicate")
        self._act(self._core.on_synced(target))
        for callback in self.on_flushed:
            callback(target)
