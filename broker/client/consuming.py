"""How messages reach the listener: many at once, or each queue in its order.

    concurrent   batches as they come, ``concurrency`` of them at a time. What the listener wants
                 LATER goes back to the broker, which delivers it again after a while; if the
                 broker won't have it, it is tried again here.
    orderly      a queue's messages one batch after the other, only while the broker's lock on the
                 queue is ours. LATER stops the queue for a moment, then offers the same again.

A listener that raises wanted it LATER. A queue that was dropped while the listener worked is not
counted as consumed: whoever has it now gets those messages again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

import msgspec

from broker.client.process_queue import ProcessQueue
from broker.nameserver.route import MessageQueue
from broker.steady import steady_ms
from broker.store.message import StoredMessage

__all__ = [
    "Concurrent",
    "ConsumeStatus",
    "Consuming",
    "Listener",
    "Orderly",
    "SendBack",
    "with_first_topic",
]

RETRY_HERE_SECONDS: Final = 5.0
SUSPEND_SECONDS: Final = 1.0
LOCK_POLL_SECONDS: Final = 0.05
RETRY_TOPIC: Final = "RETRY_TOPIC"

logger = logging.getLogger(__name__)


class ConsumeStatus(StrEnum):
    """What a listener made of a batch."""

    SUCCESS = "SUCCESS"
    LATER = "LATER"  # RECONSUME_LATER, or SUSPEND_CURRENT_QUEUE_A_MOMENT


Listener: TypeAlias = Callable[[MessageQueue, list[StoredMessage]], Awaitable[ConsumeStatus]]
"""Consumes some messages of one queue."""

SendBack: TypeAlias = Callable[[MessageQueue, StoredMessage], Awaitable[bool]]
"""Gives a message back to the broker; whether the broker took it."""


class Consuming(Protocol):
    """What a push consumer does with the messages of the queues that it holds."""

    def begin(self, process: ProcessQueue) -> None:
        """Take a queue on."""

    def arrived(self, process: ProcessQueue, messages: list[StoredMessage]) -> None:
        """Consume what a pull brought, now or soon."""

    async def end(self, process: ProcessQueue) -> bool:
        """Let a dropped queue go; whether nothing of it is in the listener's hands any more."""

    async def close(self, wait_seconds: float) -> None:
        """Begin nothing new, wait a little for what is in the listener's hands, and stop."""


async def _offer(
    listener: Listener, queue: MessageQueue, messages: list[StoredMessage]
) -> ConsumeStatus:
    try:
        return await listener(queue, [with_first_topic(message) for message in messages])
    except Exception:
        logger.exception("the listener failed on %s from %d", queue, messages[0].queue_offset)
        return ConsumeStatus.LATER


def with_first_topic(message: StoredMessage) -> StoredMessage:
    """Give a message that comes from a retry topic its own topic back."""
    topic = message.properties.get(RETRY_TOPIC)
    return message if topic is None else msgspec.structs.replace(message, topic=topic)


@dataclass(slots=True)
class Concurrent:
    """Consumes many batches at once."""

    listener: Listener
    send_back: SendBack | None  # None: a broadcast, where nothing is delivered again
    batch_size: int = 1
    concurrency: int = 20
    _gate: asyncio.Semaphore = field(init=False)
    _work: dict[asyncio.Task[None], None] = field(init=False, default_factory=dict)
    _closing: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._gate = asyncio.Semaphore(self.concurrency)

    def begin(self, process: ProcessQueue) -> None:
        """Wait for its messages."""

    def arrived(self, process: ProcessQueue, messages: list[StoredMessage]) -> None:
        """Queue up batches."""
        for start in range(0, len(messages), self.batch_size):
            batch = messages[start : start + self.batch_size]
            _spawn(self._work, self._consume(process, batch))

    async def end(self, process: ProcessQueue) -> bool:  # noqa: ARG002 - a protocol's signature
        """Let the listener finish on its own: order was never promised."""
        return True

    async def close(self, wait_seconds: float) -> None:
        """Wait for the batches that are in hand."""
        self._closing.set()
        await _finish(self._work, wait_seconds)

    async def _consume(self, process: ProcessQueue, batch: list[StoredMessage]) -> None:
        while batch:
            async with self._gate:
                if process.is_dropped or self._closing.is_set():
                    return
                status = await _offer(self.listener, process.queue, batch)
                if process.is_dropped:
                    return
                later = batch if status is ConsumeStatus.LATER else []
                kept = await self._give_back(process.queue, later)
                process.consumed([message for message in batch if message not in kept])
                batch = kept
            if batch:
                await self._wait_a_while()

    async def _wait_a_while(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(RETRY_HERE_SECONDS):
                await self._closing.wait()

    async def _give_back(
        self, queue: MessageQueue, messages: list[StoredMessage]
    ) -> list[StoredMessage]:
        """Return those that the broker did not take."""
        if self.send_back is None:
            return []
        return [message for message in messages if not await self.send_back(queue, message)]


@dataclass(slots=True)
class Orderly:
    """Consumes each queue in order."""

    listener: Listener
    batch_size: int = 1
    _news: dict[MessageQueue, asyncio.Event] = field(init=False, default_factory=dict)
    _loops: dict[MessageQueue, asyncio.Task[None]] = field(init=False, default_factory=dict)
    _let_go: dict[MessageQueue, asyncio.Task[None]] = field(init=False, default_factory=dict)
    _is_closing: bool = field(init=False, default=False)

    def begin(self, process: ProcessQueue) -> None:
        """Start the queue's own loop; it waits for the one before, if that still works."""
        news = self._news[process.queue] = asyncio.Event()
        run = self._run(process, news, self._let_go.pop(process.queue, None))
        self._loops[process.queue] = asyncio.get_running_loop().create_task(run)

    def arrived(self, process: ProcessQueue, messages: list[StoredMessage]) -> None:  # noqa: ARG002 - the loop takes them from the process queue
        """Wake the queue's loop."""
        self._news[process.queue].set()

    async def end(self, process: ProcessQueue) -> bool:
        """Stop the queue's loop; false if the listener does not come back within a second."""
        self._news.pop(process.queue).set()
        loop = self._loops.pop(process.queue)
        self._let_go[process.queue] = loop
        _, working = await asyncio.wait([loop], timeout=SUSPEND_SECONDS)
        if not working and self._let_go.get(process.queue) is loop:
            del self._let_go[process.queue]
        return not working

    async def close(self, wait_seconds: float) -> None:
        """Wait for the batches that are in hand."""
        self._is_closing = True
        for news in self._news.values():
            news.set()
        loops = dict.fromkeys([*self._loops.values(), *self._let_go.values()])
        await _finish(loops, wait_seconds)

    async def _run(
        self, process: ProcessQueue, news: asyncio.Event, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        while not (process.is_dropped or self._is_closing):
            batch = process.oldest(self.batch_size)
            if not batch:
                news.clear()
                await news.wait()
            elif not process.is_locked(steady_ms()):
                await asyncio.sleep(LOCK_POLL_SECONDS)
            else:
                await self._consume(process, batch)

    async def _consume(self, process: ProcessQueue, batch: list[StoredMessage]) -> None:
        status = await _offer(self.listener, process.queue, batch)
        if process.is_dropped or not process.is_locked(steady_ms()):
            return  # Another member may have begun with these already.
        if status is ConsumeStatus.SUCCESS:
            process.consumed(batch)
        elif not self._is_closing:
            await asyncio.sleep(SUSPEND_SECONDS)


def _spawn(
    work: dict[asyncio.Task[None], None], coroutine: Coroutine[object, object, None]
) -> None:
    task = asyncio.get_running_loop().create_task(coroutine)
    work[task] = None
    task.add_done_callback(work.pop)


async def _finish(work: dict[asyncio.Task[None], None], wait_seconds: float) -> None:
    tasks = list(work)
    if not tasks:
        return
    _, working = await asyncio.wait(tasks, timeout=wait_seconds)
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)
