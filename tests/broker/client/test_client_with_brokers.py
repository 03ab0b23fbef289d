"""The client against our own name server, master and slave, on a network in memory."""

import asyncio

import pytest

from broker.client.admin import Admin
from broker.client.consumer import PullConsumer, PullStatus
from broker.client.message import Message
from broker.client.producer import Producer
from broker.errors import BrokerError, NoRouteError
from broker.nameserver.route import MessageQueue
from broker.remoting.codes import SendStatus
from tests.broker.client.real_cluster import MASTER, SLAVE, World


async def test_what_is_sent_is_pulled_from_master_and_slave(world: World) -> None:
    producer = Producer(world.session(), "testGroup")
    consumer = PullConsumer(world.session(), "testGroupConsumer")
    sent = [
        await producer.send(Message(topic="TopicMasterSlave", body=b"%d" % n, tags="TagA"))
        for n in range(10)
    ]
    assert {one.status for one in sent} == {SendStatus.SEND_OK}
    await world.replicated()
    for broker_id in (0, 1):
        found = {}
        for queue in await consumer.queues("TopicMasterSlave"):
            result = await consumer.pull(queue, 0, broker_id=broker_id, tags="TagA")
            for message in result.messages:
                place = (queue.queue_id, message.queue_offset, message.physical_offset)
                found[message.properties["UNIQ_KEY"]] = (*place, message.message_id)
        assert found == {
            one.key: (one.queue.queue_id, one.queue_offset, one.physical_offset, one.message_id)
            for one in sent
        }


async def test_a_batch_lies_side_by_side(world: World) -> None:
    producer = Producer(world.session(), "g")
    admin = Admin(world.session())
    await admin.create_topic(MASTER, "T", queues=1)
    queue = MessageQueue("T", "broker-a", 0)
    result = await producer.send_batch([Message(topic="T", body=b"%d" % n) for n in range(5)])
    assert len(result.message_id.split(",")) == 5
    pulled = await PullConsumer(world.session(), "c").pull(queue, result.queue_offset)
    assert [one.body for one in pulled.messages] == [b"0", b"1", b"2", b"3", b"4"]
    assert ",".join(one.properties["UNIQ_KEY"] for one in pulled.messages) == result.key
    await world.replicated()
    await admin.delete_topic("T")
    stores = [broker.state.store for broker in (world.master, world.slave)]
    assert [store.queues.get("T", 0) for store in stores] == [None, None]
    with pytest.raises(NoRouteError):
        await admin.topic_route("T")


async def test_offsets_are_committed_and_queues_have_bounds(world: World) -> None:
    producer = Producer(world.session(), "g")
    consumer = PullConsumer(world.session(), "c")
    result = await producer.send(Message(topic="T", body=b"x" * 5000))
    assert await consumer.bounds(result.queue) == (0, 1)
    await consumer.commit_offset(result.queue, 1)
    assert await consumer.query_offset(result.queue) == 1
    assert await consumer.offset_by_time(result.queue, 0) == 0
    pulled = await consumer.pull(result.queue, 0)
    assert pulled.messages[0].body == b"x" * 5000
    after = await consumer.pull(result.queue, 1)
    assert (after.status, after.next_offset) == (PullStatus.NO_NEW_MSG, 1)


async def test_a_parked_pull_wakes_when_something_arrives(world: World) -> None:
    producer = Producer(world.session(), "g")
    consumer = PullConsumer(world.session(), "c")
    first = await producer.send(Message(topic="T", body=b"1"))
    parked = asyncio.create_task(consumer.pull(first.queue, 1, suspend_ms=5000))
    await asyncio.sleep(0.01)
    await producer.send(Message(topic="T", body=b"2"), first.queue)
    assert [one.body for one in (await parked).messages] == [b"2"]


async def test_an_operator_sees_the_cluster_and_both_logs(world: World) -> None:
    producer = Producer(world.session(), "g")
    admin = Admin(world.session())
    sent = await producer.send(Message(topic="T", body=b"hello"))
    await world.replicated()
    info = await admin.cluster_list()
    assert info.broker_addr_table["broker-a"].broker_addrs == {0: MASTER, 1: SLAVE}
    assert "T" in await admin.topic_list()
    assert (await admin.broker_status(MASTER))["brokerVersionDesc"] == "V4_9_3"
    end = (await admin.log_digest(MASTER)).end
    digests = [await admin.log_digest(one, 0, end) for one in (MASTER, SLAVE)]
    assert digests[0].crc == digests[1].crc
    assert digests[1].end == end
    assert (await admin.message_at(SLAVE, sent.message_id)).body == b"hello"
    with pytest.raises(BrokerError):
        await admin.resynchronise(MASTER)


async def test_a_slave_refuses_and_serves_alone_when_its_master_is_gone(world: World) -> None:
    """The seed's experiment, seen from the client."""
    session = world.session()
    producer = Producer(session, "g")
    consumer = PullConsumer(session, "c")
    sent = await producer.send(Message(topic="T", body=b"hello"))
    await world.replicated()
    await world.master.stop()
    await session.fresh_route("T")
    with pytest.raises(NoRouteError):
        await producer.send(Message(topic="T", body=b"lost?"))
    pulled = await consumer.pull(sent.queue, sent.queue_offset, broker_id=1)
    assert [one.body for one in pulled.messages] == [b"hello"]
