"""One sync at a time, and everybody who waits for it goes together.

    event                      effect
    a record waits             Sync(end of the log), unless one is under way
    time to sync               the same, for bytes that nobody waits for
    a sync is done             Release all whom it covers; Sync again if either came meanwhile
    a sync failed              Fail all, now and ever after

A sync covers what was written before it began, so its target is the log's end at that moment.
After a failure the system has dropped the dirty pages and would call the next sync a success;
so there is none, nobody is told ok, and ``flushed`` never moves again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

__all__ = ["Effect", "Fail", "GroupCommit", "Release", "Sync"]

WaiterT = TypeVar("WaiterT")


@dataclass(frozen=True, slots=True)
class Sync:
    """Make everything before ``target`` durable, then say ``on_synced`` or ``on_failed``."""

    target: int


@dataclass(frozen=True, slots=True)
class Release(Generic[WaiterT]):
    """Tell a waiter that its record is durable."""

    waiter: WaiterT


@dataclass(frozen=True, slots=True)
class Fail(Generic[WaiterT]):
    """Tell a waiter that nobody can say whether its record is durable."""

    waiter: WaiterT


Effect: TypeAlias = Sync | Release[WaiterT] | Fail[WaiterT]


@dataclass(slots=True)
class GroupCommit(Generic[WaiterT]):
    """How far the log is durable, whether a sync is under way, and who waits."""

    log_end: Callable[[], int]
    flushed: int = 0
    syncing: bool = False
    again: bool = False  # it was time to sync while one was under way
    failed: bool = False
    waiters: dict[WaiterT, int] = field(default_factory=dict)  # waiter -> end it waits for

    def on_wait(self, waiter: WaiterT, end: int) -> list[Effect[WaiterT]]:
        """Let a waiter wait until everything before ``end`` is durable."""
        assert end <= self.log_end(), "nobody can wait for what is not written"
        if self.failed:
            return [Fail(waiter)]
        if end <= self.flushed:
            return [Release(waiter)]
        self.waiters[waiter] = end
        return self._sync()

    def on_tick(self) -> list[Effect[WaiterT]]:
        """Sync what nobody waits for."""
        if self.failed or self.flushed == self.log_end():
            return []
        self.again = self.syncing
        return self._sync()

    def on_gone(self, waiter: WaiterT) -> None:
        """Forget a waiter that waited long enough."""
        self.waiters.pop(waiter, None)

    def on_synced(self, target: int) -> list[Effect[WaiterT]]:
        """Release those whom a sync covered, and go on with the others."""
        assert self.syncing, "only a sync under way can end"
        self.syncing = False
        self.flushed = max(self.flushed, target)
        covered = [waiter for waiter, end in self.waiters.items() if end <= self.flushed]
        effects: list[Effect[WaiterT]] = [Release(waiter) for waiter in covered]
        for waiter in covered:
            del self.waiters[waiter]
        again, self.again = self.again and self.flushed < self.log_end(), False
        return effects + self._sync() if self.waiters or again else effects

    def on_failed(self) -> list[Effect[WaiterT]]:
        """Fail everybody; the log's durable end stays where it is for good."""
        self.syncing, self.failed = False, True
        effects: list[Effect[WaiterT]] = [Fail(waiter) for waiter in self.waiters]
        self.waiters.clear()
        return effects

    def _sync(self) -> list[Effect[WaiterT]]:
        if self.syncing:
            return []
        self.syncing = True
        return [Sync(self.log_end())]
