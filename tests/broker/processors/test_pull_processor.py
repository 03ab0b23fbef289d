"""What a reader gets: messages, a place to go on from, or a wait; never nothing for ever."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from broker.processors.pull import pull_message
from broker.remoting import fastjson
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.store.message import decode_messages
from tests.broker.cluster_rig import MASTER, SLAVE, TOPIC, Rig, play

ALONE = ("nameserver", "master")


def heartbeat(group: str, tag: str = "*", version: int = 1, client: str = "c") -> bytes:
    codes = [2598919] if tag == "TagA" else []
    subscription = {"topic": TOPIC, "subString": tag, "codeSet": codes, "subVersion": version}
    consumer = {"groupName": group, "subscriptionDataSet": [subscription]}
    return fastjson.dumps({"clientID": client, "consumerDataSet": [consumer]})


def bodies(reply: Command) -> list[bytes]:
    return [message.body for message in decode_messages(reply.body)]


def test_a_pull_gives_messages_and_where_to_go_on() -> None:
    async def scenario(rig: Rig) -> None:
        for body in (b"a", b"b", b"c"):
            await rig.send(body)
        reply = await rig.pull(1, maxMsgNums=1)
        assert bodies(reply) == [b"b"]
        assert (reply.code, reply.remark) == (0, "FOUND")
        assert reply.ext_fields == {
            "suggestWhichBrokerId": "0",
            "nextBeginOffset": "2",
            "minOffset": "0",
            "maxOffset": "3",
        }

    play(scenario, start=ALONE)


@pytest.mark.parametrize("at", [MASTER, SLAVE])
@pytest.mark.parametrize(
    ("offset", "code", "go_on"),
    [
        (3, ResponseCode.PULL_NOT_FOUND, 3),
        (9, ResponseCode.PULL_OFFSET_MOVED, 3),
        (-5, ResponseCode.PULL_OFFSET_MOVED, 0),
    ],
)
def test_a_reader_outside_the_queue_is_sent_to_its_nearest_end_by_either_node(
    at: str, offset: int, code: int, go_on: int
) -> None:
    """RocketMQ's master sends it to 0, its slave leaves it there for ever (P11)."""

    async def scenario(rig: Rig) -> None:
        for _ in range(3):
            await rig.send()
        await rig.until(rig.equal)
        reply = await rig.pull(offset, at)
        assert (reply.code, int(reply.ext_fields["nextBeginOffset"])) == (code, go_on)

    play(scenario)


@pytest.mark.parametrize("flush", ["ASYNC_FLUSH", "SYNC_FLUSH"])
@pytest.mark.parametrize("at", [MASTER, SLAVE])
def test_a_parked_pull_wakes_when_its_message_arrives(at: str, flush: str) -> None:
    """On a slave as well, where RocketMQ looks every five seconds (A12)."""

    async def scenario(rig: Rig) -> None:
        loop = asyncio.get_running_loop()
        await rig.send(b"first")
        await rig.until(rig.equal)
        await asyncio.sleep(0.1)  # a slave under SYNC_FLUSH shows what is on its own disk
        parked = asyncio.ensure_future(rig.pull(1, at, sysFlag=6, suspendTimeoutMillis=15_000))
        await asyncio.sleep(2)
        begun = loop.time()
        await rig.send(b"other queue", e=1)
        await rig.send(b"second")
        assert bodies(await parked) == [b"second"]
        assert loop.time() - begun < 0.1

    play(scenario, flush=flush)


def test_a_pull_hears_of_what_came_after_its_look_and_before_it_was_parked() -> None:
    """A handler that waits begins in the next turn; on a slave nobody else may be parked."""

    async def scenario(rig: Rig) -> None:
        await rig.send(b"first")
        await rig.until(rig.equal)
        state, loop = rig.broker("slave").state, asyncio.get_running_loop()
        fields = {"consumerGroup": "consumers", "topic": TOPIC, "queueId": "0", "queueOffset": "1"}
        fields |= {"sysFlag": "6", "suspendTimeoutMillis": "15000", "subscription": "*"}
        command = Command(RequestCode.PULL_MESSAGE, ext_fields=fields)
        answer = pull_message(state, command, Connection())
        assert isinstance(answer, Awaitable)
        await rig.send(b"second")
        await rig.until(rig.equal)
        begun = loop.time()
        reply = await answer
        assert reply is not None
        assert bodies(reply) == [b"second"]
        assert loop.time() - begun < 0.1

    play(scenario)


def test_a_parked_pull_is_dropped_when_its_reader_is_gone() -> None:
    """Else each reader that comes back leaves one behind, for as long as it likes."""

    async def scenario(rig: Rig) -> None:
        await rig.send()
        state = rig.broker("master").state
        parked_before = len(state.parked)
        reader = rig.cluster.session(1000)
        ours, theirs = Rig(rig.cluster, rig.session), Rig(rig.cluster, reader)
        pulls = [
            asyncio.ensure_future(one.pull(1, sysFlag=6, suspendTimeoutMillis=10**9))
            for one in (ours, theirs, theirs)
        ]
        await rig.until(lambda: len(state.parked) == parked_before + 3)
        await reader.close()
        await asyncio.gather(*pulls[1:], return_exceptions=True)
        await rig.until(lambda: len(state.parked) == parked_before + 1, 1)
        missed = state.stats.get_missed
        await rig.send(b"second")
        assert bodies(await pulls[0]) == [b"second"]
        assert (state.stats.get_count, state.stats.get_missed) == (1, missed)

    play(scenario, start=ALONE)


def test_a_parked_pull_is_answered_when_its_time_is_up() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send()
        begun = asyncio.get_running_loop().time()
        reply = await rig.pull(1, sysFlag=6, suspendTimeoutMillis=5000)
        assert reply.code == ResponseCode.PULL_NOT_FOUND
        assert 5 <= asyncio.get_running_loop().time() - begun < 5.1
        assert (await rig.pull(1)).code == ResponseCode.PULL_NOT_FOUND
        assert asyncio.get_running_loop().time() - begun < 5.1

    play(scenario, start=ALONE)


def test_tags_are_filtered_by_the_request_or_by_the_groups_heartbeat() -> None:
    async def scenario(rig: Rig) -> None:
        for tag in ("TagA", "TagB", "TagA"):
            await rig.send(tag.encode(), text=f"TAGS\1{tag}")
        assert bodies(await rig.pull(subscription="TagA || TagC")) == [b"TagA", b"TagA"]
        none = await rig.pull(subscription="TagX")
        assert (none.code, none.ext_fields["nextBeginOffset"]) == (
            ResponseCode.PULL_RETRY_IMMEDIATELY,
            "3",
        )

        assert (await rig.pull(sysFlag=0)).code == ResponseCode.SUBSCRIPTION_NOT_EXIST
        await rig.ask(RequestCode.HEART_BEAT, heartbeat("consumers", "TagA"))
        assert bodies(await rig.pull(sysFlag=0)) == [b"TagA", b"TagA"]
        stale = await rig.pull(sysFlag=0, subVersion=2)
        assert stale.code == ResponseCode.SUBSCRIPTION_NOT_LATEST

    play(scenario, start=ALONE)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"topic": "unknown"}, ResponseCode.TOPIC_NOT_EXIST),
        ({"queueId": 4}, ResponseCode.SYSTEM_ERROR),
        ({"queueId": -1}, ResponseCode.SYSTEM_ERROR),
        ({"expressionType": "SQL92"}, ResponseCode.SYSTEM_ERROR),
        ({"queueOffset": "x"}, ResponseCode.SYSTEM_ERROR),
        ({"consumerGroup": "unknown"}, ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST),
    ],
)
def test_what_may_not_be_pulled_is_refused(fields: dict[str, object], code: int) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send()
        await rig.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, b'{"groupName":"consumers"}')
        assert (await rig.pull(**fields)).code == code  # type: ignore[arg-type]

    play(scenario, start=ALONE, autoCreateSubscriptionGroup="false")


def test_a_pull_may_carry_a_commit_but_not_to_a_slave() -> None:
    async def scenario(rig: Rig) -> None:
        for _ in range(3):
            await rig.send()
        await rig.until(rig.equal)
        await rig.pull(2, sysFlag=5, commitOffset=2)
        await rig.pull(2, SLAVE, sysFlag=5, commitOffset=1)
        assert rig.broker("master").state.offsets.offsets == {f"{TOPIC}@consumers": {0: 2}}
        assert rig.broker("slave").state.offsets.get("consumers", TOPIC, 0) != 1

    play(scenario)


def test_a_topic_that_only_the_log_knows_is_read_from_the_slave() -> None:
    """Made a moment before the master died, it is in no table that was copied (A10)."""

    async def scenario(rig: Rig) -> None:
        await rig.send(b"fresh")
        await rig.until(rig.equal)
        await rig.node("master").kill()
        assert TOPIC not in rig.broker("slave").state.topics.topics
        assert bodies(await rig.pull(at=SLAVE)) == [b"fresh"]

    play(scenario, slaveSyncInterval="60000")


def test_a_reader_far_behind_is_sent_to_the_slave_where_that_is_allowed() -> None:
    async def scenario(rig: Rig) -> None:
        for _ in range(40):
            await rig.send(b"x" * 1000)
        rig.broker("master").state.store.config = _small_memory(rig)
        reply = await rig.pull(0, maxMsgNums=1)
        assert reply.ext_fields["suggestWhichBrokerId"] == "1"
        assert (await rig.pull(39)).ext_fields["suggestWhichBrokerId"] == "0"

    play(scenario, start=ALONE, slaveReadEnable="true")


def _small_memory(rig: Rig) -> object:
    return replace(rig.broker("master").state.store.config, memory_bytes=10_000)


def test_a_group_that_may_not_broadcast_gets_nothing_in_that_way() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(b"x")
        group = b'{"groupName":"g","consumeBroadcastEnable":false}'
        await rig.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, group)
        for model, code in (
            (b"CLUSTERING", ResponseCode.SUCCESS),
            (b"BROADCASTING", ResponseCode.NO_PERMISSION),
        ):
            said = heartbeat("g").replace(
                b'"groupName"', b'"messageModel":"%s","groupName"' % model
            )
            await rig.ask(RequestCode.HEART_BEAT, said)
            reply = await rig.pull(consumerGroup="g", sysFlag=0)
            assert reply.code == code
        assert reply.remark == "the consumer group[g] can not consume by broadcast way"

    play(scenario, start=ALONE)
