"""A producer: gives messages to masters, again if need be, and says exactly how each ended.

    send          waits for the broker's word; tries up to ``retries`` more times, all attempts
                  within one budget of time, each avoiding the group that failed last
    send_batch    several messages of one topic, stored side by side
    send_oneway   waits for nothing, and so knows nothing

Queues are taken in turn from a random start, unless the caller names one or a selector does; such
a send is tried once, as by RocketMQ, unless ``retries`` says otherwise. Tried again are lost
connections, time-outs and the codes of ``RETRIED_CODES``: a retry after an attempt in doubt may
store the message twice, with one UNIQ_KEY. A weak status (FLUSH_DISK_TIMEOUT and its kind) is a
success. Whoever wants several sends at once awaits several: there is no other asynchronous way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from broker.client.attempts import SendResult
from broker.client.message import Message, UniqueKeys
from broker.client.requests import batch_request, check_batch, check_message, send_request
from broker.client.sending import Sending, find_destinations
from broker.client.session import Session
from broker.client.turns import QueueTurns
from broker.nameserver.route import MessageQueue

__all__ = ["Producer", "Selector"]

Selector: TypeAlias = Callable[[Sequence[MessageQueue]], MessageQueue]
"""Chooses a message's queue, say by the order that it belongs to."""


@dataclass(slots=True)
class Producer:
    """A producer of one group."""

    session: Session
    group: str
    timeout_ms: float = 3000  # of a send with all its attempts
    retries: int = 2
    retry_weak_status: bool = False  # RocketMQ's retryAnotherBrokerWhenNotStoreOK
    avoid_slow_brokers: bool = False  # RocketMQ's sendLatencyFaultEnable
    _keys: UniqueKeys = field(init=False)
    _turns: QueueTurns = field(init=False)

    def __post_init__(self) -> None:
        rng = self.session.ports.rng
        self._keys = UniqueKeys(rng)
        self._turns = QueueTurns(rng.randrange(1 << 16), self.avoid_slow_brokers)

    async def send(
        self,
        message: Message,
        queue: MessageQueue | None = None,
        *,
        selector: Selector | None = None,
        timeout_ms: float | None = None,
        retries: int | None = None,
    ) -> SendResult:
        """Store a message; ``SendFailedError`` says what became of every attempt.

        ``NoRouteError`` and ``MessageIllegalError`` mean that nothing was attempted.
        """
        check_message(message)
        if selector is not None:
            queue = selector(await self.queues(message.topic))
        born_ms = self._now_ms()
        key = self._keys.next(born_ms)
        return await self._sending(message.topic, key, timeout_ms).run(
            lambda to: send_request(message, key, self.group, to, born_ms),
            queue,
            self._tries(queue, retries),
        )

    async def send_batch(
        self,
        messages: Sequence[Message],
        queue: MessageQueue | None = None,
        *,
        timeout_ms: float | None = None,
        retries: int | None = None,
    ) -> SendResult:
        """Store messages of one topic side by side in one queue, all or none."""
        check_batch(messages)
        born_ms = self._now_ms()
        keys = [self._keys.next(born_ms) for _ in messages]
        return await self._sending(messages[0].topic, ",".join(keys), timeout_ms).run(
            lambda to: batch_request(messages, keys, self.group, to, born_ms),
            queue,
            self._tries(queue, retries),
        )

    async def send_oneway(self, message: Message, queue: MessageQueue | None = None) -> str:
        """Send a message without waiting for anything; return its key."""
        check_message(message)
        found = await find_destinations(self.session, message.topic)
        to = queue or self._turns.choose(found.queues, "", 0)
        born_ms = self._now_ms()
        key = self._keys.next(born_ms)
        request = send_request(message, key, self.group, to, born_ms)
        await self.session.send_oneway(found.master_of(to), request)
        return key

    async def queues(self, topic: str) -> list[MessageQueue]:
        """List the queues that a topic's messages may go to; ``NoRouteError`` if none."""
        return (await find_destinations(self.session, topic)).queues

    def _sending(self, topic: str, key: str, timeout_ms: float | None) -> Sending:
        budget_ms = self.timeout_ms if timeout_ms is None else timeout_ms
        return Sending(self.session, self._turns, topic, key, budget_ms, self.retry_weak_status)

    def _tries(self, queue: MessageQueue | None, retries: int | None) -> int:
        if retries is None:
            retries = 0 if queue is not None else self.retries
        return 1 + retries

    def _now_ms(self) -> int:
        return self.session.ports.clock.now_ms()
