"""A callback that waits for its time, and the host whose code it is.

asyncio's own handle, with two more fields and a shorter way to make and to cancel it: a run makes
hundreds of thousands. Whose code it is follows from the context in which it was scheduled
(``HOST``), and stays with it: a host that resumes after a pause goes on in the contexts that it
was held in.
"""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

from simulation.hosts import HOST, Host, HostDiedError

__all__ = ["HostedHandle"]


class HostedHandle(asyncio.TimerHandle):
    """One callback of one host, or of the world when ``host`` is None."""

    __slots__ = ("host", "incarnation")

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context | None,
    ) -> None:
        # Not super().__init__(): it does the same in two steps, and prepares a debug mode.
        if context is None:
            context = contextvars.copy_context()
        self._when = when
        self._callback = callback
        self._args = args
        self._loop = loop
        self._context = context
        self._cancelled = False
        self.host: Host | None = context.get(HOST)
        self.incarnation = 0 if self.host is None else self.host.incarnation

    def __repr__(self) -> str:
        return f"HostedHandle({self._callback!r}, at {self._when:.6f} s, of {self.host!r})"

    def cancel(self) -> None:
        """Never let it happen; the loop passes it over when it is due."""
        self._cancelled = True
        self._callback, self._args = _nothing, ()  # as in asyncio: what it held is free at once

    def happen(self) -> None:
        """Run the callback, hold it while its host is paused, drop it when its host is dead."""
        if self._cancelled:
            return
        host = self.host
        if host is not None:
            if not host.running or host.incarnation != self.incarnation:
                return
            if host.paused:
                host.hold(self)
                return
        try:
            self._context.run(self._callback, *self._args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except HostDiedError:
            assert host is not None, "only a host that dies says so"
            assert not host.alive(self.incarnation), "and then it is dead"
        except BaseException as error:  # noqa: BLE001 -- as asyncio: whoever runs the loop decides
            self._loop.call_exception_handler(
                {"message": f"exception in {self!r}", "exception": error, "handle": self}
            )


def _nothing() -> None:
    """Stand for what a cancelled callback would have done."""
