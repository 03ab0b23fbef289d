"""Messages that come later: delayed, sent back, or among the dead letters."""

import asyncio

import pytest

from broker.remoting.codes import RequestCode, ResponseCode
from broker.store.message import decode_messages, message_id_offset
from broker.store.properties import DELAY
from broker.tables.topics import SCHEDULE_TOPIC
from tests.broker.cluster_rig import TOPIC, Rig, play

ALONE = ("nameserver", "master")


def test_a_delayed_message_comes_when_its_level_says() -> None:
    async def scenario(rig: Rig) -> None:
        reply = await rig.send(b"late", text=f"{DELAY}\0012\2KEYS\1k", e=3)
        assert (reply.code, reply.ext_fields["queueId"]) == (0, "3")
        await asyncio.sleep(4.9)
        assert await rig.messages(queueId=3) == []
        await asyncio.sleep(0.2)
        (message,) = await rig.messages(queueId=3)
        assert (message.body, message.properties["REAL_TOPIC"]) == (b"late", TOPIC)
        assert DELAY not in message.properties

    play(scenario, start=ALONE)


def test_a_level_too_high_is_the_highest_and_none_is_no_delay() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(b"now", text=f"{DELAY}\0010")
        assert [m.body for m in await rig.messages()] == [b"now"]
        await rig.send(text=f"{DELAY}\00199")
        assert rig.broker("master").state.store.queue_bounds(SCHEDULE_TOPIC, 17) == (0, 1)

    play(scenario, start=ALONE)


def test_what_waited_when_the_master_died_comes_after_its_return() -> None:
    """At least once, and here exactly: how far a level was delivered is saved."""

    async def scenario(rig: Rig) -> None:
        await rig.send(b"early", text=f"{DELAY}\0011")
        await asyncio.sleep(3)
        await rig.send(b"late", text=f"{DELAY}\0011")
        await rig.node("master").kill()
        await asyncio.sleep(5)
        await rig.node("master").start()
        await rig.reconnect()
        await asyncio.sleep(0.2)
        assert [m.body for m in await rig.messages()] == [b"early", b"late"]

    play(scenario, start=ALONE, flushDelayOffsetInterval="500")


@pytest.mark.parametrize("kept", [0, 1])
def test_what_is_sent_after_a_level_lost_its_tail_comes_though_others_had_come(kept: int) -> None:
    """Damage took the log's end, and delayOffset.json still says that more had been delivered."""

    async def scenario(rig: Rig) -> None:
        store = rig.broker("master").state.store
        ends = [store.log.end]
        for number in range(3):
            await rig.send(b"%d" % number, text=f"{DELAY}\0011")
            ends.append(store.log.end)
        await asyncio.sleep(3)
        await store.truncate(ends[kept])
        await rig.node("master").stop()
        await rig.node("nameserver").pause()  # so that the start takes a second
        starting = asyncio.ensure_future(rig.node("master").start())
        await asyncio.sleep(0.5)
        await rig.reconnect()
        for number in range(3, 7):
            await rig.send(b"%d" % number, text=f"{DELAY}\0011")
        await starting
        await asyncio.sleep(15)
        found = [message.body for message in await rig.messages()]
        assert found == [b"3", b"4", b"5", b"6"]

    play(scenario, start=ALONE)


def test_a_message_sent_back_comes_again_later_and_at_last_to_the_dead_letters() -> None:
    async def scenario(rig: Rig) -> None:
        sent = await rig.send(b"hard")
        await rig.send(b"other")
        offset = message_id_offset(sent.ext_fields["msgId"])

        async def back(at: int, **fields: object) -> int:
            code = RequestCode.CONSUMER_SEND_MSG_BACK
            return (await rig.ask(code, offset=at, group="g", **fields)).code

        assert await back(offset, delayLevel=1) == ResponseCode.SUCCESS
        await asyncio.sleep(1.2)
        (again,) = await rig.messages(topic="%RETRY%g")
        assert (again.body, again.reconsume_times) == (b"hard", 1)
        assert again.properties["RETRY_TOPIC"] == TOPIC
        assert again.properties["ORIGIN_MESSAGE_ID"] == sent.ext_fields["msgId"]

        assert await back(again.physical_offset, maxReconsumeTimes=1) == ResponseCode.SUCCESS
        assert await back(offset, delayLevel=-1) == ResponseCode.SUCCESS
        dead = await rig.messages(topic="%DLQ%g")
        assert [m.properties["ORIGIN_MESSAGE_ID"] for m in dead] == [sent.ext_fields["msgId"]] * 2
        assert await back(offset + 1) == ResponseCode.SYSTEM_ERROR

    play(scenario, start=ALONE)


def test_dead_letters_have_one_queue_however_many_retries_have() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.ask(
            RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, b'{"groupName":"g","retryQueueNums":3}'
        )
        sent = await rig.send(b"hard")
        offset = message_id_offset(sent.ext_fields["msgId"])
        for level in (1, -1):
            code = RequestCode.CONSUMER_SEND_MSG_BACK
            await rig.ask(code, offset=offset, group="g", delayLevel=level)
        topics = rig.broker("master").state.topics.topics
        assert topics["%RETRY%g"].read_queue_nums == 3
        assert topics["%DLQ%g"].read_queue_nums == 1

    play(scenario, start=ALONE)


def test_a_message_is_found_by_its_place_and_by_its_key() -> None:
    async def scenario(rig: Rig) -> None:
        sent = await rig.send(b"wanted", text="KEYS\1a b\2UNIQ_KEY\1U1")
        await rig.send(b"other", text="KEYS\1c")
        offset = message_id_offset(sent.ext_fields["msgId"])

        found = await rig.ask(RequestCode.VIEW_MESSAGE_BY_ID, offset=offset)
        assert b"wanted" in found.body
        missing = await rig.ask(RequestCode.VIEW_MESSAGE_BY_ID, offset=offset + 1)
        assert missing.remark == f"can not find message by the offset, {offset + 1}"
        for key in ("a", "b", "U1"):
            reply = await rig.ask(RequestCode.QUERY_MESSAGE, topic=TOPIC, key=key, maxNum=10)
            assert reply.body == found.body
        for _ in range(70):
            await rig.send(text="KEYS\1many")
        for maximum, count in ((10, 10), (1 << 30, 64)):
            many = await rig.ask(RequestCode.QUERY_MESSAGE, topic=TOPIC, key="many", maxNum=maximum)
            assert len(decode_messages(many.body)) == count, "RocketMQ's maxMsgsNumBatch"
        none = await rig.ask(RequestCode.QUERY_MESSAGE, topic=TOPIC, key="z", maxNum=10)
        assert none.code == ResponseCode.QUERY_NOT_FOUND

    play(scenario, start=ALONE)
