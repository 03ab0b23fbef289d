"""Who is there, who is told when that changes, and who may consume in order."""

import asyncio

import pytest

from broker.client.session import Session
from broker.remoting import fastjson
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from simulation.cluster import ADDRESSES
from tests.broker.cluster_rig import MASTER, TOPIC, Rig, play
from tests.broker.processors.test_pull_processor import heartbeat

ALONE = ("nameserver", "master")
GROUP = {"consumerGroup": "g"}


async def members(rig: Rig) -> list[str] | None:
    reply = await rig.ask(RequestCode.GET_CONSUMER_LIST_BY_GROUP, **GROUP)
    return None if reply.code else fastjson.loads_object(reply.body)["consumerIdList"]


class Listener:
    """A client's connection that notes what the broker tells it."""

    def __init__(self, session: Session) -> None:
        self.told: list[str] = []
        self._network = session.ports.network

    async def connect(self, client: str) -> Connection:
        def hear(command: Command, _connection: Connection) -> None:
            assert command.code == RequestCode.NOTIFY_CONSUMER_IDS_CHANGED
            self.told.append(command.ext_fields["consumerGroup"])

        _, connection = await self._network.connect(lambda: Connection(hear), *ADDRESSES["master"])
        await connection.request(
            Command(RequestCode.HEART_BEAT, body=heartbeat("g", client=client)), 1000
        )
        return connection


def test_members_come_and_go_and_the_others_are_told() -> None:
    async def scenario(rig: Rig) -> None:
        assert await members(rig) is None
        first, second = Listener(rig.session), Listener(rig.session)
        first_connection = await first.connect("one")
        connection = await second.connect("two")
        await asyncio.sleep(0.1)
        assert await members(rig) == ["one", "two"]
        assert (first.told, second.told) == (["g", "g"], ["g"])

        connection.close()
        await asyncio.sleep(0.1)
        assert await members(rig) == ["one"]
        assert first.told == ["g"] * 3

        await first_connection.request(
            Command(RequestCode.UNREGISTER_CLIENT, ext_fields={"clientID": "one", **GROUP}), 1000
        )
        assert await members(rig) is None
        assert rig.broker("master").state.clients.consumers == {}

    play(scenario, start=ALONE)


def test_a_heartbeat_that_says_nothing_new_tells_nobody() -> None:
    async def scenario(rig: Rig) -> None:
        listener = Listener(rig.session)
        connection = await listener.connect("one")
        again = Command(RequestCode.HEART_BEAT, body=heartbeat("g", client="one"))
        await connection.request(again, 1000)
        assert listener.told == ["g"]

        other = Command(RequestCode.HEART_BEAT, body=heartbeat("g", "TagA", 2, "one"))
        await connection.request(other, 1000)
        await asyncio.sleep(0.1)
        assert listener.told == ["g", "g"]

    play(scenario, start=ALONE)


def test_a_consumers_heartbeat_makes_its_retry_topic() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.ask(RequestCode.HEART_BEAT, heartbeat("g"))
        assert rig.broker("master").state.topics.topics["%RETRY%g"].write_queue_nums == 1

    play(scenario, start=ALONE)


def test_a_silent_client_is_forgotten() -> None:
    async def scenario(rig: Rig) -> None:
        listener = Listener(rig.session)
        await listener.connect("one")
        await asyncio.sleep(100)
        await rig.ask(RequestCode.HEART_BEAT, heartbeat("g", client="two"))
        await asyncio.sleep(35)
        assert await members(rig) == ["two"]

    play(scenario, start=ALONE)


def test_a_queue_is_locked_by_one_until_it_lets_go_or_falls_silent() -> None:
    async def scenario(rig: Rig) -> None:
        queues = [{"brokerName": "broker-a", "queueId": n, "topic": TOPIC} for n in (0, 1)]

        async def ask(code: RequestCode, client: str) -> list[object]:
            body = fastjson.dumps({"clientId": client, "consumerGroup": "g", "mqSet": queues})
            reply = await rig.ask(code, body)
            return fastjson.loads_object(reply.body)["lockOKMQSet"] if reply.body else []

        assert await ask(RequestCode.LOCK_BATCH_MQ, "one") == queues
        assert await ask(RequestCode.LOCK_BATCH_MQ, "two") == []
        await asyncio.sleep(50)
        assert await ask(RequestCode.LOCK_BATCH_MQ, "one") == queues
        await asyncio.sleep(50)
        assert await ask(RequestCode.LOCK_BATCH_MQ, "two") == []
        await asyncio.sleep(11)
        assert await ask(RequestCode.LOCK_BATCH_MQ, "two") == queues
        await ask(RequestCode.UNLOCK_BATCH_MQ, "one")
        assert await ask(RequestCode.LOCK_BATCH_MQ, "one") == []
        await ask(RequestCode.UNLOCK_BATCH_MQ, "two")
        assert await ask(RequestCode.LOCK_BATCH_MQ, "one") == queues

    play(scenario, start=ALONE)


@pytest.mark.parametrize("jump_ms", [-240_000, 240_000])
def test_a_clock_that_jumps_ends_no_lock_and_no_membership_before_their_time(jump_ms: int) -> None:
    """Else two members consume one queue: the one that lost its lock relies on it for 30 s."""

    async def scenario(rig: Rig) -> None:
        queues = [{"brokerName": "broker-a", "queueId": 0, "topic": TOPIC}]

        async def lock(client: str) -> list[object]:
            body = fastjson.dumps({"clientId": client, "consumerGroup": "g", "mqSet": queues})
            reply = await rig.ask(RequestCode.LOCK_BATCH_MQ, body)
            return fastjson.loads_object(reply.body)["lockOKMQSet"]

        await rig.ask(RequestCode.HEART_BEAT, heartbeat("g", client="one"))
        assert await lock("one") == queues
        rig.node("master").clock.shift(jump_ms, 0)
        await asyncio.sleep(20)
        assert await members(rig) == ["one"]
        assert await lock("two") == []

        await asyncio.sleep(41)
        assert await lock("two") == queues
        await asyncio.sleep(90)
        assert await members(rig) is None

    play(scenario, start=ALONE)


def test_a_late_goodbye_does_not_end_a_membership_that_was_begun_anew() -> None:
    """A request may be held up for long, and its sender be back before it arrives."""

    async def scenario(rig: Rig) -> None:
        before = await Listener(rig.session).connect("one")
        now = await Listener(rig.session).connect("one")
        goodbye = Command(RequestCode.UNREGISTER_CLIENT, ext_fields={"clientID": "one", **GROUP})
        assert (await before.request(goodbye, 1000)).code == ResponseCode.SUCCESS
        assert await members(rig) == ["one"]
        await now.request(goodbye, 1000)
        assert await members(rig) is None

    play(scenario, start=ALONE)


def test_a_groups_connections_can_be_seen() -> None:
    async def scenario(rig: Rig) -> None:
        ask = rig.ask
        offline = await ask(RequestCode.GET_CONSUMER_CONNECTION_LIST, **GROUP)
        assert offline.code == ResponseCode.CONSUMER_NOT_ONLINE
        body = heartbeat("g")[:-1] + b',"producerDataSet":[{"groupName":"p"}]}'
        await ask(RequestCode.HEART_BEAT, body)
        seen = fastjson.loads_object(
            (await ask(RequestCode.GET_CONSUMER_CONNECTION_LIST, **GROUP)).body
        )
        assert [one["clientId"] for one in seen["connectionSet"]] == ["c"]
        assert list(seen["subscriptionTable"]) == [TOPIC]
        producers = await ask(RequestCode.GET_PRODUCER_CONNECTION_LIST, producerGroup="p")
        (one,) = fastjson.loads_object(producers.body)["connectionSet"]
        assert (one["language"], one["version"]) == ("PYTHON", 399)

    play(scenario, start=ALONE)


def test_a_heartbeat_may_say_places_for_names() -> None:
    """The C++ client sends the ordinals of Java's enums, and versions as strings."""

    async def scenario(rig: Rig) -> None:
        subscription = b'{"subString":"*","subVersion":"1795506761652","topic":"T"}'
        said = (
            b'{"clientID":"1-127.0.0.1@DEFAULT","consumerDataSet":[{"consumeFromWhere":%d,'
            b'"consumeType":1,"groupName":"g","messageModel":1,"subscriptionDataSet":[%s]}]}'
        )
        await rig.ask(RequestCode.HEART_BEAT, said % (4, subscription))

        reply = await rig.ask(RequestCode.GET_CONSUMER_CONNECTION_LIST, **GROUP)
        found = fastjson.loads_object(reply.body)
        assert found["consumeFromWhere"] == "CONSUME_FROM_FIRST_OFFSET"
        assert (found["consumeType"], found["messageModel"]) == ("CONSUME_PASSIVELY", "CLUSTERING")
        assert found["subscriptionTable"]["T"]["subVersion"] == 1795506761652

        refused = await rig.ask(RequestCode.HEART_BEAT, said % (6, subscription))
        assert refused.code == ResponseCode.SYSTEM_ERROR
        assert "expected consume_from_where below 6, got 6" in str(refused.remark)

    play(scenario, start=ALONE)


def test_a_heartbeat_that_is_none_is_answered_with_an_error() -> None:
    async def scenario(rig: Rig) -> None:
        reply = await rig.ask(RequestCode.HEART_BEAT, b"{]", at=MASTER)
        assert reply.code == ResponseCode.SYSTEM_ERROR
        unknown = await rig.ask(4711)
        assert unknown.code == ResponseCode.REQUEST_CODE_NOT_SUPPORTED
        assert (await rig.send()).code == ResponseCode.SUCCESS

    play(scenario, start=ALONE)


def test_a_subscription_is_served_by_tags_alone() -> None:
    """What a consumer asks before it starts with another kind of filter."""

    async def scenario(rig: Rig) -> None:
        for kind, code in (("TAG", ResponseCode.SUCCESS), ("SQL92", ResponseCode.SYSTEM_ERROR)):
            body = b'{"clientId":"c","group":"g","subscriptionData":{"expressionType":"%s",'
            body = body % kind.encode() + b'"subString":"a > 1","topic":"T"}}'
            reply = await rig.ask(RequestCode.CHECK_CLIENT_CONFIG, body)
            assert reply.code == code
        assert reply.remark == "The broker does not support consumer to filter message by SQL92"
        assert (await rig.ask(RequestCode.CHECK_CLIENT_CONFIG, b"{}")).code == ResponseCode.SUCCESS

    play(scenario, start=ALONE)
