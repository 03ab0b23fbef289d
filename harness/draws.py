"""Everything drawn in a run comes from its seed, each purpose from a stream of its own.

A stream's name says what it is for, so that one more draw in one place changes no other:

>>> stream(7, "pace").random() == stream(7, "pace").random()
True
>>> stream(7, "pace").random() == stream(7, "process", 3).random()
False
"""

import secrets
from random import Random

__all__ = ["fresh_seed", "stream"]


def stream(seed: int, *purpose: str | int) -> Random:
    """Open the stream of one purpose; the same seed and purpose give the same draws."""
    return Random("/".join(map(str, (seed, *purpose))))  # noqa: S311  a test must be repeatable


def fresh_seed() -> int:
    """Draw a seed for a run that was given none; short enough to be typed."""
    return secrets.randbelow(10**8)
