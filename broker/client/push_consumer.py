"""A consumer whose listener is called with messages as they arrive: RocketMQ's push consumer.

It pulls, of course; the broker parks the pull until there is something. The members of a group
share the queues of its topics (CLUSTERING) or each has them all (BROADCASTING).

    every 30 s, at the start     heartbeat to every broker
    every 20 s, when the group   rebalance: let go what is another's, take on what is ours, from
    has changed                  the committed offset or from where the options say
    every 5 s, and at the end    persist how far every queue has been consumed
    every 20 s if orderly        renew the locks of the queues

A message is delivered at least once: a committed offset never passes one that the listener has
not had, and after a crash or a rebalance some come again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from broker.client.consumer import ALL_TAGS, PullConsumer
from broker.client.consuming import Concurrent, Consuming, Listener, Orderly
from broker.client.group_offsets import BrokerOffsets, FileOffsets, GroupOffsets
from broker.client.inspection import consume_directly, running_info
from broker.client.membership import Membership
from broker.client.process_queue import ProcessQueue
from broker.client.queue_reader import QueueReader
from broker.client.rebalance import allocate_averagely
from broker.client.session import Session, succeed
from broker.errors import MqError
from broker.nameserver.route import MASTER_ID, MessageQueue
from broker.remoting.codes import RequestCode
from broker.remoting.command import Command
from broker.remoting.connection import Answer
from broker.remoting.headers import SendBackHeader, write_fields
from broker.steady import steady_ms
from broker.store.message import StoredMessage
from broker.tables.queue_offsets import read_offsets
from broker.tables.topics import RETRY_PREFIX

__all__ = ["ConsumeFrom", "MessageModel", "PushConsumer", "PushOptions"]

logger = logging.getLogger(__name__)


class MessageModel(StrEnum):
    """Whether the members of a group share its messages or each get them all."""

    CLUSTERING = "CLUSTERING"
    BROADCASTING = "BROADCASTING"


class ConsumeFrom(StrEnum):
    """Where a group begins that has no offset yet."""

    FIRST = "CONSUME_FROM_FIRST_OFFSET"
    LAST = "CONSUME_FROM_LAST_OFFSET"
    TIMESTAMP = "CONSUME_FROM_TIMESTAMP"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOptions:
    """How a push consumer works; the defaults are RocketMQ's."""

    model: MessageModel = MessageModel.CLUSTERING
    orderly: bool = False
    consume_from: ConsumeFrom = ConsumeFrom.LAST
    consume_timestamp_ms: int = 0
    batch_size: int = 1  # of one call of the listener
    concurrency: int = 20
    pull_batch_size: int = 32
    suspend_ms: int = 15_000
    timeout_ms: int = 15_000  # of a pull, besides the time that it is parked
    max_reconsume_times: int = 16
    heartbeat_ms: int = 30_000
    rebalance_ms: int = 20_000
    persist_ms: int = 5000
    lock_ms: int = 20_000
    stop_wait_ms: int = 3000
    offsets_path: str = ""  # of a broadcast; without it, offsets end with the consumer


@dataclass(slots=True)
class _Held:
    """A queue that is ours."""

    process: ProcessQueue
    reading: asyncio.Task[None]


@dataclass(slots=True)
class PushConsumer:
    """One member of a consumer group."""

    session: Session
    group: str
    subscriptions: Mapping[str, str]  # topic -> tags
    listener: Listener
    options: PushOptions = PushOptions()
    client_id: str = ""
    _held: dict[MessageQueue, _Held] = field(init=False, default_factory=dict)
    _resets: dict[MessageQueue, int] = field(init=False, default_factory=dict)  # by an operator
    _timers: list[asyncio.Task[None]] = field(init=False, default_factory=list)
    _rebalance_due: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _consumer: PullConsumer = field(init=False)
    _consuming: Consuming = field(init=False)
    _offsets: GroupOffsets = field(init=False)
    _membership: Membership = field(init=False)

    def __post_init__(self) -> None:
        options = self.options
        if not self.client_id:
            self.client_id = f"mqhavoc@{self.session.ports.rng.randbytes(8).hex()}"
        self._consumer = PullConsumer(self.session, self.group, options.timeout_ms)
        subscriptions = dict(self.subscriptions)
        if self._is_cluster:
            self._offsets = BrokerOffsets(self._consumer)
            subscriptions[self._retry_topic] = ALL_TAGS
        else:
            self._offsets = FileOffsets(self.session.ports.disk, options.offsets_path)
        self.subscriptions = subscriptions
        self._consuming = self._choose_consuming()
        self._membership = Membership(
            self.session,
            self.group,
            self.client_id,
            options.model,
            options.consume_from,
            subscriptions,
        )

    @property
    def queues(self) -> list[MessageQueue]:
        """The queues that are ours now."""
        return list(self._held)

    async def start(self) -> None:
        """Join the group and begin to consume."""
        for code, listener in self._answers.items():
            self.session.on_request.setdefault(code, []).append(listener)
        await self._membership.beat()
        await self.rebalance()
        self._every(self.options.heartbeat_ms, self._membership.beat)
        self._every(self.options.persist_ms, self.persist)
        if self._needs_lock:
            self._every(self.options.lock_ms, self._renew_locks)
        self._timers.append(asyncio.get_running_loop().create_task(self._keep_balanced()))

    async def stop(self) -> None:
        """Stop pulling, let the listener finish, remember the offsets, and leave the group."""
        for code, listener in self._answers.items():
            self.session.on_request[code].remove(listener)
        tasks = [*self._timers, *(held.reading for held in self._held.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._consuming.close(self.options.stop_wait_ms / 1000)
        await self.persist()
        if self._needs_lock and self._held:
            await self._membership.unlock(self.queues)
        await self._membership.leave()
        self._held.clear()

    async def persist(self) -> None:
        """Remember how far each of our queues has been consumed."""
        await self._offsets.persist(
            {queue: held.process.commit_offset for queue, held in self._held.items()}
        )

    async def rebalance(self) -> None:
        """Let go what is another's, or was reset by an operator, and take on what is ours."""
        await self._let_go_what_was_reset()
        for topic in self.subscriptions:
            try:
                mine = await self._share_of(topic)
            except MqError as error:
                logger.info("no new share of %s for %s: %s", topic, self.group, error)
                continue
            await self._let_go([q for q in self._held if q.topic == topic and q not in mine])
            await self._take_on([queue for queue in mine if queue not in self._held])

    # How it is done.

    @property
    def _is_cluster(self) -> bool:
        return self.options.model is MessageModel.CLUSTERING

    @property
    def _needs_lock(self) -> bool:
        return self.options.orderly and self._is_cluster

    @property
    def _retry_topic(self) -> str:
        return f"{RETRY_PREFIX}{self.group}"

    def _choose_consuming(self) -> Consuming:
        options = self.options
        if options.orderly:
            return Orderly(self.listener, options.batch_size)
        send_back = self._send_back if self._is_cluster else None
        return Concurrent(self.listener, send_back, options.batch_size, options.concurrency)

    @property
    def _answers(self) -> Mapping[int, Callable[[Command], Answer]]:
        """What brokers may ask of a consumer, and who answers."""
        return {
            RequestCode.NOTIFY_CONSUMER_IDS_CHANGED: self._on_members_changed,
            RequestCode.RESET_CONSUMER_CLIENT_OFFSET: self._on_reset,
            RequestCode.GET_CONSUMER_RUNNING_INFO: self._on_running_info,
            RequestCode.CONSUME_MESSAGE_DIRECTLY: self._on_consume_directly,
        }

    def _on_members_changed(self, command: Command) -> None:
        if self._is_ours(command):
            self._rebalance_due.set()

    def _on_reset(self, command: Command) -> None:
        if command.ext_fields.get("group") == self.group:
            self._resets |= read_offsets(command.body)
            self._rebalance_due.set()

    def _on_running_info(self, command: Command) -> Answer:
        held = [one.process for one in self._held.values()]
        orderly = self.options.orderly
        ours = self._is_ours(command)
        return running_info(command, self.subscriptions, held, orderly=orderly) if ours else None

    def _on_consume_directly(self, command: Command) -> Answer:
        orderly = self.options.orderly
        ours = self._is_ours(command)
        return consume_directly(command, self.listener, orderly=orderly) if ours else None

    def _is_ours(self, command: Command) -> bool:
        return command.ext_fields.get("consumerGroup") == self.group

    async def _share_of(self, topic: str) -> list[MessageQueue]:
        queues = (await self.session.route(topic)).subscribe_queues(topic)
        if not self._is_cluster:
            return queues
        members = await self._membership.members(topic)
        return allocate_averagely(queues, members, self.client_id)

    async def _let_go(self, queues: Sequence[MessageQueue]) -> None:
        for queue in queues:
            held = self._held.pop(queue)
            held.process.is_dropped = True
            held.reading.cancel()
            is_idle = await self._consuming.end(held.process)
            await self._offsets.persist({queue: held.process.commit_offset})
            # A lock whose queue the listener still works on runs out by itself, a while later.
            if self._needs_lock and is_idle:
                await self._membership.unlock([queue])

    async def _let_go_what_was_reset(self) -> None:
        """Let queues go at other offsets than they have come to."""
        resets, self._resets = self._resets, {}
        ours = {queue: offset for queue, offset in resets.items() if queue in self._held}
        if ours:
            await self._let_go(list(ours))
            await self._offsets.persist(ours)

    async def _take_on(self, queues: Sequence[MessageQueue]) -> None:
        asked_ms = steady_ms()
        if self._needs_lock and queues:
            queues = await self._membership.lock(queues)
        for queue in queues:
            try:
                offset = await self._first_offset(queue)
            except MqError as error:
                logger.info("%s is left for the next rebalance: %s", queue, error)
                continue
            process = ProcessQueue(queue, offset)
            self._mark_locked(process, asked_ms)
            self._consuming.begin(process)
            reading = asyncio.get_running_loop().create_task(self._reader(process).run())
            self._held[queue] = _Held(process, reading)

    def _reader(self, process: ProcessQueue) -> QueueReader:
        return QueueReader(
            self._consumer,
            process,
            self.subscriptions[process.queue.topic],
            self._consuming.arrived,
            self._needs_lock,
            self._is_cluster,
            self.options.pull_batch_size,
            self.options.suspend_ms,
        )

    async def _first_offset(self, queue: MessageQueue) -> int:
        committed = await self._offsets.read(queue)
        if committed is not None:
            return committed
        broker_id = await self.session.serving_broker(queue.topic, queue.broker_name)
        first, end = await self._consumer.bounds(queue, broker_id=broker_id)
        where = self.options.consume_from
        if where is ConsumeFrom.FIRST or queue.topic == self._retry_topic:
            return first
        if where is ConsumeFrom.LAST:
            return end
        moment_ms = self.options.consume_timestamp_ms
        return await self._consumer.offset_by_time(queue, moment_ms, broker_id=broker_id)

    async def _send_back(self, queue: MessageQueue, message: StoredMessage) -> bool:
        header = SendBackHeader(
            offset=message.physical_offset,
            group=self.group,
            delay_level=0,  # the broker's choice: longer with every time
            origin_msg_id=message.message_id,
            origin_topic=message.topic,
            max_reconsume_times=self.options.max_reconsume_times,
        )
        command = Command(RequestCode.CONSUMER_SEND_MSG_BACK, ext_fields=write_fields(header))
        try:
            address = await self.session.address(queue.topic, queue.broker_name, MASTER_ID)
            succeed(await self.session.request(address, command, self.options.timeout_ms))
        except MqError as error:
            logger.info("%s was not taken back: %s", message.message_id, error)
            return False
        return True

    async def _renew_locks(self) -> None:
        asked_ms = steady_ms()
        locked = await self._membership.lock(self.queues) if self._held else []
        for queue in locked:
            if queue in self._held:
                self._mark_locked(self._held[queue].process, asked_ms)

    def _mark_locked(self, process: ProcessQueue, asked_ms: float) -> None:
        """Rely on a lock from when it was asked for: since then it may be running out."""
        process.locked(asked_ms if self._is_cluster else float("inf"))

    def _every(self, interval_ms: float, work: Callable[[], Awaitable[object]]) -> None:
        async def repeat() -> None:
            while True:
                await asyncio.sleep(interval_ms / 1000)
                await _try(work)

        self._timers.append(asyncio.get_running_loop().create_task(repeat()))

    async def _keep_balanced(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self.options.rebalance_ms / 1000):
                    await self._rebalance_due.wait()
            except TimeoutError:
                pass
            self._rebalance_due.clear()
            await _try(self.rebalance)


async def _try(work: Callable[[], Awaitable[object]]) -> None:
    """Do a timer's work; whatever goes wrong in it, the next time may be better."""
    try:
        await work()
    except Exception:
        logger.exception("a consumer's timer failed")
