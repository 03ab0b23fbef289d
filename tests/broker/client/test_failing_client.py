"""Whichever connect or write of a client fails, its sends end honestly and its group gets all.

The Nth one fails, for N = 1, 2, 3, ... until a whole life of a producer and a push consumer has
so few that none does. Then: every call came back, what was acknowledged was delivered, what was
surely refused was not stored, nothing failed unseen, and the client works on as if nothing had
happened.
"""

import asyncio
from dataclasses import replace
from itertools import count

import pytest

from broker.client.consuming import ConsumeStatus
from broker.client.message import Message
from broker.client.producer import Producer
from broker.client.push_consumer import ConsumeFrom, MessageModel, PushConsumer, PushOptions
from broker.client.session import Session
from broker.errors import MqError
from broker.nameserver.route import MessageQueue
from broker.remoting.codes import SendStatus
from broker.store.message import StoredMessage
from simulation.cluster import ADDRESSES
from simulation.network import SimulatedNetwork
from tests.broker.cluster_rig import TOPIC, Rig, play
from tests.broker.failing_world import Effects, FailingDisk, FailingFabric

OPTIONS = PushOptions(
    consume_from=ConsumeFrom.FIRST,
    suspend_ms=1000,
    heartbeat_ms=1000,
    rebalance_ms=1000,
    persist_ms=500,
    lock_ms=1000,
)


class Client:
    """A producer and a push consumer in a world of their own, and what became of each message."""

    def __init__(self, rig: Rig, effects: Effects, options: PushOptions) -> None:
        ports = rig.cluster.client_ports()
        fabric = FailingFabric(rig.cluster.fabric, effects)
        ports = replace(
            ports,
            network=SimulatedNetwork(fabric, None),  # type: ignore[arg-type]
            disk=FailingDisk(ports.disk, effects),  # type: ignore[arg-type]
        )
        host, port = ADDRESSES["nameserver"]
        self.session = Session(ports, [f"{host}:{port}"], route_refresh_ms=500)
        self.producer = Producer(self.session, "producers")
        self.consumer = PushConsumer(self.session, "g", {TOPIC: "*"}, self._listen, options)
        self.effects = effects
        self.acknowledged: list[bytes] = []
        self.refused: list[bytes] = []
        self.delivered: list[bytes] = []
        self.unseen: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _l, c: self.unseen.append(c))

    async def send(self, body: bytes) -> None:
        async with asyncio.timeout(4):
            try:
                result = await self.producer.send(Message(topic=TOPIC, body=body), retries=0)
            except MqError as error:
                assert self.effects.failed, "without a failure it is stored"
                if error.definite:
                    self.refused.append(body)
                return
        assert result.status is SendStatus.SEND_OK
        self.acknowledged.append(body)

    async def _listen(self, _queue: MessageQueue, messages: list[StoredMessage]) -> ConsumeStatus:
        self.delivered += [message.body for message in messages]
        return ConsumeStatus.SUCCESS


async def live(rig: Rig, client: Client) -> None:
    await client.consumer.start()
    for number in range(6):
        await client.send(b"%d" % number)
    await asyncio.sleep(3)
    client.effects.fail_at = 0
    await client.send(b"after")
    assert client.acknowledged[-1] == b"after"
    await rig.until(lambda: not [b for b in client.acknowledged if b not in client.delivered], 5)
    assert [timer for timer in client.consumer._timers if timer.done()] == []
    await client.consumer.stop()
    await client.session.close()
    queues = [await rig.messages(queueId=number) for number in range(4)]
    stored = [message.body for queue in queues for message in queue]
    assert sorted(stored) == sorted(dict.fromkeys(stored))
    assert [body for body in client.acknowledged if body not in stored] == []
    assert [body for body in client.refused if body in stored] == []
    assert client.unseen == [], client.unseen


@pytest.mark.parametrize(
    "options",
    [
        OPTIONS,
        replace(OPTIONS, orderly=True),
        replace(OPTIONS, model=MessageModel.BROADCASTING, offsets_path="/offsets.json"),
    ],
    ids=["concurrent", "orderly", "broadcast"],
)
def test_the_nth_effect_of_a_client_may_fail(options: PushOptions) -> None:
    for nth in count(1):
        effects = Effects()

        async def scenario(rig: Rig, effects: Effects = effects, nth: int = nth) -> None:
            await rig.send(b"first")  # so that the topic is known
            client = Client(rig, effects, options)
            effects.arm(nth)
            await live(rig, client)

        try:
            play(scenario, start=("nameserver", "master"))
        except BaseException as error:
            error.add_note(f"when {effects.failed or 'nothing'} failed")
            raise
        if not effects.failed:
            assert nth > 20
            return
