"""A case is tried by playing it, within a budget of time.

What is simulated is played once. With real processes what races is raced anew each time, so a case
is played several times and *fails* if at least half of them show the anomaly; no more are played
than it takes to know. When the budget is spent the answer is no, and so the search ends by itself.
A play that breaks, say because a busy machine could not start a node in time, shows nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from checkers.verdict import Validity
from harness.replay import Outcome, Play
from harness.shrinking.case import Case

__all__ = ["Trials"]


@dataclass(slots=True)
class Trials:
    """Asks of case after case whether it still shows one anomaly."""

    play: Play
    anomaly: str
    repeats: int
    budget_s: float
    now_s: Callable[[], float] = time.monotonic
    on_play: Callable[[Case, float], None] = lambda _case, _spent_s: None
    on_broken: Callable[[Exception], None] = lambda _error: None
    began_s: float = field(init=False)
    shown: list[Outcome] = field(default_factory=list)  # what the last case that failed came to

    def __post_init__(self) -> None:
        self.began_s = self.now_s()

    @property
    def spent_s(self) -> float:
        """How long it has taken so far."""
        return self.now_s() - self.began_s

    def fails(self, case: Case) -> bool:
        """Play a case until at least half of its plays show the anomaly, or can no more do so."""
        needed = -(-self.repeats // 2)
        outcomes: list[Outcome] = []
        for left in range(self.repeats, 0, -1):
            if self.spent_s >= self.budget_s or self.count(outcomes) + left < needed:
                return False
            outcomes.append(self.once(case))
            if self.count(outcomes) >= needed:
                self.shown = outcomes
                return True
        return False

    def once(self, case: Case) -> Outcome:
        """Play a case once, whatever it takes."""
        self.on_play(case, self.spent_s)
        try:
            return self.play(case.options, case.schedule)
        except Exception as error:  # noqa: BLE001 - a search of minutes goes on without it
            self.on_broken(error)
            return Outcome(Validity.UNKNOWN, ())

    def count(self, outcomes: list[Outcome]) -> int:
        """Count the outcomes that show the anomaly."""
        return sum(self.anomaly in outcome.broken for outcome in outcomes)
