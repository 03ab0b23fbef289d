"""A host is a machine of the simulation: it can die in mid-step, freeze, and be started anew.

Everything that a host's code schedules is known as its own, because asyncio copies the context of
the scheduling code and the context says whose code it is (``HOST``). From that one place, where
the loop lets a callback happen (``simulation/handles.py``), follow the three states:

    running   callbacks run
    paused    callbacks are held, in order, and run when it resumes, as after SIGCONT
    dead      callbacks are dropped: code stops between two steps, as after SIGKILL.
              No ``finally`` runs, no ``except`` sees it

A start is a new *incarnation*; what an earlier one had scheduled stays dead. What a dead
incarnation still holds in its hands (files, connections) is cut off by the disk and the network,
which ask ``alive`` before they do anything.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, Protocol

__all__ = ["HOST", "Held", "Host", "HostDiedError"]

HOST: ContextVar["Host | None"] = ContextVar("HOST", default=None)
"""Whose code is running; None for the world itself: nemesis, clients' harness, network."""


class Held(Protocol):
    """A callback that waits for its host."""

    def happen(self) -> None:
        """Run it, in the context that it was scheduled in."""


class HostDiedError(BaseException):
    """Unwinds the step in which a host died at a crash point.

    Not an ``Exception``, so that no code of the dead host takes it for its own; whatever its
    ``finally`` blocks try on the way out is refused by the disk and the network.
    """


class Host:
    """One machine with a name, and the process on it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.incarnation = 0
        self.paused = False
        self.running = False
        self._held: list[Held] = []
        self._deaths = asyncio.Event()

    def __repr__(self) -> str:
        return f"Host({self.name!r}, incarnation={self.incarnation}, running={self.running})"

    def alive(self, incarnation: int) -> bool:
        """Whether this incarnation's process still exists (frozen or not)."""
        return self.running and incarnation == self.incarnation

    def hold(self, callback: "Held") -> None:
        """Keep a callback that became due while the process is frozen."""
        self._held.append(callback)

    def spawn(self, main: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[Any]":
        """Start a new incarnation whose first task is ``main``."""
        assert not self.running, f"{self.name} runs already"
        self.incarnation += 1
        self.running = True
        self._deaths.clear()
        return self.task(main, name)

    def task(self, main: Coroutine[Any, Any, Any], name: str) -> "asyncio.Task[Any]":
        """Run a coroutine as code of the current incarnation."""
        token = HOST.set(self)
        try:
            return asyncio.get_running_loop().create_task(main, name=f"{self.name}: {name}")
        finally:
            HOST.reset(token)

    def die(self) -> None:
        """End the process between two of its steps."""
        self.running = False
        self.paused = False
        self._held.clear()
        self._deaths.set()

    async def died(self) -> None:
        """Wait until the process is dead."""
        await self._deaths.wait()

    def pause(self) -> None:
        """Freeze the process; what becomes due meanwhile is held."""
        self.paused = True

    def resume(self) -> None:
        """Let the process go on: all that was held is due now, in order."""
        self.paused = False
        held, self._held = self._held, []
        loop = asyncio.get_running_loop()
        for callback in held:
            loop.call_soon(callback.happen)
