"""Delta debugging: the fewest of some items that still fail, found by leaving parts out.

Zeller and Hildebrandt's ddmin (2002), with complements only: leave out halves, then quarters, and
so on down to single items, and begin again with what is left. The result is *1-minimal*: it fails,
and without any one of its items it does not. If the test is not monotone, another part may be
smaller still; nobody could know without trying all.

>>> ddmin(range(10), lambda kept: 3 in kept and 7 in kept)
[3, 7]
>>> least(1, 1000, lambda number: number >= 37)
37
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["ddmin", "least"]

T = TypeVar("T")


def ddmin(items: Sequence[T], fails: Callable[[list[T]], bool]) -> list[T]:
    """Return a 1-minimal subsequence that fails, given that all of them together do."""
    kept = list(items)
    if not kept or fails([]):
        return []
    size = max(1, len(kept) // 2)
    while len(kept) > 1:
        fewer = _without_some(kept, size, fails)
        if len(fewer) == len(kept) and size == 1:
            break
        size = max(1, min(size // 2, len(fewer) // 2))
        kept = fewer
    return kept


def _without_some(items: list[T], size: int, fails: Callable[[list[T]], bool]) -> list[T]:
    """Leave out each part of some size, in turn, wherever the rest still fails."""
    kept, begin = items, 0
    while begin < len(kept):
        fewer = kept[:begin] + kept[begin + size :]
        if fewer and fails(fewer):
            kept = fewer
        else:
            begin += size
    return kept


def least(low: int, high: int, fails: Callable[[int], bool]) -> int:
    """Return a small number from ``low`` on that fails, by halving, given that ``high`` does.

    The lowest is asked first: often nothing more is needed, and then that is known at once.
    """
    if low < high and fails(low):
        return low
    low += 1
    while low < high:
        middle = (low + high) // 2
        if fails(middle):
            high = middle
        else:
            low = middle + 1
    return high
