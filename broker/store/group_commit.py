"""One sync at a time, and everybody who waits for it goes together.

    event                      effect
    a record waits             Sync(end of the log), unless one is under way
    time to sync               the same, for bytes that nobody waits for
    a sync is done             Release all whom it covers; Sync again if either came meanwhile
    a sync failed              Fail all, now and ever after
    somebody's time is up      GiveUp; the sync goes on

A sync covers what was written before it began, so its target is the log's end at that moment.
After a failure the system has dropped the dirty pages and would call the next sync a success;
so there is none, nobody is told ok, and ``flushed`` never moves again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

__all__ = ["NEVER", "Effect", "Fail", "GiveUp", "GroupCommit", "Release", "Sync"]

WaiterT = TypeVar("WaiterT")

NEVER: Final = float("inf")
"""When the time of a waiter is up who waits for as long as it takes."""


class Sync(msgspec.Struct, frozen=True):
    """Make everything before ``target`` durable, then say ``on_synced`` or ``on_failed``."""

    target: int


class Release(msgspec.Struct, Generic[WaiterT], frozen=True):
    """Tell a waiter that its record is durable."""

    waiter: WaiterT


class GiveUp(msgspec.Struct, Generic[WaiterT], frozen=True):
    """Tell a waiter that its time was up before its record was durable."""

    waiter: WaiterT


class Fail(msgspec.Struct, Generic[WaiterT], frozen=True):
    """Tell a waiter that nobody can say whether its record is durable."""

    waiter: WaiterT


Effect: TypeAlias = Sync | Release[WaiterT] | GiveUp[WaiterT] | Fail[WaiterT]


class _Waiting(msgspec.Struct, Generic[WaiterT], frozen=True):
    """Who waits, for how much of the log, and until when."""

    waiter: WaiterT
    end: int
    due_ms: float


@dataclass(slots=True)
class GroupCommit(Generic[WaiterT]):
    """How far the log is durable, whether a sync is under way, and who waits."""

    log_end: Callable[[], int]
    flushed: int = 0
    syncing: bool = False
    again: bool = False  # it was time to sync while one was under way
    failed: bool = False
    _waiting: list[_Waiting[WaiterT]] = field(default_factory=list)

    def on_wait(self, waiter: WaiterT, end: int, due_ms: float = NEVER) -> list[Effect[WaiterT]]:
        """Let a waiter wait until everything before ``end`` is durable, or its time is up."""
        assert end <= self.log_end(), "nobody can wait for what is not written"
        if self.failed:
            return [Fail(waiter)]
        if end <= self.flushed:
            return [Release(waiter)]
        self._waiting.append(_Waiting(waiter, end, due_ms))
        return self._sync()

    def on_tick(self) -> list[Effect[WaiterT]]:
        """Sync what nobody waits for."""
        if self.failed or self.flushed == self.log_end():
            return []
        self.again = self.syncing
        return self._sync()

    def on_time(self, now_ms: float) -> list[Effect[WaiterT]]:
        """Give up on those whose time is up."""
        late = [GiveUp(one.waiter) for one in self._waiting if one.due_ms <= now_ms]
        self._waiting = [one for one in self._waiting if one.due_ms > now_ms]
        return [*late]

    def on_synced(self, target: int) -> list[Effect[WaiterT]]:
        """Release those whom a sync covered, and go on with the others."""
        assert self.syncing, "only a sync under way can end"
        self.syncing = False
        self.flushed = max(self.flushed, target)
        covered = [Release(one.waiter) for one in self._waiting if one.end <= self.flushed]
        self._waiting = [one for one in self._waiting if one.end > self.flushed]
        again, self.again = self.again and self.flushed < self.log_end(), False
        return [*covered, *self._sync()] if self._waiting or again else [*covered]

    def on_failed(self) -> list[Effect[WaiterT]]:
        """Fail everybody; the log's durable end stays where it is for good."""
        self.syncing, self.failed = False, True
        waiting, self._waiting = self._waiting, []
        return [Fail(one.waiter) for one in waiting]

    def next_due_ms(self) -> float | None:
        """When ``on_time`` will next have something to do; None if never."""
        due_ms = min((one.due_ms for one in self._waiting), default=NEVER)
        return None if due_ms == NEVER else due_ms

    def _sync(self) -> list[Effect[WaiterT]]:
        if self.syncing:
            return []
        self.syncing = True
        return [Sync(self.log_end())]
