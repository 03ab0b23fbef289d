"""Which consumer may consume a queue in order: locks that run out unless they are renewed.

They live in memory alone, as in RocketMQ: after a restart the consumers take them again. Times
are ``now_ms`` of a clock that only grows.
"""

from dataclasses import dataclass, field

from broker.nameserver.route import MessageQueue

__all__ = ["LOCK_MS", "QueueLocks"]

LOCK_MS = 60_000
"""RocketMQ's ``rocketmq.broker.rebalance.lockMaxLiveTime``."""


@dataclass(slots=True)
class QueueLocks:
    """Locks of one broker, by group and queue."""

    _held: dict[tuple[str, MessageQueue], tuple[str, float]] = field(default_factory=dict)

    def lock(
        self, group: str, client_id: str, queues: list[MessageQueue], now_ms: float
    ) -> list[MessageQueue]:
        """Take or renew what nobody else holds; give those that are held now."""
        return [queue for queue in queues if self._lock(group, client_id, queue, now_ms)]

    def unlock(self, group: str, client_id: str, queues: list[MessageQueue]) -> None:
        """Release what this client holds."""
        for queue in queues:
            if self._held.get((group, queue), ("", 0))[0] == client_id:
                del self._held[group, queue]

    def _lock(self, group: str, client_id: str, queue: MessageQueue, now_ms: float) -> bool:
        holder, since_ms = self._held.get((group, queue), (client_id, now_ms))
        if holder != client_id and now_ms - since_ms <= LOCK_MS:
            return False
        self._held[group, queue] = (client_id, now_ms)
        return True
