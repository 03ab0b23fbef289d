"""Whichever effect of a slave fails in an operator's RESYNC, it can be asked for again.

What the slave gives up is what its master does not have, and nothing else, however often it takes.
"""

import asyncio
from collections.abc import Callable
from itertools import count

import pytest

from broker.errors import MqError
from broker.remoting.codes import RequestCode, ResponseCode
from simulation.nodes import SimulatedNode
from tests.broker.cluster_rig import SLAVE, Rig, play
from tests.broker.failing_world import Effects, break_disk, break_network
from tests.broker.ha.test_replication_cluster import lose_the_masters_tail

SETTINGS = {"flushIntervalCommitLog": "60000", "mappedFileSizeConsumeQueue": "2000"}


async def resync(rig: Rig, effects: Effects) -> bool:
    """Ask once; a refusal says why, and the store is as it was, or says that it is not."""
    try:
        reply = await rig.ask(RequestCode.RESYNC, at=SLAVE)
    except MqError:
        assert effects.failed
        return False
    if reply.code == ResponseCode.SUCCESS:
        return True
    assert effects.failed
    assert reply.remark
    if rig.broker("slave").state.store.failure is None:
        assert len(await rig.messages(SLAVE)) == 6
    else:
        await rig.node("slave").stop()
        await rig.node("slave").start()
        await rig.reconnect()
    return False


@pytest.mark.parametrize(("broken", "least"), [(break_network, 5), (break_disk, 10)])
def test_the_nth_effect_of_a_resynchronisation_may_fail(
    broken: Callable[[SimulatedNode, Effects], None], least: int
) -> None:
    for nth in count(1):
        effects = Effects()

        async def scenario(rig: Rig, effects: Effects = effects, nth: int = nth) -> None:
            broken(rig.node("slave"), effects)
            await rig.node("slave").start()
            await rig.until(rig.fed)
            await lose_the_masters_tail(rig)
            await asyncio.sleep(5)  # the slave learns that its connection is dead
            effects.arm(nth)
            while not await resync(rig, effects):
                pass
            effects.fail_at = 0
            await rig.until(lambda: rig.fed() and rig.equal())
            assert (await rig.send(b"after")).code == ResponseCode.SUCCESS
            bodies = [message.body for message in await rig.messages()]
            assert bodies[0] == b"kept"
            assert bodies == [message.body for message in await rig.messages(SLAVE)]

        try:
            start = ("nameserver", "master")
            play(scenario, "SYNC_MASTER", volatile=True, start=start, **SETTINGS)
        except BaseException as error:
            error.add_note(f"when {effects.failed or 'nothing'} failed")
            raise
        if not effects.failed:
            assert nth > least
            return
