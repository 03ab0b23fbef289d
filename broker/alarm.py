"""When a core wants to be woken: one timer, set again only if it would be too late.

Nearly every event moves a deadline on. A timer that goes off early finds nothing due, and is set
again for what is due by then.
"""

import asyncio
from collections.abc import Callable

from broker.steady import steady_ms

__all__ = ["Alarm"]


class Alarm:
    """Wakes one core; ``next_tick_ms`` says when it wants that, on the event loop's clock."""

    def __init__(
        self, next_tick_ms: Callable[[], float | None], on_tick: Callable[[float], None]
    ) -> None:
        self._next_tick_ms = next_tick_ms
        self._on_tick = on_tick
        self._timer: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """See to it that it goes off no later than the core wants."""
        due_ms = self._next_tick_ms()
        if due_ms is None:
            self.cancel()
        else:
            self.arm_by(due_ms)

    def arm_by(self, due_ms: float) -> None:
        """See to it that it goes off no later than then: the core has one deadline more."""
        if self._timer is not None:
            if self._timer.when() * 1000 <= due_ms:
                return
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(due_ms / 1000, self._go_off, due_ms)

    def cancel(self) -> None:
        """Go off no more, until it is armed again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_off(self, due_ms: float) -> None:
        self._timer = None
        # Seconds and milliseconds round apart: a core must never find that it is not due yet.
        self._on_tick(max(due_ms, steady_ms()))
