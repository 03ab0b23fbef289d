"""A callback that waits for its time, and the process whose code it is.

A handle as asyncio asks for (``cancel``, ``cancelled``, ``when``), and no more than that: a run
makes hundreds of thousands. Whose code it is follows from the context in which it was scheduled
(``PROCESS``), and stays with it: a process that resumes after a pause goes on in the contexts that
it was held in.
"""

import asyncio
import contextvars
from typing import Any

from simulation.hosts import PROCESS, WORLD, HostDiedError

__all__ = ["HostedHandle"]


def _nothing() -> None:
    """Stand for what a cancelled callback would have done."""


_CANCELLED = (_nothing,)


class HostedHandle:
    """One callback of one process, or of the world."""

    __slots__ = ("call", "context", "when_s")

    def __init__(
        self,
        when_s: float,
        call: tuple[Any, ...],  # the callback and its arguments, as they came
        context: contextvars.Context | None,
    ) -> None:
        self.when_s = when_s
        self.call = call
        self.context = contextvars.copy_context() if context is None else context

    def __repr__(self) -> str:
        process = self.context.get(PROCESS, WORLD)
        return f"HostedHandle({self.call[0]!r}, at {self.when_s:.6f} s, of {process!r})"

    def cancel(self) -> None:
        """Never let it happen; the loop passes it over when it is due."""
        self.call = _CANCELLED  # as in asyncio: what it held is free at once

    def cancelled(self) -> bool:
        """Whether it will never happen."""
        return self.call is _CANCELLED

    def when(self) -> float:
        """When it is due, by the loop's clock."""
        return self.when_s

    def happen(self) -> None:
        """Run the callback, hold it while its process is paused, drop it when that is dead."""
        process = self.context.get(PROCESS, WORLD)
        if not process.runs:
            if process.alive:
                process.held.append(self)
            return
        try:
            self.context.run(*self.call)
        except BaseException as error:  # noqa: BLE001 -- as asyncio: whoever runs the loop decides
            self.failed(error)

    def failed(self, error: BaseException) -> None:
        """Deal with what the callback has raised."""
        if isinstance(error, SystemExit | KeyboardInterrupt):
            raise error
        if isinstance(error, HostDiedError):
            process = self.context.get(PROCESS, WORLD)
            assert not process.alive, f"only who dies says so, and this does not: {process!r}"
            return
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"exception in {self!r}", "exception": error, "handle": self}
        )
