"""How many messages came in and went out, and how fast."""

from collections import deque
from dataclasses import dataclass, field

__all__ = ["Stats"]

WINDOW_MS = 10_000


@dataclass(slots=True)
class Stats:
    """Counters since the start, and what they were a while ago."""

    put_count: int = 0
    put_bytes: int = 0
    get_count: int = 0
    get_bytes: int = 0
    get_missed: int = 0  # pulls that found nothing
    _samples: deque[tuple[float, int, int]] = field(default_factory=deque)

    def sample(self, now_ms: float) -> None:
        """Remember the counters, for the rates; called every second or so."""
        self._samples.append((now_ms, self.put_count, self.get_count))
        while self._samples[0][0] < now_ms - WINDOW_MS:
            self._samples.popleft()

    def rates(self, now_ms: float) -> tuple[float, float]:
        """Give messages in and out a second, over the last ten seconds."""
        if not self._samples:
            return 0.0, 0.0
        then_ms, put, got = self._samples[0]
        seconds = max((now_ms - then_ms) / 1000, 0.001)
        return (self.put_count - put) / seconds, (self.get_count - got) / seconds
