"""What an operator sees, and what an operator may change."""

import asyncio

import pytest

from broker.nameserver.server import NameServer
from broker.remoting import fastjson
from broker.remoting.codes import RequestCode, ResponseCode
from tests.broker.cluster_rig import MASTER, SLAVE, TOPIC, Rig, play
from tests.broker.processors.test_pull_processor import heartbeat

ALONE = ("nameserver", "master")
MQADMIN_KEYS = (
    "brokerVersionDesc",
    "putTps",
    "getTransferedTps",
    "sendThreadPoolQueueSize",
    "pullThreadPoolQueueSize",
    "sendThreadPoolQueueHeadWaitTimeMills",
    "pullThreadPoolQueueHeadWaitTimeMills",
    "pageCacheLockTimeMills",
    "earliestMessageTimeStamp",
    "commitLogDiskRatio",
    "msgPutTotalYesterdayMorning",
    "msgPutTotalTodayMorning",
    "msgPutTotalTodayNow",
    "msgGetTotalYesterdayMorning",
    "msgGetTotalTodayMorning",
    "msgGetTotalTodayNow",
)


async def status(rig: Rig, at: str = MASTER) -> dict[str, str]:
    reply = await rig.ask(RequestCode.GET_BROKER_RUNTIME_INFO, at=at)
    return fastjson.loads_object(reply.body)["table"]


def test_a_brokers_status_has_what_mqadmin_prints_and_how_replication_stands() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(b"hello")
        state = rig.broker("master").state
        await rig.until(lambda: state.master.core.mark == state.store.log.end)
        end = str(state.store.log.end)
        master, slave = await status(rig), await status(rig, SLAVE)

        assert set(MQADMIN_KEYS) <= set(master)
        assert (master["brokerVersionDesc"], master["brokerVersion"]) == ("V4_9_3", "399")
        assert (master["commitLogMaxOffset"], slave["commitLogMaxOffset"]) == (end, end)
        assert (master["haSlaves"], master["haReplicatedOffset"]) == ("1", end)
        assert (slave["haState"], slave["haMaster"]) == ("COPYING", MASTER)
        assert master["putMessageTimesTotal"] == "1"

    play(scenario)


@pytest.mark.parametrize("jump_ms", [-240_000, 240_000])
def test_rates_are_right_whatever_the_clock_does(jump_ms: int) -> None:
    async def scenario(rig: Rig) -> None:
        for second in range(20):
            await rig.send()
            await rig.send()
            await asyncio.sleep(1)
            if second == 12:
                rig.node("master").clock.shift(jump_ms, 0)
        assert 1.5 < float((await status(rig))["putTps"].split()[0]) < 2.5

    play(scenario, start=ALONE)


def test_settings_that_can_change_while_running_do_and_the_others_say_so() -> None:
    async def scenario(rig: Rig) -> None:
        text = (await rig.ask(RequestCode.GET_BROKER_CONFIG)).body.decode()
        assert "slaveReadEnable=false\n" in text

        changed = await rig.ask(RequestCode.UPDATE_BROKER_CONFIG, b"slaveReadEnable=true")
        assert changed.code == ResponseCode.SUCCESS
        assert rig.broker("master").state.config.slave_read_enable

        for body, why in (
            (b"brokerRole=SLAVE", "brokerId: a SLAVE's must be greater than 0"),
            (b"slaveReadEnable=false\nlistenPort=1234", "listenPort cannot change"),
            (b"slaveReadEnabled=false", "unknown key; the nearest known one is 'slaveReadEnable'"),
        ):
            refused = await rig.ask(RequestCode.UPDATE_BROKER_CONFIG, body)
            assert refused.code == ResponseCode.SYSTEM_ERROR
            assert why in (refused.remark or "")
        assert rig.broker("master").state.config.slave_read_enable

    play(scenario, start=ALONE)


def test_a_topic_is_described_and_deleted_with_all_that_belongs_to_it() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(b"a")
        await rig.send(b"b")
        fields = {"consumerGroup": "g", "topic": TOPIC, "queueId": 0, "commitOffset": 1}
        await rig.ask(RequestCode.UPDATE_CONSUMER_OFFSET, **fields)

        stats = (await rig.ask(RequestCode.GET_TOPIC_STATS_INFO, topic=TOPIC)).body
        table = fastjson.loads_object(stats)["offsetTable"]
        key = (("brokerName", "broker-a"), ("queueId", 0), ("topic", TOPIC))
        assert (len(table), table[key]["maxOffset"]) == (4, 2)
        assert stats.startswith(b'{"offsetTable":{{"brokerName"')  # fastjson's object keys
        stats = (await rig.ask(RequestCode.GET_CONSUME_STATS, consumerGroup="g")).body
        assert fastjson.loads_object(stats)["offsetTable"][key]["consumerOffset"] == 1
        who = (await rig.ask(RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, topic=TOPIC)).body
        assert fastjson.loads_object(who) == {"groupList": ["g"]}

        assert (await rig.ask(RequestCode.DELETE_TOPIC_IN_BROKER, topic=TOPIC)).code == 0
        state = rig.broker("master").state
        assert TOPIC not in state.topics.topics
        assert state.offsets.offsets == {}
        await rig.node("master").stop()
        await rig.node("master").start()
        await rig.reconnect()
        assert (await rig.pull()).code == ResponseCode.TOPIC_NOT_EXIST
        assert (await rig.send(b"anew")).ext_fields["queueOffset"] == "0"

    play(scenario, start=ALONE)


async def progress(rig: Rig, **fields: object) -> dict[tuple[str, int], tuple[int, int, bool]]:
    """A group's committed offset and the end of each queue, and whether a time is told."""
    reply = await rig.ask(RequestCode.GET_CONSUME_STATS, consumerGroup="g", **fields)
    found = {}
    for key, row in fastjson.loads_object(reply.body)["offsetTable"].items():
        place = dict(key)
        timed = row["lastTimestamp"] > 0
        found[place["topic"], place["queueId"]] = row["consumerOffset"], row["brokerOffset"], timed
    return found


def test_a_groups_progress_is_told_of_the_topics_that_it_has_or_the_one_that_is_asked_for() -> None:
    """As RocketMQ's ``getConsumeStats``; who consumes now is not told of what it has given up."""

    async def scenario(rig: Rig) -> None:
        for topic in (TOPIC, "Other"):
            for _ in range(3):
                await rig.send(b=topic, d=1)
        assert await progress(rig) == {}
        assert await progress(rig, topic="Other") == {("Other", 0): (0, 3, False)}
        for topic in (TOPIC, "Other"):
            fields = {"consumerGroup": "g", "topic": topic, "queueId": 0, "commitOffset": 2}
            await rig.ask(RequestCode.UPDATE_CONSUMER_OFFSET, **fields)
        rows = {(TOPIC, 0): (2, 3, True), ("Other", 0): (2, 3, True)}
        assert await progress(rig) == rows
        await rig.ask(RequestCode.HEART_BEAT, heartbeat("g"))
        assert await progress(rig) == {(TOPIC, 0): (2, 3, True)}
        assert await progress(rig, topic="Other") == {}

    play(scenario, start=ALONE)


def test_a_group_is_deleted_with_or_without_its_offsets() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send()
        state = rig.broker("master").state
        for removed in ("false", "true"):
            fields = {"consumerGroup": "g", "topic": TOPIC, "queueId": 0, "commitOffset": 1}
            await rig.ask(RequestCode.UPDATE_CONSUMER_OFFSET, **fields)
            await rig.ask(RequestCode.HEART_BEAT, heartbeat("g"))
            code = RequestCode.DELETE_SUBSCRIPTIONGROUP
            assert (await rig.ask(code, groupName="g", removeOffset=removed)).code == 0
            assert "g" not in state.groups.groups
            assert (state.offsets.get("g", TOPIC, 0) is None) == (removed == "true")

    play(scenario, start=ALONE)


@pytest.mark.parametrize("order", [(MASTER, SLAVE), (SLAVE, MASTER)])
def test_a_topic_is_deleted_at_every_broker_in_any_order(order: tuple[str, str]) -> None:
    """``mqadmin deleteTopic`` asks the slave, too, and gives up at the first refusal."""

    async def scenario(rig: Rig) -> None:
        for _ in range(3):
            await rig.send(b"old")
        await rig.until(rig.equal)
        for address in order:
            reply = await rig.ask(RequestCode.DELETE_TOPIC_IN_BROKER, at=address, topic=TOPIC)
            assert reply.code == ResponseCode.SUCCESS
        await asyncio.sleep(3)
        for address in order:
            assert (await rig.pull(at=address)).code == ResponseCode.TOPIC_NOT_EXIST

        assert (await rig.send(b"new")).ext_fields["queueOffset"] == "0"
        await rig.until(rig.equal)
        await asyncio.sleep(2)
        for address in order:
            assert [message.body for message in await rig.messages(address)] == [b"new"]

    play(scenario)


def permissions(rig: Rig, topic: str) -> list[int]:
    """What the name server knows of a topic at this very moment."""
    server = rig.node("nameserver").server
    assert isinstance(server, NameServer)
    route = server.routes.route(topic)
    return [queues.perm for queues in route.queue_datas] if route else []


async def create(rig: Rig, topic: str, perm: int = 6) -> None:
    code = RequestCode.UPDATE_AND_CREATE_TOPIC
    assert (await rig.ask(code, topic=topic, perm=perm)).code == ResponseCode.SUCCESS


def test_who_has_the_answer_to_a_new_topic_finds_its_route() -> None:
    """As RocketMQ's, the broker registers before it answers."""

    async def scenario(rig: Rig) -> None:
        await create(rig, "New")
        assert permissions(rig, "New") == [6]
        await create(rig, "New", perm=4)
        assert permissions(rig, "New") == [4]

    play(scenario, start=ALONE, registerNameServerPeriod="60000")


def test_a_name_server_that_hangs_does_not_hold_up_the_answer_for_long() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.node("nameserver").pause()
        begun = asyncio.get_running_loop().time()
        await create(rig, "New")
        assert asyncio.get_running_loop().time() - begun < 1.1
        await rig.node("nameserver").resume()
        await rig.until(lambda: permissions(rig, "New"), 10)

    play(scenario, start=ALONE)


def test_a_broker_that_is_closed_for_writing_registers_its_topics_so() -> None:
    """And opens none that was closed, which RocketMQ 4.9.3 does."""

    async def scenario(rig: Rig) -> None:
        await create(rig, "Both")
        await create(rig, "WriteOnly", perm=2)
        for permission, expected in ((4, [4, 0]), (2, [2, 2]), (6, [6, 2])):
            text = f"brokerPermission={permission}".encode()
            assert (await rig.ask(RequestCode.UPDATE_BROKER_CONFIG, text)).code == 0
            assert [*permissions(rig, "Both"), *permissions(rig, "WriteOnly")] == expected
        assert permissions(rig, "TBW102") == [7]

    play(scenario, start=ALONE, registerNameServerPeriod="60000")


def test_system_topics_cannot_be_changed() -> None:
    async def scenario(rig: Rig) -> None:
        for code in (RequestCode.DELETE_TOPIC_IN_BROKER, RequestCode.UPDATE_AND_CREATE_TOPIC):
            reply = await rig.ask(code, topic="SELF_TEST_TOPIC")
            assert "conflict with system topic" in (reply.remark or "")
        listed = await rig.ask(RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER)
        assert "TBW102" in fastjson.loads_object(listed.body)["topicList"]

    play(scenario, start=ALONE)


def test_topics_and_groups_survive_a_crash() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send()
        group = b'{"groupName":"g","retryMaxTimes":3}'
        await rig.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, group)
        await rig.send(b="other", d=2)
        await rig.node("master").kill()
        await rig.node("master").start()
        await rig.reconnect()

        state = rig.broker("master").state
        assert state.topics.topics["other"].write_queue_nums == 2
        assert state.groups.groups["g"].retry_max_times == 3

    play(scenario, start=ALONE, volatile=True, flush="SYNC_FLUSH")
