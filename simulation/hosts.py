"""A host is a machine of the simulation: it can die in mid-step, freeze, and be started anew.

Everything that a host's code schedules is known as its own, because asyncio copies the context of
the scheduling code and the context says whose code it is (``PROCESS``). From that one place, where
the loop lets a callback happen (``simulation/handles.py``), follow the three states:

    running   callbacks run
    paused    callbacks are held, in order, and run when it resumes, as after SIGCONT
    dead      callbacks are dropped: code stops between two steps, as after SIGKILL.
              No ``finally`` runs, no ``except`` sees it

A start is a new ``Process``; what an earlier one had scheduled stays dead. What a dead process
still holds in its hands (files, connections) is cut off by the disk and the network, which ask
whether it is ``alive`` before they do anything.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, Protocol

__all__ = ["PROCESS", "WORLD", "Held", "Host", "HostDiedError", "Process"]


class Held(Protocol):
    """A callback that waits for its host."""

    def happen(self) -> None:
        """Run it, in the context that it was scheduled in."""


class HostDiedError(BaseException):
    """Unwinds the step in which a host died at a crash point.

    Not an ``Exception``, so that no code of the dead host takes it for its own; whatever its
    ``finally`` blocks try on the way out is refused by the disk and the network.
    """


class Process:
    """One incarnation of a host."""

    __slots__ = ("alive", "held", "host", "number", "runs")

    def __init__(self, host: str, number: int) -> None:
        self.host = host
        self.number = number  # of its host's processes, from 1
        self.alive = True  # it exists, frozen or not
        self.runs = True  # and is not frozen
        self.held: list[Held] = []  # what became due while it was frozen

    def __repr__(self) -> str:
        state = "runs" if self.runs else "paused" if self.alive else "dead"
        return f"Process({self.host!r}, {self.number}, {state})"


WORLD = Process("world", 0)
"""The world itself, which never dies: nemesis, clients and their harness, network."""

PROCESS: ContextVar[Process] = ContextVar("PROCESS", default=WORLD)
"""Whose code is running."""


class Host:
    """One machine with a name, and the process on it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.process: Process | None = None
        self._starts = 0
        self._deaths = asyncio.Event()

    def __repr__(self) -> str:
        return f"Host({self.name!r}, {self.process!r})"

    @property
    def paused(self) -> bool:
        """Whether its process is frozen."""
        return self.process is not None and not self.process.runs

    def spawn(self, main: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[Any]":
        """Start a new process whose first task is ``main``."""
        assert self.process is None, f"{self.name} runs already"
        self._starts += 1
        self.process = Process(self.name, self._starts)
        self._deaths.clear()
        return self.task(main, name)

    def task(self, main: Coroutine[Any, Any, Any], name: str) -> "asyncio.Task[Any]":
        """Run a coroutine as code of the running process."""
        assert self.process is not None, f"{self.name} is dead"
        token = PROCESS.set(self.process)
        try:
            return asyncio.get_running_loop().create_task(main, name=f"{self.name}: {name}")
        finally:
            PROCESS.reset(token)

    def die(self) -> None:
        """End the process between two of its steps."""
        if self.process is not None:
            self.process.alive = self.process.runs = False
            self.process.held.clear()
        self.process = None
        self._deaths.set()

    async def died(self) -> None:
        """Wait until the process is dead."""
        await self._deaths.wait()

    def pause(self) -> None:
        """Freeze the process; what becomes due meanwhile is held."""
        if self.process is not None:
            self.process.runs = False

    def resume(self) -> None:
        """Let the process go on: all that was held is due now, in order."""
        if self.process is None:
            return
        self.process.runs = True
        held, self.process.held = self.process.held, []
        loop = asyncio.get_running_loop()
        for callback in held:
            loop.call_soon(callback.happen)
