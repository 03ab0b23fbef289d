"""How far a group is, where a queue begins and ends, and what survives a crash of either."""

import asyncio
from dataclasses import replace

from broker.remoting.codes import RequestCode, ResponseCode
from tests.broker.cluster_rig import MASTER, SLAVE, TOPIC, Rig, play

ALONE = ("nameserver", "master")
QUEUE = {"topic": TOPIC, "queueId": 0}


async def committed(rig: Rig, group: str = "g", at: str = MASTER) -> str | None:
    reply = await rig.ask(RequestCode.QUERY_CONSUMER_OFFSET, at=at, consumerGroup=group, **QUEUE)
    return reply.ext_fields.get("offset")


async def commit(rig: Rig, offset: int, group: str = "g", at: str = MASTER) -> None:
    reply = await rig.ask(
        RequestCode.UPDATE_CONSUMER_OFFSET,
        at=at,
        consumerGroup=group,
        commitOffset=offset,
        **QUEUE,
    )
    assert reply.code == ResponseCode.SUCCESS


def test_a_new_group_begins_at_the_beginning() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send()
        assert await committed(rig) == "0"

    play(scenario, start=ALONE)


def test_a_new_group_begins_where_it_wants_if_the_beginning_is_far_back() -> None:
    """As at RocketMQ's: what is not in memory any more is no new group's business unasked."""

    async def scenario(rig: Rig) -> None:
        store = rig.broker("master").state.store
        store.config = replace(store.config, memory_bytes=1000)
        await rig.send(bytes(500))
        assert await committed(rig) == "0"
        await rig.send(bytes(500), e=1)
        reply = await rig.ask(RequestCode.QUERY_CONSUMER_OFFSET, consumerGroup="g", **QUEUE)
        assert reply.code == ResponseCode.QUERY_NOT_FOUND

    play(scenario, start=ALONE)


def test_an_offset_is_kept_also_backwards_and_over_a_restart() -> None:
    async def scenario(rig: Rig) -> None:
        for _ in range(5):
            await rig.send()
        for offset in (4, 2, 3):
            await commit(rig, offset)
            assert await committed(rig) == str(offset)
        await rig.node("master").stop()
        await rig.node("master").start()
        assert await committed(rig) == "3"

    play(scenario, start=ALONE)


def test_nobody_commits_what_is_not_there() -> None:
    """Offsets that an allowed loss freed are given to other messages; they must be got (P11)."""

    async def scenario(rig: Rig) -> None:
        await rig.send()
        await commit(rig, 9)
        assert await committed(rig) == "1"
        await rig.pull(0, sysFlag=5, commitOffset=9)
        assert rig.broker("master").state.offsets.get("consumers", TOPIC, 0) == 1

    play(scenario, start=ALONE)


def test_offsets_beyond_a_queues_end_are_brought_back_at_a_start() -> None:
    """The log lost its tail in a power cut; the offsets were saved a moment before."""

    async def scenario(rig: Rig) -> None:
        await rig.send()
        store = rig.broker("master").state.store
        await store.wait_flushed(store.log.end, 1000)
        for _ in range(4):
            await rig.send()
        await commit(rig, 5)
        await asyncio.sleep(0.15)  # offsets are saved, messages are not yet
        assert store.log.flushed < store.log.end
        await rig.node("master").kill()
        await rig.node("master").start()
        await rig.reconnect()

        assert len(await rig.messages()) == 1
        assert await committed(rig) == "1"

    play(
        scenario,
        start=ALONE,
        volatile=True,
        flushConsumerOffsetInterval="100",
        flushIntervalCommitLog="5000",
    )


def test_a_queue_says_where_it_begins_and_ends_and_when() -> None:
    async def scenario(rig: Rig) -> None:
        async def ask(code: RequestCode, **fields: object) -> dict[str, str]:
            return (await rig.ask(code, **QUEUE, **fields)).ext_fields

        assert await ask(RequestCode.GET_EARLIEST_MSG_STORETIME) == {"timestamp": "-1"}
        now_ms = rig.node("master").clock.now_ms
        times = []
        for _ in range(4):
            await asyncio.sleep(1)
            times.append(now_ms())
            await rig.send()
        assert await ask(RequestCode.GET_MAX_OFFSET) == {"offset": "4"}
        assert await ask(RequestCode.GET_MIN_OFFSET) == {"offset": "0"}
        earliest = int((await ask(RequestCode.GET_EARLIEST_MSG_STORETIME))["timestamp"])
        assert times[0] <= earliest < times[0] + 100
        found = await ask(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, timestamp=times[2] - 1)
        assert found == {"offset": "2"}

    play(scenario, start=ALONE)


def test_a_slave_copies_offsets_and_answers_for_its_master() -> None:
    async def scenario(rig: Rig) -> None:
        for _ in range(5):
            await rig.send()
        await commit(rig, 3)
        await asyncio.sleep(1.5)
        await rig.node("master").kill()
        assert await committed(rig, at=SLAVE) == "3"
        await commit(rig, 5, at=SLAVE)
        assert await committed(rig, at=SLAVE) == "5"

        await rig.node("master").start()
        await asyncio.sleep(3)
        # Inherent (A3): what was committed to the slave is lost to the master; the slave knows it.
        assert await committed(rig, at=MASTER) == "3"
        assert await committed(rig, at=SLAVE) == "5"

    play(scenario, flushConsumerOffsetInterval="100")
