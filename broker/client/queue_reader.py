"""The endless pull of one queue: on from where it is, parked at the broker when nothing is there.

It asks the broker that the last answer suggested, else the master, else whoever is in the route.
An offset outside the queue moves to where the broker says, with one exception: a slave that lags
behind its dead master would send the reader back to what it has had, so on a slave's word the
reader waits instead of going back.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from broker.client.consumer import PullConsumer, PullResult, PullStatus
from broker.client.process_queue import ProcessQueue
from broker.errors import MqError
from broker.nameserver.route import MASTER_ID
from broker.steady import steady_ms
from broker.store.message import StoredMessage

__all__ = ["QueueReader"]

FULL_SECONDS: Final = 0.05
AFTER_ERROR_SECONDS: Final = 1.0
"""RocketMQ's pullTimeDelayMillsWhenFlowControl and pullTimeDelayMillsWhenException."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class QueueReader:
    """Reads one queue until it is dropped."""

    consumer: PullConsumer
    process: ProcessQueue
    tags: str
    on_messages: Callable[[ProcessQueue, list[StoredMessage]], None]
    needs_lock: bool
    commits: bool  # tell the master with each pull how far we have come
    batch_size: int = 32
    suspend_ms: int = 15_000
    preferred: int = MASTER_ID

    async def run(self) -> None:
        """Pull and pull again; ends when the queue is dropped, or by cancellation."""
        while not self.process.is_dropped:
            unlocked = self.needs_lock and not self.process.is_locked(steady_ms())
            if unlocked or self.process.is_full:
                await asyncio.sleep(FULL_SECONDS)
                continue
            try:
                moved = await self._pull()
            except MqError as error:
                logger.info("pulling %s: %s", self.process.queue, error)
                moved = False
            if not moved:
                await asyncio.sleep(AFTER_ERROR_SECONDS)

    async def _pull(self) -> bool:
        """Pull once; whether to go on at once."""
        queue = self.process.queue
        session = self.consumer.session
        broker_id = await session.serving_broker(queue.topic, queue.broker_name, self.preferred)
        result = await self.consumer.pull(
            queue,
            self.process.next_offset,
            self.batch_size,
            broker_id=broker_id,
            suspend_ms=self.suspend_ms,
            tags=self.tags,
            commit_offset=self.process.commit_offset if self.commits else None,
        )
        if self.process.is_dropped:
            return True
        self.preferred = result.suggested_broker_id
        if result.status is PullStatus.OFFSET_ILLEGAL:
            return self._move(result, broker_id)
        new = self.process.put(result.messages, result.next_offset)
        if new:
            self.on_messages(self.process, new)
        return True

    def _move(self, result: PullResult, broker_id: int) -> bool:
        if broker_id != MASTER_ID and result.next_offset < self.process.next_offset:
            return False
        logger.warning(
            "%s reaches from %d to %d: going on at %d instead of %d",
            self.process.queue,
            result.min_offset,
            result.max_offset,
            result.next_offset,
            self.process.next_offset,
        )
        self.process.jump(result.next_offset)
        return True
