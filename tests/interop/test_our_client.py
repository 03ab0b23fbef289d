"""Our client on Apache RocketMQ 4.9.3 itself."""

import pytest

from broker.client.admin import Admin
from broker.client.consumer import PullConsumer, PullStatus
from broker.client.consuming import ConsumeStatus
from broker.client.message import Message
from broker.client.producer import Producer
from broker.client.push_consumer import ConsumeFrom, PushConsumer, PushOptions
from broker.client.session import Session
from broker.nameserver.route import MessageQueue
from broker.remoting.codes import SendStatus
from broker.store.message import StoredMessage
from tests.interop.clusters import HOST, Cluster, apache, until
from tests.interop.ourselves import create_topic, session, until_registered

pytestmark = [pytest.mark.live, pytest.mark.interop]

TOPIC = "TopicOurs"
BODIES = [b"Hello %d" % i for i in range(10)]


async def test_our_client_works_on_the_real_thing(cluster: Cluster, java: list[str]) -> None:
    """One start of the real cluster, then all that our client does, one after another."""
    await cluster.nameserver(apache(java))
    await cluster.master(apache(java))
    await until_registered(cluster, 0)
    await create_topic(cluster, TOPIC)

    async with session(cluster) as ours:
        await sends_and_pulls(ours)
        await commits_and_queries_offsets(ours)
        await is_pushed_and_goes_on_where_it_was(ours)
        await finds_by_id_and_deletes(ours, f"{HOST}:{cluster.master_port}")


async def sends_and_pulls(ours: Session) -> None:
    """Singly, in a batch and without an answer; every record says what the send's result said."""
    producer = Producer(ours, "p")
    results = [
        await producer.send(Message(topic=TOPIC, body=body, tags="TagA", keys=(f"key{i}",)))
        for i, body in enumerate(BODIES[:5])
    ]
    batch = await producer.send_batch([Message(topic=TOPIC, body=body) for body in BODIES[5:9]])
    await producer.send_oneway(Message(topic=TOPIC, body=BODIES[9]))
    assert {one.status for one in [*results, batch]} == {SendStatus.SEND_OK}
    assert len(batch.message_id.split(",")) == 4

    consumer = PullConsumer(ours, "reader")
    stored: list[StoredMessage] = []

    async def all_pulled() -> bool:
        stored.clear()
        for queue in await consumer.queues(TOPIC):
            pulled = await consumer.pull(queue, 0)
            assert pulled.status in (PullStatus.FOUND, PullStatus.NO_NEW_MSG)
            stored.extend(pulled.messages)
        return len(stored) == len(BODIES)

    await until("what was sent one-way has come, too", all_pulled)
    assert sorted(message.body for message in stored) == BODIES
    by_key = {message.properties["UNIQ_KEY"]: message for message in stored}
    for result in results:
        message = by_key[result.key]
        assert message.queue_id == result.queue.queue_id
        assert message.queue_offset == result.queue_offset
        assert message.physical_offset == result.physical_offset
        assert message.properties["TAGS"] == "TagA"


async def commits_and_queries_offsets(ours: Session) -> None:
    consumer = PullConsumer(ours, "committer")
    queue = (await consumer.queues(TOPIC))[0]
    begin, end = await consumer.bounds(queue)
    await consumer.commit_offset(queue, end - 1)
    assert begin == 0
    assert await consumer.query_offset(queue) == end - 1
    assert await consumer.offset_by_time(queue, 0) == 0


async def is_pushed_and_goes_on_where_it_was(ours: Session) -> None:
    """A second consumer of the same group gets only what the first did not."""
    got: list[bytes] = []

    async def listener(_queue: MessageQueue, messages: list[StoredMessage]) -> ConsumeStatus:
        got.extend(message.body for message in messages)
        return ConsumeStatus.SUCCESS

    async def consume(wanted: list[bytes]) -> None:
        options = PushOptions(consume_from=ConsumeFrom.FIRST)
        consumer = PushConsumer(ours, "g", {TOPIC: "*"}, listener, options)

        async def all_came() -> bool:
            return len(got) >= len(wanted)

        await consumer.start()
        await until("the messages are pushed", all_came)
        await consumer.stop()
        assert sorted(got) == wanted
        got.clear()

    await consume(BODIES)
    more = [b"more %d" % i for i in range(4)]
    producer = Producer(ours, "p")
    for body in more:
        await producer.send(Message(topic=TOPIC, body=body))
    await consume(more)


async def finds_by_id_and_deletes(ours: Session, master: str) -> None:
    admin = Admin(ours)
    sent = await Producer(ours, "p").send(Message(topic=TOPIC, body=b"find me"))
    assert (await admin.message_at(master, sent.message_id)).body == b"find me"
    assert TOPIC in await admin.topic_list()
    await until("the broker tells its version", lambda: tells_version(admin, master))
    await admin.delete_topic(TOPIC)
    assert TOPIC not in await admin.topic_list()


async def tells_version(admin: Admin, master: str) -> bool:
    return (await admin.broker_status(master))["brokerVersionDesc"] == "V4_9_3"
