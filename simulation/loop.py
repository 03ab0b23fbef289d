"""An event loop on virtual time: nothing ever waits, the clock jumps to the next timer.

The loop is asyncio's own ``BaseEventLoop`` with its two contacts to the world taken away. Where
it would block in a selector until the next timer is due, the clock is set to that timer instead;
where it would read a clock, it reads its own. Callbacks of one instant run in the order in which
they were scheduled, so a run is a function of its inputs alone.

    time()             virtual seconds, from 0.0
    a stuck run        no callback is ready and no timer is set: nothing can ever happen again.
                       That is an error, and it names every task and what it waits for.
    hosts              a callback belongs to the host in whose context it was scheduled
                       (``simulation/hosts.py``): a dead host's callbacks are dropped, a paused
                       host's are held until it resumes.

There is no I/O here at all: no sockets, no pipes, no signals, and no threads (``run_in_executor``
is an error, since a thread is a second clock).
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from simulation.hosts import HOST, HostDiedError

__all__ = ["SimulationStuckError", "VirtualLoop", "run_virtual", "virtual_loop"]

T = TypeVar("T")


class SimulationStuckError(Exception):
    """Every task waits and no timer is set; the message names who waits for what."""


class VirtualLoop(asyncio.BaseEventLoop):
    """An asyncio event loop whose clock is a number."""

    def __init__(self) -> None:
        super().__init__()
        self._now_us = 0
        self._kept: list[asyncio.Task[Any]] = []
        self._keep_max = 1024
        self._clock_resolution = 0.0  # a timer is due when it is due, not a nanosecond before
        self._selector = _JumpingSelector(self)  # asked by BaseEventLoop._run_once

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now_us / 1e6

    def jump(self, seconds: float) -> None:
        """Let virtual time pass. Only the loop itself, when nothing else is left to do.

        The clock ticks in whole microseconds and never stops short of a timer: code that
        computes its next timer in milliseconds must find that it is due, not that a rounding
        error of it is left, or it sets the same timer again for ever.
        """
        self._now_us += int(seconds * 1e6) + 1

    def create_task(self, coro: Any, **options: Any) -> "asyncio.Task[Any]":
        """Make a task, and hold it to the end of the world.

        Nobody else holds the tasks of a dead host; collected in the middle of a run, they would
        run their ``finally`` blocks there, at a time that the seed does not decide.
        """
        task: asyncio.Task[Any] = super().create_task(coro, **options)
        self._kept.append(task)
        if len(self._kept) > self._keep_max:
            self._kept = [one for one in self._kept if not one.done()]
            self._keep_max = 2 * len(self._kept) + 1024
        return task

    def busy(self) -> bool:
        """Whether something is left to do at this very instant."""
        return bool(self._ready) or self._stopping  # type: ignore[attr-defined]

    def call_soon(  # type: ignore[override]  # typeshed's variadic generics say no more
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Schedule for this instant, on behalf of the host of the context."""
        return super().call_soon(*_hosted(callback, args, context), context=context)

    def call_at(  # type: ignore[override]  # likewise
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Schedule for a later instant, on behalf of the host of the context."""
        return super().call_at(when, *_hosted(callback, args, context), context=context)

    def run_in_executor(  # type: ignore[override]
        self,
        executor: Any,  # noqa: ARG002
        func: Any,
        *args: Any,  # noqa: ARG002
    ) -> Any:
        """Refuse: a thread would be a second clock."""
        raise RuntimeError(f"no threads on virtual time; {func!r} wanted one")

    def _process_events(self, event_list: list[Any]) -> None:
        assert not event_list, "the jumping selector never has events"

    def _write_to_self(self) -> None:
        """Nothing to wake: there is no other thread."""


class _JumpingSelector:
    """Stands where asyncio blocks until a timer is due, and makes it due."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise SimulationStuckError(_who_waits(self._loop))
        if not self._loop.busy():
            self._loop.jump(timeout)
        return []

    def close(self) -> None:
        """Nothing was open."""


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a fresh virtual loop, and close the loop.

    >>> async def sleeper() -> float:
    ...     await asyncio.sleep(3600)
    ...     return asyncio.get_running_loop().time()
    >>> run_virtual(sleeper())
    3600.000001
    """
    with virtual_loop() as loop:
        return loop.run_until_complete(main)


@contextmanager
def virtual_loop() -> Iterator[VirtualLoop]:
    """Open a fresh virtual loop that is run step by step, and close it with all that waits."""
    loop = VirtualLoop()
    loop.set_exception_handler(_unless_dead)
    try:
        yield loop
    finally:
        _bury(loop)
        loop.close()


def _unless_dead(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what nobody handled, unless it is only how a host's step was ended."""
    if not isinstance(context.get("exception"), HostDiedError):
        loop.default_exception_handler(context)


def _bury(loop: VirtualLoop) -> None:
    """Close what still waits, dead hosts' tasks among them, now that nobody can be disturbed."""
    for task in sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name()):
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 -- meant
        coroutine = task.get_coro()
        with suppress(Exception):  # a finally block that wants to await, or a closed port
            if coroutine is not None:
                coroutine.close()


def _hosted(
    callback: Callable[..., object], args: tuple[Any, ...], context: contextvars.Context | None
) -> tuple[Any, ...]:
    host = HOST.get() if context is None else context.get(HOST)
    return (callback, *args) if host is None else (host.run, host.incarnation, callback, *args)


def _who_waits(loop: VirtualLoop) -> str:
    tasks = sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())
    lines = [f"  {task.get_name()}: {_innermost(task)}" for task in tasks]
    return "\n".join(
        [f"stuck at {loop.time():.3f} s: no timer is set and every task waits", *lines]
    )


def _innermost(task: "asyncio.Task[Any]") -> str:
    """Say where a task is suspended: the innermost frame of its chain of awaits."""
    frames = task.get_stack(limit=None)
    if not frames:
        return "not started"
    code = frames[-1].f_code
    return f"in {code.co_qualname}, line {frames[-1].f_lineno} of {code.co_filename}"
