"""Shrink a case: reduce one thing after another for as long as the same anomaly is there.

The order is by what it saves: first whole faults, then time, clients, queues and load, at last
the lengths of the faults that are left; and again from the beginning until a round changes nothing.
Each pass makes smaller cases (``case.py``) and asks whether they still fail; a case is never asked
twice, and after ``tries_max`` questions the answer is no, so that every pass ends by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.shrinking.case import TAIL_MS, Case
from harness.shrinking.ddmin import ddmin, least
from nemesis.shapes import HOLD_MS_MIN

__all__ = ["Shrinker"]

GRAIN_MS = 250
"""Times are shrunk to multiples of this: a finer one explains nothing better."""

RATE_MIN = 5


@dataclass(slots=True)
class Shrinker:
    """Finds a small case that fails as a large one does."""

    case: Case
    fails: Callable[[Case], bool]
    tries_max: int
    on_smaller: Callable[[Case], None] = lambda _case: None
    tries: int = 0
    _known: dict[bytes, bool] = field(default_factory=dict)

    def run(self) -> Case:
        """Shrink until a round of all passes changes nothing; ``case`` is always the smallest."""
        while True:
            before = self.case
            self._drop_faults()
            self._begin_earlier()
            self._lower_limit()
            self._lower_figures()
            self._shorten_windows()
            if self.case == before:
                return self.case

    def _drop_faults(self) -> None:
        case = self.case
        numbers = range(1, len(case.schedule.steps) + 1)
        ddmin(numbers, lambda kept: self._smaller(case.with_steps(kept)))

    def _begin_earlier(self) -> None:
        case = self.case
        high = case.begin_ms // GRAIN_MS
        least(1, high, lambda grains: self._smaller(case.begun_at(grains * GRAIN_MS)))

    def _lower_limit(self) -> None:
        case = self.case
        if not all(step.timed for step in case.schedule.steps):
            return  # when such a step begins is not known, nor how much time it needs
        low = -(-(case.end_ms + TAIL_MS) // GRAIN_MS)
        high = case.schedule.time_limit_ms // GRAIN_MS
        least(low, high, lambda grains: self._smaller(case.with_limit(grains * GRAIN_MS)))

    def _lower_figures(self) -> None:
        """Try the smallest number first: a load of one client says most."""
        for concurrency in range(1, self.case.options.concurrency):
            if self._smaller(self.case.with_figures(concurrency=concurrency)):
                break
        for queues in range(1, self.case.options.queues):
            if self._smaller(self.case.with_figures(queues=queues)):
                break
        while (rate := self.case.options.rate / 2) >= RATE_MIN:
            if not self._smaller(self.case.with_figures(rate=round(rate, 1))):
                break

    def _shorten_windows(self) -> None:
        for number in range(1, len(self.case.schedule.steps) + 1):
            case = self.case
            step = case.schedule.steps[number - 1]
            low, high = -(-HOLD_MS_MIN // GRAIN_MS), (step.until_ms - step.at_ms) // GRAIN_MS
            least(
                low,
                high,
                lambda grains, number=number, case=case: self._smaller(  # type: ignore[misc]
                    case.with_hold(number, grains * GRAIN_MS)
                ),
            )

    def _smaller(self, case: Case) -> bool:
        """Ask whether a case fails; if so, it is the smallest from now on."""
        key = case.schedule.to_json() + repr(case.options).encode()
        if key not in self._known:
            if self.tries >= self.tries_max:
                return False
            self.tries += 1
            self._known[key] = self.fails(case)
            if self._known[key]:
                self.case = case
                self.on_smaller(case)
        return self._known[key]
