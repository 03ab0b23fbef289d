"""Carries out what ``GroupCommit`` decides: syncs the log and wakes those who wait for it.

Under SYNC_FLUSH whatever nobody waits for is synced within 10 ms, as RocketMQ's group-commit
thread does; under ASYNC_FLUSH the store's timers call ``tick``.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from broker.alarm import Alarm
from broker.errors import FlushError
from broker.ports import CrashPoint
from broker.steady import steady_ms
from broker.store.commit_log import CommitLog
from broker.store.group_commit import Effect, Fail, GiveUp, GroupCommit, Release, Sync

__all__ = ["Flushed", "LogFlusher", "Waiter"]

Flushed: TypeAlias = bool | FlushError
"""Whether a record is durable: yes, not in time, or nobody can say."""

Waiter: TypeAlias = Callable[[Flushed], None]
"""Who wants to hear that, once."""

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
    _alarm: Alarm = field(init=False)  # for those who wait too long
    _syncing: "asyncio.Task[None] | None" = None
    _armed: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self._core = GroupCommit(log_end=lambda: self.log.end)
        self._alarm = Alarm(self._core.next_due_ms, self._give_up)

    def begin(self) -> None:
        """Take over a log that was just recovered: what it holds is durable."""
        self._core.flushed = self.log.flushed

    def tell(self, end: int, timeout_ms: int | None, waiter: Waiter) -> None:
        """Tell a waiter once everything before ``end`` is durable, or that this takes too long."""
        if end <= self.log.flushed:
            waiter(True)  # noqa: FBT003 - a result
        elif timeout_ms is None:
            self._act(self._core.on_wait(waiter, end))
        else:
            due_ms = steady_ms() + timeout_ms
            self._act(self._core.on_wait(waiter, end, due_ms))
            self._alarm.arm_by(due_ms)

    async def wait(self, end: int, timeout_ms: int | None = None) -> bool:
        """Return True once everything before ``end`` is durable, False if that takes too long.

        ``FlushError`` if a sync failed: nobody can say then what the disk holds.
        """
        future: asyncio.Future[Flushed] = asyncio.get_running_loop().create_future()
        self.tell(end, timeout_ms, lambda told: None if future.done() else future.set_result(told))
        told = await future
        if isinstance(told, FlushError):
            raise told
        return told

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
        self._alarm.cancel()
        while self._syncing is not None:
            await asyncio.wait([self._syncing])

    def abandon(self) -> None:
        """Leave those who still wait in doubt: the store is closing without a sync."""
        self.failure = self.failure or "the store was closed before the record was synced"
        self._act(self._core.on_failed())

    def _idle(self) -> None:
        self._armed = None
        self.tick()

    def _give_up(self, now_ms: float) -> None:
        self._act(self._core.on_time(now_ms))
        self._alarm.arm()

    def _act(self, effects: list[Effect[Waiter]]) -> None:
        for effect in effects:
            match effect:
                case Sync():
                    self._syncing = asyncio.ensure_future(self._sync(effect.target))
                case Release():
                    effect.waiter(True)  # noqa: FBT003 - a result
                case GiveUp():
                    effect.waiter(False)  # noqa: FBT003 - a result
                case Fail():
                    effect.waiter(FlushError(self.failure))

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
