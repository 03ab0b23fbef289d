"""Which queue is next: each in its turn, but not of a group that just failed or is slow.

With ``avoid_slow`` a send's latency (a failed one counts as 30 s) decides for how long its group
is left alone, if there is another:

    less than   550 ms   1 s   2 s   3 s   15 s   or more
    for         0        30    60    120   180    600 seconds

Source of the facts: RocketMQ's ``TopicPublishInfo.java`` and ``MQFaultStrategy.java``.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from broker.nameserver.route import MessageQueue

__all__ = ["FAILED_MS", "QueueTurns"]

FAILED_MS: Final = 30_000
"""What a failed send counts as."""

_LATENCIES_MS: Final = (550, 1000, 2000, 3000, 15_000)
_AVOIDED_MS: Final = (0, 30_000, 60_000, 120_000, 180_000, 600_000)


@dataclass(slots=True)
class QueueTurns:
    """Whose turn it is."""

    turn: int  # begin at random, so that producers spread
    avoid_slow: bool = False
    _usable_from_ms: dict[str, float] = field(default_factory=dict)

    def choose(
        self, queues: Sequence[MessageQueue], failed_broker: str, now_ms: float
    ) -> MessageQueue:
        """Give the next queue, if possible of a group that neither failed nor is slow.

        >>> queues = [MessageQueue("T", name, 0) for name in ("a", "b")]
        >>> turns = QueueTurns(0)
        >>> [turns.choose(queues, failed, 0).broker_name for failed in ("", "", "b", "a")]
        ['b', 'a', 'a', 'b']
        """
        candidates = [one for one in queues if one.broker_name != failed_broker] or queues
        if self.avoid_slow:
            quick = [one for one in candidates if self._is_usable(one.broker_name, now_ms)]
            candidates = quick or candidates
        self.turn += 1
        return candidates[self.turn % len(candidates)]

    def on_sent(self, broker_name: str, latency_ms: float, now_ms: float) -> None:
        """Learn how long a send to a group took."""
        avoided_ms = _AVOIDED_MS[bisect_right(_LATENCIES_MS, latency_ms)]
        self._usable_from_ms[broker_name] = now_ms + avoided_ms

    def _is_usable(self, broker_name: str, now_ms: float) -> bool:
        return now_ms >= self._usable_from_ms.get(broker_name, 0)
