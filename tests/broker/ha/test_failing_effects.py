"""Whichever effect of a master, a slave or a name server fails, promises hold and all recovers.

The Nth write to a connection, connect or disk call of one node fails, for N = 1, 2, 3, ... until
a whole life of the cluster has so few that none does. Then: every send was answered in time, what
was acknowledged is on both nodes, nothing failed unseen, and the node works again, by itself or,
if it has said why it cannot, after a restart.
"""

import asyncio
from collections.abc import Callable
from itertools import count

import pytest

from broker.errors import MqError
from broker.remoting.codes import RequestCode, ResponseCode
from nemesis.targets import TargetError
from simulation.nodes import SimulatedNode
from tests.broker.cluster_rig import SLAVE, TOPIC, Rig, play
from tests.broker.failing_world import Effects, break_disk, break_network

DELAYED = b"delayed"  # may come twice after a crash
NODES = ("nameserver", "master", "slave")
SETTINGS = {
    "mappedFileSizeConsumeQueue": "2000",
    "messageDelayLevel": "1s",
    "registerNameServerPeriod": "1000",
    "slaveSyncInterval": "3000",
}
Break = Callable[[SimulatedNode, Effects], None]


class Life:
    """One cluster's life with one failing effect, and what was promised in it."""

    def __init__(self, rig: Rig, effects: Effects) -> None:
        self.rig, self.effects = rig, effects
        self.acknowledged: list[bytes] = []
        self.unseen: list[str] = []
        asyncio.get_running_loop().set_exception_handler(self._note)

    async def start(self, name: str) -> None:
        """Start a node; one that cannot says why, and then it can."""
        refused = ""
        try:
            await self.rig.node(name).start()
        except TargetError as error:
            refused = str(error)
        if refused:
            assert self.effects.failed, "without a failure every node starts"
            assert "failed" in refused
            await self.rig.node(name).start()

    async def send(self, body: bytes, text: str = "") -> None:
        """Send; an answer must come within a bound, and SEND_OK must be true (P8)."""
        async with asyncio.timeout(4):
            try:
                reply = await self.rig.send(body, text=text)
            except MqError:
                assert self.effects.failed, "without a failure there is an answer"
                return
        if reply.code == ResponseCode.SUCCESS:
            physical_offset = int(reply.ext_fields["msgId"][16:], 16)
            assert self.rig.broker("slave").state.store.log.end > physical_offset
            self.acknowledged.append(body)

    async def commit(self) -> None:
        fields = {"consumerGroup": "g", "topic": TOPIC, "queueId": 0, "commitOffset": 1}
        try:
            await self.rig.ask(RequestCode.UPDATE_CONSUMER_OFFSET, **fields)
        except MqError:
            assert self.effects.failed

    async def mend(self) -> None:
        """Restart the broker whose store has said that it can't go on."""
        for name in ("master", "slave"):
            failure = self.rig.broker(name).state.store.failure
            if failure is not None:
                assert "failed" in failure
                await self.rig.node(name).stop()
                await self.rig.node(name).start()

    async def is_well(self) -> None:
        """Everything works again, and nothing that was acknowledged is lost."""
        rig = self.rig
        self.effects.fail_at = 0  # from here on nothing fails
        await rig.reconnect()
        await rig.until(rig.fed, 10)
        reply = await rig.send(b"after")
        assert reply.code == ResponseCode.SUCCESS, reply
        await rig.until(rig.equal, 5)
        await asyncio.sleep(2)
        route = await rig.session.fresh_route(TOPIC)
        assert list(route.broker_datas[0].broker_addrs) == [0, 1]
        for found in (await rig.messages(), await rig.messages(SLAVE)):
            bodies = [message.body for message in found]
            once = [body for body in bodies if body != DELAYED]
            assert sorted(set(once)) == sorted(once)
            assert [b for b in [*self.acknowledged, b"after"] if b not in bodies] == []
        assert self.unseen == [], self.unseen

    def _note(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        self.unseen.append(f"{context.get('message')}: {context.get('exception')!r}")


async def live(life: Life) -> None:
    """Start, send, and let each broker take its turn in being restarted."""
    for name in NODES:
        await life.start(name)
    await asyncio.sleep(1)
    for name in ("", "slave", "master"):
        if name:
            await life.rig.node(name).stop()
            await life.rig.reconnect()
            await life.start(name)
            await asyncio.sleep(1)
        pair = (life.send(f"{name}-{one}".encode()) for one in range(2))
        await asyncio.gather(*pair)
        await life.send(DELAYED, "DELAY\x011")
    await life.commit()
    await asyncio.sleep(2)  # renewals, synchronisation, checkpoints
    await life.mend()
    await life.is_well()


@pytest.mark.parametrize(
    ("name", "broken", "flush", "least"),
    [
        ("nameserver", break_network, "SYNC_FLUSH", 15),
        ("master", break_network, "ASYNC_FLUSH", 40),
        ("slave", break_network, "SYNC_FLUSH", 40),
        ("master", break_disk, "SYNC_FLUSH", 80),
        ("slave", break_disk, "ASYNC_FLUSH", 80),
    ],
)
def test_the_nth_effect_of_a_node_may_fail(
    name: str, broken: Break, flush: str, least: int
) -> None:
    for nth in count(1):
        effects = Effects()

        async def scenario(rig: Rig, effects: Effects = effects, nth: int = nth) -> None:
            broken(rig.node(name), effects)
            effects.arm(nth)
            await live(Life(rig, effects))

        try:
            play(scenario, "SYNC_MASTER", flush, start=(), **SETTINGS)
        except BaseException as error:
            error.add_note(f"when {effects.failed or 'nothing'} failed")
            raise
        if not effects.failed:
            assert nth > least
            return
