"""Push consumers against our own brokers: what arrives, how often, in which order."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace

import pytest

from broker.client.consuming import ConsumeStatus
from broker.client.membership import Membership
from broker.client.message import Message
from broker.client.producer import Producer
from broker.client.push_consumer import ConsumeFrom, MessageModel, PushConsumer, PushOptions
from broker.nameserver.route import MessageQueue
from broker.remoting import fastjson
from broker.remoting.codes import RequestCode
from broker.remoting.command import Command
from broker.store.message import StoredMessage
from tests.broker.client.real_cluster import World, wait_until
from tests.broker.client.scripted import Cluster

FIRST = PushOptions(consume_from=ConsumeFrom.FIRST, suspend_ms=200, persist_ms=20)
ORDERLY = PushOptions(
    consume_from=ConsumeFrom.FIRST, suspend_ms=200, persist_ms=20, orderly=True, rebalance_ms=50
)
BROADCAST = PushOptions(
    consume_from=ConsumeFrom.FIRST, suspend_ms=200, model=MessageModel.BROADCASTING
)


@dataclass
class Inbox:
    """A listener that keeps what it gets, and can be waited for."""

    later: int = 0  # how many times to say LATER first
    got: list[StoredMessage] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, queue: MessageQueue, messages: list[StoredMessage]) -> ConsumeStatus:
        self.got += messages
        self.news.set()
        if self.later:
            self.later -= 1
            return ConsumeStatus.LATER
        return ConsumeStatus.SUCCESS

    @property
    def bodies(self) -> list[str]:
        return [message.body.decode() for message in self.got]

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.got) < count:
                self.news.clear()
                await self.news.wait()


async def send(world: World, begin: int, end: int) -> None:
    producer = Producer(world.session(), "g")
    for number in range(begin, end):
        await producer.send(Message(topic="T", body=b"%d" % number, tags=f"Tag{number % 2}"))


def member(
    world: World, inbox: Inbox, options: PushOptions = FIRST, tags: str = "*", seed: int = 1
) -> PushConsumer:
    return PushConsumer(world.session(seed), "c", {"T": tags}, inbox, options)


def numbers(begin: int, end: int) -> list[str]:
    return [str(number) for number in range(begin, end)]


async def test_everything_arrives_once_before_and_after_the_start(world: World) -> None:
    await send(world, 0, 10)
    inbox = Inbox()
    consumer = member(world, inbox)
    await consumer.start()
    await inbox.until(10)
    await send(world, 10, 20)
    await inbox.until(20)
    await consumer.stop()
    assert Counter(inbox.bodies) == Counter(numbers(0, 20))


async def test_a_group_goes_on_where_it_stopped(world: World) -> None:
    await send(world, 0, 10)
    first, second = Inbox(), Inbox()
    consumer = member(world, first)
    await consumer.start()
    await first.until(10)
    await consumer.stop()
    await send(world, 10, 15)
    consumer = member(world, second, seed=2)
    await consumer.start()
    await second.until(5)
    await consumer.stop()
    assert sorted(second.bodies) == numbers(10, 15)


async def test_only_the_tags_that_are_wanted_arrive(world: World) -> None:
    await send(world, 0, 10)
    inbox = Inbox()
    consumer = member(world, inbox, tags="Tag1")
    await consumer.start()
    await inbox.until(5)
    await consumer.stop()
    assert sorted(inbox.bodies) == ["1", "3", "5", "7", "9"]


async def test_a_young_queue_is_read_from_its_beginning_whatever_the_options_say(
    world: World,
) -> None:
    """RocketMQ's broker answers 0 for a group without an offset while message 0 is in memory."""
    await send(world, 0, 5)
    inbox = Inbox()
    consumer = member(world, inbox, PushOptions(suspend_ms=200))
    await consumer.start()
    await inbox.until(5)
    await consumer.stop()
    assert sorted(inbox.bodies) == numbers(0, 5)


@pytest.mark.parametrize(
    ("options", "begin"),
    [
        (PushOptions(consume_from=ConsumeFrom.FIRST), 3),
        (PushOptions(consume_from=ConsumeFrom.LAST), 12),
        (PushOptions(consume_from=ConsumeFrom.TIMESTAMP, consume_timestamp_ms=77), 5),
    ],
)
async def test_a_group_without_an_offset_begins_where_it_wants(
    cluster: Cluster, options: PushOptions, begin: int
) -> None:
    offsets = {RequestCode.GET_MIN_OFFSET: 3, RequestCode.GET_MAX_OFFSET: 12}
    pulled: list[str] = []

    def answer(command: Command) -> Command | None:
        if command.code == RequestCode.GET_CONSUMER_LIST_BY_GROUP:
            return command.reply(body=b'{"consumerIdList":["me"]}')
        if command.code == RequestCode.QUERY_CONSUMER_OFFSET:
            return command.reply(22)
        if command.code == RequestCode.SEARCH_OFFSET_BY_TIMESTAMP:
            found = 5 if command.ext_fields["timestamp"] == "77" else 0
            return command.reply(ext_fields={"offset": str(found)})
        if command.code == RequestCode.PULL_MESSAGE:
            pulled.append(command.ext_fields["queueOffset"])
            return None
        return command.reply(ext_fields={"offset": str(offsets.get(command.code, 0))})

    await cluster.broker(answer, queues=1)
    consumer = PushConsumer(cluster.session(), "c", {"T": "*"}, Inbox(), options, client_id="me")
    await consumer.start()
    await wait_until(lambda: pulled == [str(begin)])
    await consumer.stop()


async def test_members_share_the_queues_and_take_over_from_one_another(world: World) -> None:
    """The broker tells the group of each change, so nobody waits for the 20 s."""
    await send(world, 0, 1)
    inboxes = [Inbox(), Inbox()]
    first, second = (member(world, inbox, seed=seed) for seed, inbox in enumerate(inboxes, start=1))
    await first.start()
    await second.start()
    await wait_until(lambda: [len(topic_queues(one)) for one in (first, second)] == [2, 2])
    assert set(topic_queues(first)).isdisjoint(topic_queues(second))
    await send(world, 1, 21)
    await wait_until(lambda: len({*inboxes[0].bodies, *inboxes[1].bodies}) == 21)
    await first.stop()
    await wait_until(lambda: len(topic_queues(second)) == 4)
    await second.stop()


def topic_queues(consumer: PushConsumer) -> list[MessageQueue]:
    return [queue for queue in consumer.queues if queue.topic == "T"]


async def test_every_member_of_a_broadcast_gets_everything(world: World) -> None:
    await send(world, 0, 10)
    inboxes = [Inbox(), Inbox()]
    members = [member(world, one, BROADCAST, seed=seed) for seed, one in enumerate(inboxes)]
    for one in members:
        await one.start()
    for inbox in inboxes:
        await inbox.until(10)
    for one in members:
        await one.stop()
    assert [sorted(inbox.bodies, key=int) for inbox in inboxes] == [numbers(0, 10)] * 2


@pytest.mark.parametrize("path", ["", "/offsets.json"])
async def test_a_member_of_a_broadcast_goes_on_from_its_own_offsets_alone(
    world: World, path: str
) -> None:
    """Else who comes later would never get what another has had before."""
    await send(world, 0, 10)
    inboxes = [Inbox(), Inbox()]
    for seed, inbox in enumerate(inboxes):
        one = member(world, inbox, replace(BROADCAST, offsets_path=path), seed=seed)
        await one.start()
        await inbox.until(10)
        await one.stop()
    assert [sorted(inbox.bodies, key=int) for inbox in inboxes] == [numbers(0, 10)] * 2


async def test_what_is_wanted_later_comes_again_under_its_own_topic(world: World) -> None:
    await send(world, 0, 1)
    inbox = Inbox(later=1)
    consumer = member(world, inbox)
    await consumer.start()
    await inbox.until(2)
    await consumer.stop()
    first, again = inbox.got
    assert (again.topic, again.body, again.reconsume_times) == ("T", b"0", 1)
    assert again.properties["UNIQ_KEY"] == first.properties["UNIQ_KEY"]


async def test_what_the_broker_does_not_take_back_is_tried_again_here(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.client.consuming.RETRY_HERE_SECONDS", 0.01)
    await send(world, 0, 1)
    await world.replicated()
    inbox = Inbox(later=1)
    consumer = member(world, inbox)
    await world.master.stop()
    await consumer.start()
    await inbox.until(2)
    await consumer.stop()
    assert inbox.bodies == ["0", "0"]


async def test_a_stop_does_not_wait_for_a_retry_that_is_far_away(world: World) -> None:
    await send(world, 0, 1)
    await world.replicated()
    inbox = Inbox(later=99)
    consumer = member(world, inbox)
    await world.master.stop()
    await consumer.start()
    await inbox.until(1)
    begun = asyncio.get_running_loop().time()
    await consumer.stop()
    assert asyncio.get_running_loop().time() - begun < 2


async def test_an_orderly_consumer_sees_each_queue_in_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that is wanted later holds up those behind it, and only those of its queue."""
    monkeypatch.setattr("broker.client.consuming.SUSPEND_SECONDS", 0.01)
    await send(world, 0, 20)
    inbox = Inbox(later=3)
    consumer = member(world, inbox, ORDERLY)
    await consumer.start()
    await inbox.until(23)
    await consumer.stop()
    for queue_id in range(4):
        seen = [one.queue_offset for one in inbox.got if one.queue_id == queue_id]
        assert seen == sorted(seen)
        assert sorted(set(seen)) == list(range(5))


async def test_two_orderly_members_never_hold_one_queue(world: World) -> None:
    await send(world, 0, 8)
    inboxes = [Inbox(), Inbox()]
    members = [member(world, one, ORDERLY, seed=seed) for seed, one in enumerate(inboxes)]
    for one in members:
        await one.start()

    def shared_out() -> bool:
        held = [topic_queues(one) for one in members]
        assert set(held[0]).isdisjoint(held[1])
        return [len(queues) for queues in held] == [2, 2]

    await wait_until(shared_out)
    for one in members:
        await one.stop()


async def test_a_lock_is_as_old_as_the_question_for_it(cluster: Cluster) -> None:
    """The broker may have given it to another by the time that the first offset is known."""
    asked: list[int] = []

    def answer(command: Command) -> Command | Coroutine[object, object, Command]:
        asked.append(command.code)
        if command.code == RequestCode.GET_CONSUMER_LIST_BY_GROUP:
            return command.reply(body=b'{"consumerIdList":["me"]}')
        if command.code == RequestCode.LOCK_BATCH_MQ:
            locked = fastjson.loads_object(command.body)["mqSet"]
            return command.reply(body=fastjson.dumps({"lockOKMQSet": locked}))
        offset = command.reply(ext_fields={"offset": "0"})
        return after(31, offset) if command.code == RequestCode.QUERY_CONSUMER_OFFSET else offset

    await cluster.broker(answer, queues=1)  # type: ignore[arg-type]
    options = replace(ORDERLY, rebalance_ms=60_000, timeout_ms=60_000, persist_ms=60_000)
    consumer = PushConsumer(cluster.session(), "c", {"T": "*"}, Inbox(), options, client_id="me")
    await consumer.start()
    assert consumer.queues
    await asyncio.sleep(1)
    assert RequestCode.PULL_MESSAGE not in asked
    await asyncio.sleep(20)
    assert RequestCode.PULL_MESSAGE in asked
    await consumer.stop()


async def after(seconds: float, reply: Command) -> Command:
    await asyncio.sleep(seconds)
    return reply


async def test_what_goes_wrong_in_a_timer_does_not_end_it(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    beat = Membership.beat
    failures = [ZeroDivisionError("once"), None]

    async def beat_or_fail(self: Membership) -> int:
        failure = failures.pop() if failures else None
        if failure is not None:
            raise failure
        return await beat(self)

    await send(world, 0, 1)
    monkeypatch.setattr(Membership, "beat", beat_or_fail)
    consumer = member(world, Inbox(), replace(FIRST, heartbeat_ms=10))
    await consumer.start()
    await wait_until(lambda: "once" in caplog.text)
    consumers = world.master.state.clients.consumers
    consumers.clear()
    await wait_until(lambda: "c" in consumers)
    await consumer.stop()


async def test_a_consumer_reads_on_from_the_slave_when_the_master_is_gone(world: World) -> None:
    await send(world, 0, 10)
    await world.replicated()
    await world.master.stop()
    inbox = Inbox()
    consumer = member(world, inbox)
    await consumer.start()
    await inbox.until(10)
    await consumer.stop()
    assert sorted(inbox.bodies) == numbers(0, 10)
