"""Where a group's offsets are kept: at the brokers by a cluster, in a file by a broadcast.

Every member of a broadcast consumes everything, so its offsets are its own affair.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from broker.client.consumer import PullConsumer
from broker.errors import MqError
from broker.nameserver.route import MessageQueue
from broker.ports import Disk
from broker.tables.queue_offsets import read_offsets, write_offsets

__all__ = ["BrokerOffsets", "FileOffsets", "GroupOffsets"]

logger = logging.getLogger(__name__)


class GroupOffsets(Protocol):
    """Remembers how far a group has come."""

    async def read(self, queue: MessageQueue) -> int | None:
        """Give the offset to go on from; None if there is none. ``MqError`` if nobody can say."""

    async def persist(self, offsets: Mapping[MessageQueue, int]) -> None:
        """Remember some offsets; what cannot be remembered now is tried again with the next."""


@dataclass(frozen=True, slots=True)
class BrokerOffsets:
    """Offsets at each queue's own broker: the master while it is in the route, else the slave."""

    consumer: PullConsumer

    async def read(self, queue: MessageQueue) -> int | None:
        """Ask the broker."""
        broker_id = await self.consumer.session.serving_broker(queue.topic, queue.broker_name)
        return await self.consumer.query_offset(queue, broker_id=broker_id)

    async def persist(self, offsets: Mapping[MessageQueue, int]) -> None:
        """Tell the brokers, all at once."""
        await asyncio.gather(*(self._tell(queue, offset) for queue, offset in offsets.items()))

    async def _tell(self, queue: MessageQueue, offset: int) -> None:
        session = self.consumer.session
        try:
            broker_id = await session.serving_broker(queue.topic, queue.broker_name)
            await self.consumer.commit_offset(queue, offset, broker_id=broker_id)
        except MqError:
            return  # The next round tells a later offset, and no message is lost by waiting.


@dataclass(slots=True)
class FileOffsets:
    """Offsets in one JSON file, as RocketMQ's ``LocalFileOffsetStore`` keeps them.

    Without a path they are kept for as long as this lives.
    """

    disk: Disk
    path: str
    _offsets: dict[MessageQueue, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path and self.disk.exists(self.path):
            self._offsets = read_offsets(self._content())

    async def read(self, queue: MessageQueue) -> int | None:
        """Look it up."""
        return self._offsets.get(queue)

    async def persist(self, offsets: Mapping[MessageQueue, int]) -> None:
        """Write them all, in one step."""
        self._offsets.update(offsets)
        if not self.path:
            return
        try:
            await self._replace()
        except OSError as error:
            logger.warning("%s was not written, and will be with the next: %s", self.path, error)

    async def _replace(self) -> None:
        temporary = f"{self.path}.tmp"
        file = self.disk.open(temporary, create=True)
        try:
            file.truncate(0)
            file.write(0, write_offsets(self._offsets))
            await file.sync()
        finally:
            file.close()
        self.disk.rename(temporary, self.path)

    def _content(self) -> bytes:
        file = self.disk.open(self.path)
        try:
            return file.read(0, file.size())
        finally:
            file.close()
