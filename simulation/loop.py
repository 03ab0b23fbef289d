"""An event loop on virtual time: nothing ever waits, the clock jumps to the next timer.

The loop is asyncio's own ``BaseEventLoop`` with its two contacts to the world taken away. Where
it would block in a selector until the next timer is due, the clock is set to that timer instead;
where it would read a clock, it reads its own. Callbacks of one instant run in the order in which
they were scheduled, so a run is a function of its inputs alone. For speed its queues are its own
as well: a run is made of little else than callbacks and timers.

    time()             virtual seconds, from 0.0
    a stuck run        no callback is ready and no timer is set: nothing can ever happen again.
                       That is an error, and it names every task and what it waits for.
    processes          a callback belongs to the process in whose context it was scheduled
                       (``simulation/handles.py``): those of a dead one are dropped, those of a
                       paused one are held until it resumes.

There is no I/O here at all: no sockets, no pipes, no signals, and no threads (``run_in_executor``
is an error, since a thread is a second clock).
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from heapq import heappop, heappush
from typing import Any, TypeVar

from simulation.handles import HostedHandle
from simulation.hosts import PROCESS, WORLD, HostDiedError

__all__ = ["SimulationStuckError", "VirtualLoop", "run_virtual", "virtual_loop"]

T = TypeVar("T")

AWAITS_MAX = 100
"""How often a coroutine that is closed may want to await something on its way out."""


class SimulationStuckError(Exception):
    """Every task waits and no timer is set; the message names who waits for what."""


class VirtualLoop(asyncio.BaseEventLoop):
    """An asyncio event loop whose clock is a number."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._due: deque[HostedHandle] = deque()  # at this very instant, in order
        self._timers: list[tuple[float, int, HostedHandle]] = []  # a heap
        self._timer_count = 0  # keeps timers of one instant in the order they were set
        self._kept: list[asyncio.Task[Any]] = []
        self._keep_max = 1024

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now_s

    def create_task(self, coro: Any, **options: Any) -> "asyncio.Task[Any]":
        """Make a task, and hold it to the end of the world.

        Nobody else holds the tasks of a dead host; collected in the middle of a run, they would
        run their ``finally`` blocks there, at a time that the seed does not decide.
        """
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, **options)
        self._kept.append(task)
        if len(self._kept) > self._keep_max:
            self._kept = [one for one in self._kept if not one.done()]
            self._keep_max = 2 * len(self._kept) + 1024
        return task

    def call_soon(  # type: ignore[override]  # typeshed's variadic generics say no more
        self,
        *call: Any,
        context: contextvars.Context | None = None,
    ) -> HostedHandle:
        """Schedule for this instant, on behalf of the process of the context."""
        handle = HostedHandle(self._now_s, call, context)
        self._due.append(handle)
        return handle

    def call_at(  # type: ignore[override]  # likewise
        self,
        when: float,
        *call: Any,
        context: contextvars.Context | None = None,
    ) -> HostedHandle:
        """Schedule for a later instant, on behalf of the process of the context."""
        handle = HostedHandle(when, call, context)
        self._timer_count += 1
        heappush(self._timers, (when, self._timer_count, handle))
        return handle

    def call_later(  # type: ignore[override]  # likewise
        self,
        delay: float,
        *call: Any,
        context: contextvars.Context | None = None,
    ) -> HostedHandle:
        """Schedule for so many seconds from now."""
        return self.call_at(self._now_s + delay, *call, context=context)

    def happen_now(self, context: contextvars.Context, *call: Any) -> None:
        """Let a callback happen within this step, on behalf of the process of the context.

        For the world's own timers, whose work is a process's: one event does for both.
        """
        if not context.get(PROCESS, WORLD).runs:
            HostedHandle(self._now_s, call, context).happen()
            return
        try:  # as a handle does, without making one
            context.run(*call)
        except BaseException as error:  # noqa: BLE001 -- the handle knows what to do with it
            HostedHandle(self._now_s, call, context).failed(error)

    def _run_once(self) -> None:
        """Let everything of this instant happen, then jump to the next one, until it is enough.

        This is what BaseEventLoop calls again and again; there it waits for sockets and timers.
        """
        due, timers = self._due, self._timers
        while not self._stopping:  # type: ignore[attr-defined]
            if not due:
                self._jump()
            now_s = self._now_s
            while timers and timers[0][0] <= now_s:
                due.append(heappop(timers)[2])
            for _ in range(len(due)):
                due.popleft().happen()

    def _jump(self) -> None:
        """Set the clock to the next timer that is still wanted.

        The clock ticks in whole microseconds and never stops short of a timer: code that
        computes its next timer in milliseconds must find that it is due, not that a rounding
        error of it is left, or it sets the same timer again for ever.
        """
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heappop(timers)
        if not timers:
            raise SimulationStuckError(_who_waits(self))
        if timers[0][0] > self._now_s:
            self._now_s = (int(timers[0][0] * 1e6) + 1) / 1e6

    def run_in_executor(  # type: ignore[override]
        self,
        executor: Any,  # noqa: ARG002
        func: Any,
        *args: Any,  # noqa: ARG002
    ) -> Any:
        """Refuse: a thread would be a second clock."""
        raise RuntimeError(f"no threads on virtual time; {func!r} wanted one")

    def close(self) -> None:
        """Let go of what will not happen; a world that is over is full of circles as it is."""
        super().close()
        self._due.clear()
        self._timers.clear()
        self._kept.clear()

    def _write_to_self(self) -> None:
        """Nothing to wake: there is no other thread."""


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
        assert coroutine is not None, "only an eager task can be without one"
        for _ in range(AWAITS_MAX):
            with suppress(Exception):  # a finally block that wants to await, or a closed port
                coroutine.close()
                break


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
