"""What has come of many seeds so far, on one line of a terminal.

1,204 of 5,000: 1,203 valid, 1 unknown; 1,012 runs a minute, 3:45 left
"""

from collections import Counter
from dataclasses import dataclass, field

from harness.simulated.swarm import SeedResult
from harness.wording import counted

__all__ = ["Tally"]


@dataclass(slots=True)
class Tally:
    """Counts of runs by verdict, and the pace."""

    total: int
    began_s: float
    found: Counter[str] = field(default_factory=Counter)
    virtual_s: float = 0.0
    ops: int = 0
    cpu_s: float = 0.0

    @property
    def done(self) -> int:
        """How many runs have ended."""
        return self.found.total()

    def add(self, result: SeedResult) -> None:
        """Count a run."""
        self.found[result.validity] += 1
        self.virtual_s += result.virtual_s
        self.ops += result.ops
        self.cpu_s += result.cpu_s

    def line(self, now_s: float) -> str:
        """Say how far it is, in at most 79 columns."""
        seconds_left = (self.total - self.done) * (now_s - self.began_s) / max(self.done, 1)
        left = _clock(seconds_left) if self.done else "?"
        pace = f"{self._a_minute(now_s):,.0f} runs a minute"
        return f"{self.done:,} of {self.total:,}{self._words()}; {pace}, {left} left"[:79]

    def summary(self, now_s: float) -> str:
        """Say what came of it all."""
        wall_s = max(now_s - self.began_s, 1e-9)
        cpu_s = max(self.cpu_s, 1e-9)
        return (
            f"{counted(self.done, 'run')}{self._words()}; "
            f"{self._a_minute(now_s):,.0f} runs a minute\n"
            f"{self.virtual_s:,.0f} virtual seconds in {wall_s:.1f} s "
            f"({self.virtual_s / wall_s:.0f}x), {self.virtual_s / cpu_s:.0f}x a CPU, "
            f"{self.ops / cpu_s:,.0f} checked operations a CPU second"
        )

    def _words(self) -> str:
        words = ", ".join(f"{count:,} {word}" for word, count in sorted(self.found.items()))
        return f": {words}" if words else ""

    def _a_minute(self, now_s: float) -> float:
        return 60 * self.done / max(now_s - self.began_s, 1e-9)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
