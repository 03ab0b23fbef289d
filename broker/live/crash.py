"""A process that kills itself at a named place, so that a test can look at what it left."""

import os
import signal

from broker.ports import CrashPoint

__all__ = ["kill_at"]


def kill_at(place: str) -> CrashPoint:
    """Make a crash point that is SIGKILL at ``name`` or ``name:nth``; none for an empty name."""
    if not place:
        return lambda _name: None
    wanted, _, nth = place.partition(":")
    left = int(nth or 1)

    def crash_point(name: str) -> None:
        nonlocal left
        if name == wanted:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return crash_point
