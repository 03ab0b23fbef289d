"""A fault stands in the shadow of another if that one had stopped every write already.

Sends while it was on then say nothing of it, and neither does it that none was ok. In the shadow is
a window all of whose sends met a fault that stops writes, or were refused, if some of them did

    meet one          it was on while they were under way
    wait one out      they were under way when the window began: a client waits for its answer
    find no master    they were refused before any send was ok again: its outage still lasted

Everything is counted once for all windows, so that a night of faults costs no more than its sends.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from checkers.messages import NEVER, Messages
from checkers.windows import Window, merged, met
from histories.op import OpType

__all__ = ["Shadows"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Shadows:
    """The outages of a history, and which sends fell into them."""

    def __init__(self, messages: Messages, windows: Sequence[Window]) -> None:
        order = np.argsort(messages.begin_row, kind="stable")
        begin, end = messages.begin_row[order], messages.end_row[order]
        refused = messages.outcome[order] == OpType.FAIL
        stopping = [window for window in windows if window.stops_writes]
        in_one = met(stopping, begin, end)
        in_one |= refused & _within(_outages(stopping, begin, end, messages.ok[order]), begin)
        self._begin = begin
        self._met = _sums(in_one)
        self._excused = _sums(in_one | refused)
        self._waits_to = np.maximum.accumulate(np.where(in_one, end, -1)) if len(end) else end

    def cover(self, window: Window) -> bool:
        """Whether a window, of a fault that leaves writes possible, is in the shadow of another."""
        if window.stops_writes:
            return False
        first = int(np.searchsorted(self._begin, window.inject_row, side="right"))
        after = max(first, int(np.searchsorted(self._begin, window.cured_row)))
        waiting = first > 0 and self._waits_to[first - 1] > window.inject_row
        some = waiting or self._met[after] > self._met[first]
        return bool(some) and bool(self._excused[after] - self._excused[first] == after - first)


def _outages(
    stopping: Sequence[Window], begin: Ints, end: Ints, ok: Bools
) -> list[tuple[int, int]]:
    """Give the rows from each injection to the first ok of a send that began after its cure."""
    ok_begin = begin[ok]
    first_end = np.append(np.minimum.accumulate(end[ok][::-1])[::-1], NEVER)
    places = np.searchsorted(ok_begin, [window.cured_row for window in stopping], side="right")
    return [
        (window.inject_row, int(first_end[at])) for window, at in zip(stopping, places, strict=True)
    ]


def _within(spans: Sequence[tuple[int, int]], rows: Ints) -> Bools:
    """Tell which rows are inside a span."""
    joined = np.array([*merged(spans), (NEVER, NEVER)], np.int64)
    place = np.searchsorted(joined[:, 1], rows, side="right")
    inside: Bools = joined[np.minimum(place, len(joined) - 1), 0] < rows
    return inside


def _sums(flags: Bools) -> Ints:
    """Count the flags before each place, and all of them at last."""
    return np.append(0, np.cumsum(flags)).astype(np.int64)
