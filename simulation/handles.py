"""A callback that waits for its time, and the host whose code it is.

A handle as asyncio asks for (``cancel``, ``cancelled``, ``when``), and no more than that: a run
makes hundreds of thousands. Whose code it is follows from the context in which it was scheduled
(``HOST``), and stays with it: a host that resumes after a pause goes on in the contexts that it
was held in.
"""

import asyncio
import contextvars
from typing import Any

from simulation.hosts import HOST, Host, HostDiedError

__all__ = ["HostedHandle"]


def _nothing() -> None:
    """Stand for what a cancelled callback would have done."""


_CANCELLED = (_nothing,)


class HostedHandle:
    """One callback of one host, or of the world when ``host`` is None."""

    __slots__ = ("call", "context", "host", "incarnation", "when_s")

    def __init__(
        self,
        when_s: float,
        call: tuple[Any, ...],  # the callback and its arguments, as they came
        context: contextvars.Context | None,
    ) -> None:
        if context is None:
            context = contextvars.copy_context()
        self.when_s = when_s
        self.call = call
        self.context = context
        self.host: Host | None = context.get(HOST)
        self.incarnation = 0 if self.host is None else self.host.incarnation

    def __repr__(self) -> str:
        return f"HostedHandle({self.call[0]!r}, at {self.when_s:.6f} s, of {self.host!r})"

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
        """Run the callback, hold it while its host is paused, drop it when its host is dead."""
        host = self.host
        if host is not None:
            if not host.running or host.incarnation != self.incarnation:
                return
            if host.paused:
                host.hold(self)
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
            assert self.host is not None, "only a host that dies says so"
            assert not self.host.alive(self.incarnation), "and then it is dead"
            return
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"exception in {self!r}", "exception": error, "handle": self}
        )
