"""What a consumer has pulled of one queue and not consumed yet.

    pulled        ............|=========|.......
                  committed ->          ^ next pull
                              ^ the oldest message that is not consumed

The offset to commit is that of the oldest message still in here: messages behind it may have been
consumed already, and after a crash they come again. It never passes a message that was not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from broker.nameserver.route import MessageQueue
from broker.store.message import StoredMessage

__all__ = ["ProcessQueue"]

CACHED_MESSAGES_MAX: Final = 1000
CACHED_BYTES_MAX: Final = 100 << 20
SPAN_MAX: Final = 2000
"""RocketMQ's limits of one queue's cache: pullThresholdForQueue and its kin."""

LOCK_VALID_MS: Final = 30_000


@dataclass(slots=True)
class ProcessQueue:
    """One queue in work. ``is_dropped`` once it belongs to somebody else."""

    queue: MessageQueue
    next_offset: int  # where the next pull begins
    is_dropped: bool = False
    locked_until_ms: float = 0  # of an orderly consumer
    _waiting: dict[int, StoredMessage] = field(default_factory=dict)  # by offset, ascending
    _bytes: int = 0

    @property
    def cached_count(self) -> int:
        """How many messages have been pulled and not consumed yet."""
        return len(self._waiting)

    @property
    def commit_offset(self) -> int:
        """The offset from which the group would have to go on."""
        return next(iter(self._waiting), self.next_offset)

    @property
    def is_full(self) -> bool:
        """Whether pulling should pause until more is consumed."""
        span = self.next_offset - self.commit_offset
        return (
            len(self._waiting) > CACHED_MESSAGES_MAX
            or self._bytes > CACHED_BYTES_MAX
            or span > SPAN_MAX
        )

    def put(self, messages: Sequence[StoredMessage], next_offset: int) -> list[StoredMessage]:
        """Take in what a pull brought; return what is new."""
        new = [message for message in messages if message.queue_offset >= self.next_offset]
        for message in new:
            self._waiting[message.queue_offset] = message
            self._bytes += message.size
        self.next_offset = max(self.next_offset, next_offset)
        return new

    def oldest(self, count: int) -> list[StoredMessage]:
        """Give the oldest messages, without taking them out."""
        return list(islice(self._waiting.values(), count))

    def consumed(self, messages: Sequence[StoredMessage]) -> None:
        """Take out what was consumed."""
        for message in messages:
            if self._waiting.pop(message.queue_offset, None) is not None:
                self._bytes -= message.size

    def jump(self, offset: int) -> None:
        """Go on elsewhere: the queue does not reach to where we were."""
        self._waiting.clear()
        self._bytes = 0
        self.next_offset = offset

    def locked(self, now_ms: float) -> None:
        """Note that the broker holds this queue for us."""
        self.locked_until_ms = now_ms + LOCK_VALID_MS

    def is_locked(self, now_ms: float) -> bool:
        """Whether the lock can still be relied on."""
        return now_ms < self.locked_until_ms
