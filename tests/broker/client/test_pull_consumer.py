"""A pulling consumer against brokers that answer by a script."""

import zlib

import pytest
from msgspec.structs import replace

from broker.client.consumer import PullConsumer, PullStatus
from broker.errors import BrokerError, NoRouteError, RemoteProtocolError, RemotingTimeoutError
from broker.nameserver.route import MessageQueue
from broker.remoting.command import Command
from broker.remoting.headers import PullHeader, read_fields
from broker.store.message import Host, MessageDraft, encode_record
from tests.broker.client.scripted import Answer, Cluster, refuse, silence

QUEUE = MessageQueue("T", "broker-a", 1)
DRAFT = MessageDraft("T", 1, b"hello", {"TAGS": "TagA", "UNIQ_KEY": "K"})
HOST = Host("127.0.0.1", 10911)


def record(offset: int, draft: MessageDraft = DRAFT) -> bytes:
    return encode_record(draft, offset, offset * 200, 1000 + offset, HOST)


def pulled(code: int, body: bytes = b"", next_offset: int = 9) -> Answer:
    fields = {
        "suggestWhichBrokerId": "1",
        "nextBeginOffset": str(next_offset),
        "minOffset": "3",
        "maxOffset": "12",
    }
    return lambda command: command.reply(code, ext_fields=fields, body=body)


async def test_messages_are_found_with_their_places_and_the_queues_bounds(
    cluster: Cluster,
) -> None:
    broker = await cluster.broker(pulled(0, record(7) + record(8)))
    result = await PullConsumer(cluster.session(), "g").pull(QUEUE, 7, 2)
    assert result.status is PullStatus.FOUND
    assert [(one.queue_offset, one.body) for one in result.messages] == [
        (7, b"hello"),
        (8, b"hello"),
    ]
    assert (result.next_offset, result.min_offset, result.max_offset) == (9, 3, 12)
    assert result.suggested_broker_id == 1
    header = read_fields(broker.asked[0].ext_fields, PullHeader)
    assert (header.queue_offset, header.max_msg_nums, header.subscription) == (7, 2, "*")
    assert (header.sys_flag, header.suspend_timeout_millis) == (4, 0)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (19, PullStatus.NO_NEW_MSG),
        (20, PullStatus.NO_MATCHED_MSG),
        (21, PullStatus.OFFSET_ILLEGAL),
    ],
)
async def test_nothing_found_has_three_reasons(
    cluster: Cluster, code: int, status: PullStatus
) -> None:
    await cluster.broker(pulled(code, next_offset=3))
    result = await PullConsumer(cluster.session(), "g").pull(QUEUE, 1)
    assert (result.status, result.messages, result.next_offset) == (status, [], 3)


async def test_any_other_answer_is_an_error_with_its_code(cluster: Cluster) -> None:
    await cluster.broker(refuse(24, "the consumer's group info not exist"))
    with pytest.raises(BrokerError, match="group info not exist") as caught:
        await PullConsumer(cluster.session(), "g").pull(QUEUE, 1)
    assert caught.value.code == 24


async def test_damaged_records_are_not_delivered(cluster: Cluster) -> None:
    damaged = bytearray(record(7))
    damaged[88] ^= 1  # in the body, so its CRC does not match
    await cluster.broker(pulled(0, bytes(damaged)))
    with pytest.raises(RemoteProtocolError, match="CRC"):
        await PullConsumer(cluster.session(), "g").pull(QUEUE, 7)


async def test_deflated_bodies_are_inflated(cluster: Cluster) -> None:
    draft = replace(DRAFT, body=zlib.compress(b"x" * 5000), sys_flag=1)
    await cluster.broker(pulled(0, record(7, draft)))
    result = await PullConsumer(cluster.session(), "g").pull(QUEUE, 7)
    assert result.messages[0].body == b"x" * 5000


async def test_a_body_that_claims_to_be_deflated_is_checked(cluster: Cluster) -> None:
    await cluster.broker(pulled(0, record(7, replace(DRAFT, sys_flag=1))))
    with pytest.raises(RemoteProtocolError):
        await PullConsumer(cluster.session(), "g").pull(QUEUE, 7)


async def test_other_tags_with_the_same_hash_are_left_out(cluster: Cluster) -> None:
    """Aa and BB have one hash in Java, so the broker lets both through."""
    other = replace(DRAFT, properties={"TAGS": "BB"})
    wanted = replace(DRAFT, properties={"TAGS": "Aa"})
    await cluster.broker(pulled(0, record(7, other) + record(8, wanted)))
    result = await PullConsumer(cluster.session(), "g").pull(QUEUE, 7, tags="Aa || C")
    assert [one.queue_offset for one in result.messages] == [8]


async def test_the_slave_is_asked_where_the_caller_says_so(cluster: Cluster) -> None:
    master = await cluster.broker(refuse(1))
    slave = await cluster.broker(pulled(19), broker_id=1)
    await PullConsumer(cluster.session(), "g").pull(QUEUE, 7, broker_id=1)
    assert (len(master.asked), len(slave.asked)) == (0, 1)


async def test_a_broker_that_left_the_route_is_a_definite_error(cluster: Cluster) -> None:
    await cluster.broker(pulled(19), broker_id=1)
    with pytest.raises(NoRouteError):
        await PullConsumer(cluster.session(), "g").pull(QUEUE, 7, broker_id=0)


async def test_a_parked_pull_may_take_its_time_and_no_more(cluster: Cluster) -> None:
    broker = await cluster.broker(silence)
    consumer = PullConsumer(cluster.session(), "g", timeout_ms=20)
    with pytest.raises(RemotingTimeoutError, match="70 ms"):
        await consumer.pull(QUEUE, 7, suspend_ms=50, commit_offset=6)
    header = read_fields(broker.asked[0].ext_fields, PullHeader)
    assert (header.sys_flag, header.suspend_timeout_millis, header.commit_offset) == (7, 50, 6)


async def test_offsets_and_bounds_are_asked_for(cluster: Cluster) -> None:
    answers = {
        30: {"offset": "12"},
        31: {"offset": "3"},
        29: {"offset": "5"},
        14: {"offset": "6"},
        15: {},
    }

    def answer(command: Command) -> Command:
        return command.reply(ext_fields=answers[command.code])

    broker = await cluster.broker(answer)
    consumer = PullConsumer(cluster.session(), "g")
    assert await consumer.bounds(QUEUE) == (3, 12)
    assert await consumer.offset_by_time(QUEUE, 1234) == 5
    assert await consumer.query_offset(QUEUE) == 6
    await consumer.commit_offset(QUEUE, 7)
    fields = [command.ext_fields for command in broker.asked]
    assert fields[2]["timestamp"] == "1234"
    assert fields[4] == {
        "consumerGroup": "g",
        "topic": "T",
        "queueId": "1",
        "commitOffset": "7",
    }


async def test_a_group_that_never_committed_has_no_offset(cluster: Cluster) -> None:
    await cluster.broker(refuse(22))
    assert await PullConsumer(cluster.session(), "g").query_offset(QUEUE) is None


@pytest.mark.parametrize("fields", [{}, {"offset": "x"}])
async def test_an_answer_without_an_offset_breaks_the_protocol(
    cluster: Cluster, fields: dict[str, str]
) -> None:
    await cluster.broker(lambda command: command.reply(ext_fields=fields))
    with pytest.raises(RemoteProtocolError, match="offset"):
        await PullConsumer(cluster.session(), "g").query_offset(QUEUE)


async def test_readable_queues_include_a_lone_slaves(cluster: Cluster) -> None:
    await cluster.broker(pulled(19), broker_id=1, queues=2)
    assert await PullConsumer(cluster.session(), "g").queues("T") == [
        MessageQueue("T", "broker-a", 0),
        MessageQueue("T", "broker-a", 1),
    ]
