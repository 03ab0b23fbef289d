"""What becomes of a send: stored as it was sent, or refused with RocketMQ's code for the reason."""

import asyncio
import struct
from collections.abc import Callable
from errno import EIO, ENOSPC

import pytest

from broker.processors.send import send_message
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import LATER, Connection
from broker.store.segments import Segments
from nemesis.targets import Controls
from tests.broker.cluster_rig import SLAVE, TOPIC, Rig, play

ALONE = ("nameserver", "master")


def item(body: bytes, text: str = "", flag: int = 0) -> bytes:
    encoded = text.encode()
    size = 20 + len(body) + 2 + len(encoded)
    head = struct.pack(">iiiii", size, 0, 0, flag, len(body))
    return head + body + struct.pack(">h", len(encoded)) + encoded


def test_a_message_is_stored_as_it_was_sent() -> None:
    async def scenario(rig: Rig) -> None:
        text = "KEYS\1k\2WAIT\1true\2TAGS\1TagA\2"
        reply = await rig.send(b"hello", text=text, e=2, h=7, g=123, j=1)
        assert reply.code == ResponseCode.SUCCESS
        assert reply.ext_fields == {
            "msgId": f"7F000002{10911:08X}{0:016X}",
            "queueId": "2",
            "queueOffset": "0",
            "MSG_REGION": "DefaultRegion",
            "TRACE_ON": "true",
        }

        (message,) = await rig.messages(queueId=2)
        assert (message.body, message.flag, message.born_timestamp) == (b"hello", 7, 123)
        assert message.reconsume_times == 1
        # WAIT=true is not stored, and the cluster's name is added (the golden record shows it).
        assert message.properties == {"KEYS": "k", "TAGS": "TagA", "CLUSTER": "DefaultCluster"}

    play(scenario, start=ALONE)


def test_the_long_form_of_the_request_is_the_same() -> None:
    async def scenario(rig: Rig) -> None:
        fields = {"producerGroup": "g", "topic": TOPIC, "defaultTopic": "TBW102", "queueId": 1}
        reply = await rig.ask(
            RequestCode.SEND_MESSAGE,
            b"x",
            **fields,
            defaultTopicQueueNums=2,
            sysFlag=0,
            bornTimestamp=0,
            flag=0,
            properties="",
        )
        assert (reply.code, reply.ext_fields["queueId"]) == (0, "1")

    play(scenario, start=ALONE)


@pytest.mark.parametrize(
    ("role", "flush", "wait", "waits"),
    [
        ("ASYNC_MASTER", "ASYNC_FLUSH", "true", False),
        ("ASYNC_MASTER", "SYNC_FLUSH", "true", True),
        ("SYNC_MASTER", "ASYNC_FLUSH", "true", True),
        ("SYNC_MASTER", "SYNC_FLUSH", "false", False),
    ],
)
def test_an_answer_waits_only_for_what_is_promised(
    role: str, flush: str, wait: str, waits: bool
) -> None:
    """And makes no task, which would cost half of the send."""

    async def scenario(rig: Rig) -> None:
        await rig.until(rig.fed)
        await rig.send()  # the topic is there
        fields = {"a": "g", "b": TOPIC, "c": "TBW102", "e": "0", "i": f"WAIT\1{wait}\2"}
        command = Command(RequestCode.SEND_MESSAGE_V2, ext_fields=fields, body=b"x")

        later: asyncio.Future[Command] = asyncio.get_running_loop().create_future()
        connection = Connection()
        connection.answer = lambda _asked, reply: later.set_result(reply)  # type: ignore[method-assign]

        answer = send_message(rig.broker("master").state, command, connection)

        assert (answer is LATER) is waits
        assert not later.done()
        reply = await later if answer is LATER else answer
        assert isinstance(reply, Command)
        assert reply.code == ResponseCode.SUCCESS
        assert reply.ext_fields["queueOffset"] == "1"

    play(scenario, role, flush)


def test_a_batch_is_stored_side_by_side() -> None:
    async def scenario(rig: Rig) -> None:
        body = item(b"a", "TAGS\1t", 1) + item(b"b") + item(b"")
        header = {"a": "g", "b": TOPIC, "c": "TBW102", "d": 4, "e": 0, "m": "true"}
        await rig.send(b"first")
        reply = await rig.ask(RequestCode.SEND_BATCH_MESSAGE, body, **header)
        assert reply.code == ResponseCode.SUCCESS
        assert (reply.ext_fields["queueOffset"], reply.ext_fields["msgId"].count(",")) == ("1", 2)

        stored = await rig.messages()
        assert [m.body for m in stored] == [b"first", b"a", b"b", b""]
        assert [m.message_id for m in stored[1:]] == reply.ext_fields["msgId"].split(",")
        assert (stored[1].flag, stored[1].properties["TAGS"]) == (1, "t")

        broken = await rig.ask(RequestCode.SEND_BATCH_MESSAGE, body[:-1], **header)
        assert broken.code == ResponseCode.MESSAGE_ILLEGAL
        assert len(await rig.messages()) == 4

    play(scenario, start=ALONE)


@pytest.mark.parametrize(
    ("fields", "code", "remark"),
    [
        ({"b": " "}, 1, "The specified topic is blank"),
        ({"b": "a b"}, 1, "contains illegal characters"),
        ({"b": "t" * 128}, 1, "longer than topic max length 127"),
        ({"b": "SCHEDULE_TOPIC_XXXX"}, 16, "is forbidden"),
        ({"c": "nobody"}, 17, "topic[T] not exist, apply first please!"),
        ({"c": "SELF_TEST_TOPIC"}, 17, "topic[T] not exist"),
        ({"e": 4}, 1, "request queueId[4] is illegal"),
        ({"e": "one"}, 1, "queueId"),
        ({"text": "a\1" + "x" * 40_000}, 13, "properties"),
        ({"body": b"x" * (4 << 20)}, 13, "at most"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_its_reason(
    fields: dict[str, object], code: int, remark: str
) -> None:
    async def scenario(rig: Rig) -> None:
        reply = await rig.send(**fields)  # type: ignore[arg-type]
        assert reply.code == code
        assert remark in (reply.remark or "")
        assert rig.broker("master").state.store.log.end == 0

    play(scenario, start=ALONE, mappedFileSizeCommitLog=str(16 << 20))


def test_an_unknown_topic_takes_after_its_template() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(b="few", d=3)
        await rig.send(b="many", d=100)
        topics = rig.broker("master").state.topics.topics
        assert (topics["few"].write_queue_nums, topics["few"].perm) == (3, 6)
        assert topics["many"].write_queue_nums == 8
        await asyncio.sleep(0.1)  # registered at once, long before the next renewal
        assert (await rig.session.fresh_route("few")).queue_datas

    play(scenario, start=ALONE, registerNameServerPeriod="60000")


def test_without_auto_creation_only_known_topics_take_messages() -> None:
    async def scenario(rig: Rig) -> None:
        assert (await rig.send()).code == ResponseCode.TOPIC_NOT_EXIST
        fields = {"topic": TOPIC, "readQueueNums": 1, "writeQueueNums": 1, "perm": 6}
        assert (await rig.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, **fields)).code == 0
        assert (await rig.send()).code == ResponseCode.SUCCESS

    play(scenario, start=ALONE, autoCreateTopicEnable="false")


def test_a_queue_below_zero_is_the_brokers_choice() -> None:
    async def scenario(rig: Rig) -> None:
        queues = [int((await rig.send(e=-1)).ext_fields["queueId"]) for _ in range(30)]
        assert sorted(dict.fromkeys(queues)) == [0, 1, 2, 3]

    play(scenario, start=ALONE)


def test_a_slave_refuses_whether_its_master_is_up_or_down() -> None:
    """Definitely: 14 is an answer from before the store was touched (P9, P3)."""

    async def scenario(rig: Rig) -> None:
        async def all_refused() -> None:
            topic = {"topic": TOPIC, "perm": 6}
            replies = [
                await rig.send(at=SLAVE),
                await rig.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, at=SLAVE, **topic),
            ]
            assert [r.code for r in replies] == [ResponseCode.SERVICE_NOT_AVAILABLE] * 2
            back = RequestCode.CONSUMER_SEND_MSG_BACK
            reply = await rig.ask(back, at=SLAVE, offset=0, group="g")
            assert reply.code == ResponseCode.SYSTEM_ERROR  # what RocketMQ's says here
            assert (reply.remark or "").startswith("SERVICE_NOT_AVAILABLE")

        await all_refused()
        await rig.node("master").kill()
        await all_refused()

    play(scenario)


def test_each_way_in_which_the_store_fails_has_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """SYSTEM_ERROR where RocketMQ has it; SERVICE_NOT_AVAILABLE while nothing is even tried."""

    def fail_with(number: int) -> Callable[..., bool]:
        def fail(*_arguments: object) -> bool:
            raise OSError(number, "as the test says")

        return fail

    async def scenario(rig: Rig) -> None:
        async def answer() -> tuple[int, str]:
            reply = await rig.send()
            return reply.code, (reply.remark or "")[:40]

        assert await answer() == (0, "")
        with monkeypatch.context() as broken:
            broken.setattr(Segments, "write", fail_with(EIO))
            assert await answer() == (1, "create mapped file failed, server is bus")
            broken.setattr(Segments, "write", fail_with(ENOSPC))
            assert await answer() == (14, "service not available now: write to the ")
        assert await answer() == (0, "")
        with monkeypatch.context() as broken:
            broken.setattr(Segments, "write", fail_with(EIO))
            broken.setattr(Segments, "erase_from", fail_with(EIO))
            assert await answer() == (1, "create mapped file failed, server is bus")
        assert await answer() == (14, "service not available now: the store is ")

    play(scenario, start=ALONE)


def test_after_a_failed_sync_the_first_is_in_doubt_and_the_rest_is_refused() -> None:
    """As where RocketMQ's store is not writeable: nothing is tried, and the remark says why."""

    async def scenario(rig: Rig) -> None:
        await rig.send()
        await rig.node("master").controls.set(Controls(fsync_fails=True))
        first, second = await rig.send(), await rig.send()
        assert (first.code, second.code) == (1, 14)
        assert "flush failed" in (first.remark or "")
        assert "the store is read-only: sync of" in (second.remark or "")

    play(scenario, flush="SYNC_FLUSH", start=ALONE)


@pytest.mark.parametrize("code", [RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_BATCH_MESSAGE])
def test_half_a_transaction_is_refused(code: RequestCode) -> None:
    """Stored like any other it would be delivered before it is committed."""

    async def scenario(rig: Rig) -> None:
        text = "TRAN_MSG\1true\2PGROUP\1p"
        fields = {"a": "p", "b": TOPIC, "c": "TBW102", "d": 4, "e": 0, "f": 4, "g": 0, "h": 0}
        is_batch = code == RequestCode.SEND_BATCH_MESSAGE
        body = item(b"half", text) if is_batch else b"half"
        reply = await rig.ask(code, body, i="" if is_batch else text, **fields)
        assert reply.code == ResponseCode.NO_PERMISSION
        assert "sending transaction message is forbidden" in (reply.remark or "")
        assert (await rig.send(b"whole", text="TRAN_MSG\1false")).code == ResponseCode.SUCCESS
        assert [message.body for message in await rig.messages()] == [b"whole"]

    play(scenario, start=ALONE)


def test_a_retried_message_ends_among_the_dead_letters() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(b"again", b="%RETRY%g", j=15)
        await rig.send(b"dead", b="%RETRY%g", j=16)
        await rig.send(b"dead too", b="%RETRY%g", j=2, l=2)

        assert [m.body for m in await rig.messages(topic="%RETRY%g")] == [b"again"]
        assert [m.body for m in await rig.messages(topic="%DLQ%g")] == [b"dead", b"dead too"]

    play(scenario, start=ALONE)


def test_a_broker_that_opens_later_says_until_when() -> None:
    async def scenario(rig: Rig) -> None:
        reply = await rig.send()
        assert (reply.code, reply.remark) == (
            1,
            "broker unable to service, until 9000000000000",
        )

    play(scenario, start=ALONE, startAcceptSendRequestTimeStamp="9000000000000")


def test_a_full_disk_refuses_and_a_broken_one_never_acknowledges() -> None:
    async def scenario(rig: Rig) -> None:
        assert (await rig.send()).code == ResponseCode.SUCCESS
        rig.node("master").disk.full = True
        refused = await rig.send()
        assert refused.code in (ResponseCode.SERVICE_NOT_AVAILABLE, ResponseCode.SYSTEM_ERROR)
        rig.node("master").disk.full = False
        rig.node("master").disk.failing = True
        failed = await rig.send()
        assert failed.code in (ResponseCode.SERVICE_NOT_AVAILABLE, ResponseCode.SYSTEM_ERROR)

    play(scenario, flush="SYNC_FLUSH", start=ALONE)
