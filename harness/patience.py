"""A time-out around one op after another, for which one timer does.

``asyncio.timeout`` sets a timer for each op and cancels it again, and nearly no op needs it. Here a
timer that fires finds out whether the op under way is the one that has lasted too long; if not, it
waits for the time-out of that one.
"""

import asyncio

__all__ = ["Patience"]


class Patience:
    """How long one task waits for what it does; it does one thing at a time."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None  # that is in the midst of something
        self._due_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def begin(self) -> None:
        """Begin to wait, in the running task."""
        self._task, self._is_over = asyncio.current_task(), False
        self._due_s = self._loop.time() + self._timeout_s
        if self._timer is None:
            self._timer = self._loop.call_at(self._due_s, self._look)

    def end(self) -> None:
        """Wait no more, however it ended."""
        self._uncancel()
        self._task = None

    def is_over(self) -> bool:
        """Whether a ``CancelledError`` that was caught is ours alone; it is dealt with then."""
        return self._is_over and self._uncancel() == 0

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _uncancel(self) -> int:
        """Take our request to cancel back; how many others there are."""
        if not self._is_over or self._task is None:
            return 0
        self._is_over = False
        return self._task.uncancel()

    def _look(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if self._loop.time() < self._due_s:
            self._timer = self._loop.call_at(self._due_s, self._look)
        else:
            self._is_over = True
            self._task.cancel()
