"""An operator sends a group back to a moment, or on to now; its members go there."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from broker.client.consuming import ConsumeStatus
from broker.client.push_consumer import ConsumeFrom, PushConsumer, PushOptions
from broker.nameserver.route import MessageQueue
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.store.message import StoredMessage
from broker.tables.queue_offsets import read_offsets
from tests.broker.cluster_rig import TOPIC, Rig, play, queue

ALONE = ("nameserver", "master")


async def reset(rig: Rig, timestamp: int, *, force: bool = True, topic: str = TOPIC) -> Command:
    code = RequestCode.INVOKE_BROKER_TO_RESET_OFFSET
    fields = {"topic": topic, "group": "g", "timestamp": timestamp, "isForce": str(force).lower()}
    return await rig.ask(code, **fields)


def with_consumer(
    scenario: Callable[[Rig, list[bytes]], Awaitable[None]], *, orderly: bool = False
) -> None:
    """Play a scenario with a consumer that has had four messages, one a second."""

    async def run(rig: Rig) -> None:
        got: list[bytes] = []

        async def listen(_queue: MessageQueue, messages: list[StoredMessage]) -> ConsumeStatus:
            got.extend(message.body for message in messages)
            return ConsumeStatus.SUCCESS

        for number in range(4):
            await rig.send(b"%d" % number, d=1)
            await asyncio.sleep(1)
        session = rig.cluster.session(1000)
        options = PushOptions(consume_from=ConsumeFrom.FIRST, orderly=orderly)
        consumer = PushConsumer(session, "g", {TOPIC: "*"}, listen, options)
        await consumer.start()
        await asyncio.sleep(6)  # so that it has committed
        assert got == [b"0", b"1", b"2", b"3"]
        got.clear()
        await scenario(rig, got)
        await consumer.stop()
        await session.close()

    play(run, start=ALONE)


@pytest.mark.parametrize("orderly", [False, True])
def test_a_group_that_is_sent_back_gets_again_what_came_since(orderly: bool) -> None:
    async def scenario(rig: Rig, got: list[bytes]) -> None:
        state = rig.broker("master").state
        at_ms = state.store.store_timestamp(TOPIC, 0, 2)
        reply = await reset(rig, at_ms)
        assert read_offsets(reply.body) == {queue(): 2}
        await asyncio.sleep(2)
        assert got == [b"2", b"3"]
        await rig.send(b"4")
        await asyncio.sleep(6)
        assert got == [b"2", b"3", b"4"]
        assert state.offsets.get("g", TOPIC, 0) == 5

    with_consumer(scenario, orderly=orderly)


def test_a_group_is_sent_on_by_force_alone() -> None:
    async def scenario(rig: Rig, got: list[bytes]) -> None:
        state = rig.broker("master").state
        state.offsets.commit("g", TOPIC, 0, 1)
        assert read_offsets((await reset(rig, -1, force=False)).body) == {queue(): 1}
        await asyncio.sleep(2)
        assert got == [b"1", b"2", b"3"]
        assert read_offsets((await reset(rig, -1)).body) == {queue(): 4}

    with_consumer(scenario)


def test_who_cannot_be_sent_anywhere_is_told_as_mqadmin_expects_it() -> None:
    """At CONSUMER_NOT_ONLINE, ``resetOffsetByTime`` goes on to commit the offsets itself."""

    async def scenario(rig: Rig) -> None:
        await rig.send(d=1)
        unknown = await reset(rig, 0, topic="unknown")
        assert unknown.remark == (
            "[reset-offset] reset offset failed, no topic in this broker. topic=unknown"
        )
        assert (await reset(rig, 0)).remark == "THe consumer group <g> not exist"
        rig.broker("master").state.offsets.commit("g", TOPIC, 0, 1)
        assert (await reset(rig, 0)).code == ResponseCode.CONSUMER_NOT_ONLINE

    play(scenario, start=ALONE)
