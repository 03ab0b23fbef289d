"""A host is a machine of the simulation: it can die in mid-step, freeze, and be started anew.

Everything that a host's code schedules is scheduled through ``Host.run``, because asyncio copies
the context of the scheduling code and the context says whose code it is (``HOST``). From that one
place follow the three states:

    running   callbacks run
    paused    callbacks are held, in order, and run when it resumes, as after SIGCONT
    dead      callbacks are dropped: code stops between two steps, as after SIGKILL.
              No ``finally`` runs, no ``except`` sees it

A start is a new *incarnation*; what an earlier one had scheduled stays dead. What a dead
incarnation still holds in its hands (files, connections) is cut off by the disk and the network,
which ask ``alive`` before they do anything.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

__all__ = ["HOST", "Host", "HostDiedError"]

HOST: ContextVar["Host | None"] = ContextVar("HOST", default=None)
"""Whose code is running; None for the world itself: nemesis, clients' harness, network."""


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
        self._held: deque[tuple[int, Callable[..., object], tuple[Any, ...]]] = deque()
        self._deaths = asyncio.Event()

    def __repr__(self) -> str:
        return f"Host({self.name!r}, incarnation={self.incarnation}, running={self.running})"

    def alive(self, incarnation: int) -> bool:
        """Whether this incarnation's process still exists (frozen or not)."""
        return self.running and incarnation == self.incarnation

    def run(self, incarnation: int, callback: Callable[..., object], *args: Any) -> None:
        """Run, hold or drop a callback of one of this host's incarnations."""
        if not self.alive(incarnation):
            return
        if self.paused:
            self._held.append((incarnation, callback, args))
            return
        try:
            callback(*args)
        except HostDiedError:
            assert not self.alive(incarnation), "only a host that dies says so"

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
        held, self._held = self._held, deque()
        loop = asyncio.get_running_loop()
        for incarnation, callback, args in held:
            loop.call_soon(self.run, incarnation, callback, *args)
