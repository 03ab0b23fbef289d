"""A producer against brokers that answer by a script: what it says, and what it leaves in doubt."""

import asyncio
import zlib

import pytest

from broker.client.attempts import SendFailedError
from broker.client.message import Message
from broker.client.producer import Producer
from broker.client.session import Session
from broker.errors import BrokerError, MessageIllegalError, NoRouteError
from broker.nameserver.route import MessageQueue, TopicRoute
from broker.remoting.codes import SendStatus
from broker.remoting.command import Command
from broker.remoting.headers import read_send_header
from broker.store.properties import parse_properties
from tests.broker.client.scripted import Cluster, hang_up, refuse, silence, stored
from tests.broker.remoting.memory_network import let_it_arrive

MESSAGE = Message(topic="T", body=b"hello", tags="TagA", keys=("k1", "k2"))


async def test_a_send_tells_where_the_message_is(cluster: Cluster) -> None:
    broker = await cluster.broker(stored(7))
    result = await Producer(cluster.session(), "g").send(MESSAGE)
    assert result.status is SendStatus.SEND_OK
    assert result.queue == MessageQueue("T", "broker-a", 1)
    assert (result.queue_offset, result.physical_offset) == (7, 700)
    assert result.node == broker.address
    assert [(one.node, one.sent, one.outcome) for one in result.attempts] == [
        (broker.address, True, "SEND_OK")
    ]


async def test_the_request_is_rocketmqs(cluster: Cluster) -> None:
    broker = await cluster.broker(stored())
    result = await Producer(cluster.session(), "g").send(MESSAGE)
    (command,) = broker.asked
    header = read_send_header(command)
    assert (command.code, command.body) == (310, b"hello")
    assert (header.producer_group, header.topic, header.default_topic) == ("g", "T", "TBW102")
    assert (header.sys_flag, header.born_timestamp) == (0, cluster.clock.now)
    assert parse_properties(header.properties) == {
        "KEYS": "k1 k2",
        "UNIQ_KEY": result.key,
        "WAIT": "true",
        "TAGS": "TagA",
    }


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (10, SendStatus.FLUSH_DISK_TIMEOUT),
        (11, SendStatus.SLAVE_NOT_AVAILABLE),
        (12, SendStatus.FLUSH_SLAVE_TIMEOUT),
    ],
)
async def test_a_weak_status_is_a_success(cluster: Cluster, code: int, status: SendStatus) -> None:
    """The message is stored; sending it again would store it twice."""
    broker = await cluster.broker(stored(code=code))
    result = await Producer(cluster.session(), "g").send(MESSAGE)
    assert (result.status, len(broker.asked)) == (status, 1)


async def test_a_weak_status_is_retried_where_that_is_wanted(cluster: Cluster) -> None:
    await cluster.broker(stored(0, code=12), stored(1))
    producer = Producer(cluster.session(), "g", retry_weak_status=True)
    result = await producer.send(MESSAGE)
    assert [one.outcome for one in result.attempts] == ["FLUSH_SLAVE_TIMEOUT", "SEND_OK"]
    assert result.status is SendStatus.SEND_OK


async def test_a_weak_status_is_kept_when_nothing_better_comes(cluster: Cluster) -> None:
    await cluster.broker(stored(0, code=12), refuse(13))
    producer = Producer(cluster.session(), "g", retry_weak_status=True)
    assert (await producer.send(MESSAGE)).status is SendStatus.FLUSH_SLAVE_TIMEOUT


@pytest.mark.parametrize("code", [17, 14, 1, 16, 204, 205])
async def test_a_passing_refusal_is_tried_again_with_the_same_key(
    cluster: Cluster, code: int
) -> None:
    broker = await cluster.broker(refuse(code), stored())
    result = await Producer(cluster.session(), "g").send(MESSAGE)
    keys = [parse_properties(read_send_header(c).properties)["UNIQ_KEY"] for c in broker.asked]
    assert keys == [result.key, result.key]
    assert len(result.attempts) == 2


async def test_every_attempt_refused_is_a_definite_failure(cluster: Cluster) -> None:
    await cluster.broker(refuse(14, "service not available now"))
    with pytest.raises(SendFailedError, match="service not available now") as caught:
        await Producer(cluster.session(), "g").send(MESSAGE)
    assert caught.value.definite
    assert [one.outcome for one in caught.value.attempts] == ["SERVICE_NOT_AVAILABLE"] * 3


async def test_a_busy_broker_is_not_tried_again_and_leaves_doubt(cluster: Cluster) -> None:
    """SYSTEM_BUSY may come after the request was queued, and perhaps carried out."""
    broker = await cluster.broker(refuse(2))
    with pytest.raises(SendFailedError) as caught:
        await Producer(cluster.session(), "g").send(MESSAGE)
    assert not caught.value.definite
    assert len(broker.asked) == 1


async def test_one_attempt_in_doubt_leaves_the_send_in_doubt(cluster: Cluster) -> None:
    """The hung-up request may have been stored, whatever the refusals after it say."""
    await cluster.broker(hang_up, refuse(14))
    with pytest.raises(SendFailedError) as caught:
        await Producer(cluster.session(), "g").send(MESSAGE)
    assert not caught.value.definite
    assert [(one.sent, one.outcome) for one in caught.value.attempts] == [
        (True, "ClosedError"),
        (True, "SERVICE_NOT_AVAILABLE"),
        (True, "SERVICE_NOT_AVAILABLE"),
    ]


async def test_a_refused_connection_is_a_definite_failure(cluster: Cluster) -> None:
    await cluster.broker(listens=False)
    with pytest.raises(SendFailedError) as caught:
        await Producer(cluster.session(), "g").send(MESSAGE)
    assert caught.value.definite
    assert [(one.sent, one.outcome) for one in caught.value.attempts] == [
        (False, "ConnectError")
    ] * 3


async def test_a_route_that_vanishes_between_attempts_does_not_remove_the_doubt(
    cluster: Cluster,
) -> None:
    """NoRouteError alone is definite, but the attempt before it is not."""
    broker = await cluster.broker()
    await cluster.broker(silence, broker_id=1)

    def vanish(command: Command) -> Command:
        assert broker.link is not None
        broker.link.abort()
        return command.reply(1, "perhaps stored")

    broker.script = [vanish]
    producer = Producer(cluster.session(route_refresh_ms=0), "g")
    with pytest.raises(SendFailedError) as caught:
        await producer.send(MESSAGE, retries=100)
    assert not caught.value.definite
    assert 1 <= len(caught.value.attempts) < 100
    assert isinstance(caught.value.__cause__, BrokerError)


async def test_all_attempts_share_one_budget_of_time(cluster: Cluster) -> None:
    broker = await cluster.broker(silence)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(SendFailedError) as caught:
        await Producer(cluster.session(), "g", timeout_ms=60).send(MESSAGE)
    assert 0.05 < loop.time() - begun < 0.5
    assert len(broker.asked) == 1
    assert [one.outcome for one in caught.value.attempts] == ["RemotingTimeoutError"]


async def test_nothing_is_sent_any_more_when_the_route_took_all_the_time(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a request that nobody waits for leaves the send in doubt, and cuts the connection."""
    broker = await cluster.broker(stored())
    route = Session.route

    async def slow_route(session: Session, topic: str) -> TopicRoute:
        await asyncio.sleep(0.2)
        return await route(session, topic)

    monkeypatch.setattr(Session, "route", slow_route)
    with pytest.raises(SendFailedError, match=r"sent 0 times.*the time was up") as caught:
        await Producer(cluster.session(), "g", timeout_ms=100).send(MESSAGE)
    assert caught.value.definite
    assert broker.asked == []


async def test_a_retry_avoids_the_group_that_failed(cluster: Cluster) -> None:
    first = await cluster.broker(hang_up, name="broker-a")
    second = await cluster.broker(stored(), name="broker-b")
    producer = Producer(cluster.session(), "g")
    for _ in range(8):
        await producer.send(MESSAGE)
    assert len(first.asked) == 4, "half of the sends begin there, and none goes there twice"
    assert len(second.asked) == 8


async def test_a_slow_group_is_left_alone_where_that_is_wanted(cluster: Cluster) -> None:
    first = await cluster.broker(hang_up, name="broker-a")
    await cluster.broker(stored(), name="broker-b")
    producer = Producer(cluster.session(), "g", avoid_slow_brokers=True)
    for _ in range(8):
        await producer.send(MESSAGE)
    assert len(first.asked) == 1


async def test_queues_are_taken_in_turn(cluster: Cluster) -> None:
    broker = await cluster.broker(stored())
    producer = Producer(cluster.session(), "g")
    for _ in range(8):
        await producer.send(MESSAGE)
    taken = [read_send_header(command).queue_id for command in broker.asked]
    assert sorted(taken[:4]) == [0, 1, 2, 3]
    assert taken[:4] == taken[4:]


async def test_a_named_queue_is_tried_once_unless_told_otherwise(cluster: Cluster) -> None:
    broker = await cluster.broker(refuse(14))
    producer = Producer(cluster.session(), "g")
    queue = MessageQueue("T", "broker-a", 2)
    with pytest.raises(SendFailedError):
        await producer.send(MESSAGE, queue)
    with pytest.raises(SendFailedError):
        await producer.send(MESSAGE, queue, retries=1)
    assert [read_send_header(command).queue_id for command in broker.asked] == [2, 2, 2]


async def test_a_selector_chooses_the_queue(cluster: Cluster) -> None:
    broker = await cluster.broker(stored())
    await Producer(cluster.session(), "g").send(MESSAGE, selector=lambda queues: queues[3])
    assert read_send_header(broker.asked[0]).queue_id == 3


async def test_a_topic_that_nobody_knows_goes_where_it_would_be_made(cluster: Cluster) -> None:
    broker = await cluster.broker(stored(), topics="TBW102", queues=8, perm=7)
    producer = Producer(cluster.session(), "g")
    queues = await producer.queues("New")
    assert queues == [MessageQueue("New", "broker-a", number) for number in range(4)]
    result = await producer.send(Message(topic="New", body=b"x"))
    assert result.queue.topic == "New"
    assert read_send_header(broker.asked[0]).topic == "New"


async def test_a_slave_alone_takes_no_messages(cluster: Cluster) -> None:
    await cluster.broker(stored(), broker_id=1)
    with pytest.raises(NoRouteError, match="no master") as caught:
        await Producer(cluster.session(), "g").send(MESSAGE)
    assert caught.value.definite


async def test_without_name_server_and_route_nothing_is_attempted(cluster: Cluster) -> None:
    await cluster.name_server.stop()
    with pytest.raises(NoRouteError, match="no name server answers"):
        await Producer(cluster.session(), "g").send(MESSAGE)


async def test_a_known_route_outlives_its_name_server(cluster: Cluster) -> None:
    await cluster.broker(stored())
    producer = Producer(cluster.session(route_refresh_ms=0), "g")
    await producer.send(MESSAGE)
    await cluster.name_server.stop()
    for _ in range(3):
        assert (await producer.send(MESSAGE)).status is SendStatus.SEND_OK


async def test_a_long_body_is_deflated(cluster: Cluster) -> None:
    broker = await cluster.broker(stored())
    await Producer(cluster.session(), "g").send(Message(topic="T", body=b"x" * 4096))
    (command,) = broker.asked
    assert read_send_header(command).sys_flag == 1
    assert zlib.decompress(command.body) == b"x" * 4096


async def test_a_batch_is_one_request_and_one_result(cluster: Cluster) -> None:
    broker = await cluster.broker(stored(5))
    messages = [Message(topic="T", body=b"a"), Message(topic="T", body=b"bb", tags="X")]
    result = await Producer(cluster.session(), "g").send_batch(messages)
    (command,) = broker.asked
    header = read_send_header(command)
    assert (command.code, header.batch) == (320, True)
    first, second = result.key.split(",")
    assert first != second
    # total size, magic, CRC, flag, body length, body: the properties follow with their length
    assert command.body[4:21] == bytes(12) + b"\0\0\0\1a"
    assert first.encode() in command.body
    assert second.encode() in command.body


@pytest.mark.parametrize("waits", [True, False])
async def test_a_batch_waits_for_disk_and_slave_if_its_messages_do(
    cluster: Cluster, waits: bool
) -> None:
    """RocketMQ's broker looks at the request's own properties."""
    broker = await cluster.broker(stored())
    message = Message(topic="T", body=b"a", wait_store_ok=waits)
    await Producer(cluster.session(), "g").send_batch([message, message])
    properties = parse_properties(read_send_header(broker.asked[0]).properties)
    assert properties == {"WAIT": str(waits).lower()}


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [Message(topic="T", body=b"a"), Message(topic="U", body=b"a")],
        [Message(topic="T", body=b"a", delay_level=1)],
        [Message(topic="%RETRY%g", body=b"a")],
        [Message(topic="T", body=b"a"), Message(topic="T", body=b"a", wait_store_ok=False)],
        [Message(topic="T", body=bytes(3 << 20)), Message(topic="T", body=bytes(3 << 20))],
    ],
)
async def test_what_is_no_batch_is_refused_at_once(
    cluster: Cluster, messages: list[Message]
) -> None:
    with pytest.raises(MessageIllegalError):
        await Producer(cluster.session(), "g").send_batch(messages)


@pytest.mark.parametrize(
    "message",
    [
        Message(topic="", body=b"a"),
        Message(topic="a b", body=b"a"),
        Message(topic="x" * 128, body=b"a"),
        Message(topic="T", body=b""),
        Message(topic="T", body=bytes((4 << 20) + 1)),
    ],
)
async def test_what_no_broker_would_store_is_refused_at_once(
    cluster: Cluster, message: Message
) -> None:
    with pytest.raises(MessageIllegalError) as caught:
        await Producer(cluster.session(), "g").send(message)
    assert caught.value.definite


async def test_a_one_way_send_waits_for_nothing(cluster: Cluster) -> None:
    broker = await cluster.broker(silence)
    await Producer(cluster.session(), "g").send_oneway(MESSAGE)
    await let_it_arrive()
    assert [command.is_oneway for command in broker.asked] == [True]


async def test_a_one_way_send_to_a_queue_without_a_master_has_no_route(cluster: Cluster) -> None:
    await cluster.broker(silence)
    with pytest.raises(NoRouteError, match="no master of broker-x in the route of T"):
        await Producer(cluster.session(), "g").send_oneway(
            MESSAGE, MessageQueue("T", "broker-x", 0)
        )


async def test_addresses_are_reached_by_their_proxies(cluster: Cluster) -> None:
    """No link past its proxy: what the name server tells is only looked up in the map."""
    broker = await cluster.broker(stored(), listens=False)
    proxy = await cluster.broker(stored(), topics="U", name="broker-b")
    session = cluster.session(address_map={broker.address: proxy.address})
    result = await Producer(session, "g").send(MESSAGE)
    assert result.node == broker.address
    assert broker.address not in cluster.network.dialled
    assert len(proxy.asked) == 1
