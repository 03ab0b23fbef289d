"""A record that no client can read: the drain names it and goes on behind it."""

import pytest

from broker.store.message import decode_messages
from checkers.pulls import UNREADABLE
from harness.drain import drain_queue
from harness.draws import stream
from harness.memory_recorder import MemoryRecorder
from harness.operations import Operations
from harness.options import RunOptions
from harness.simulated.world import SimulatedWorld
from harness.workloads.queue import TOPIC
from histories.op import Op
from nemesis.disks import log_files, place_in_log
from simulation.loop import run_virtual

MESSAGES = 7
FLAGS = 39
"""Where the last byte of a record's flags is; its lowest bit says that the body is deflated."""


async def poison(world: SimulatedWorld, offset: int) -> None:
    """Flip the bit of one record of the topic on the master. No checksum covers it."""
    store, node = world.targets.stores["master"], world.targets.nodes["master"]
    end = (await node.ends()).end or 0
    await node.stop()
    ((_, path),) = log_files(store)
    (record,) = [
        record
        for record in decode_messages(store.read(path, 0, end))
        if (record.topic, record.queue_offset) == (TOPIC, offset)
    ]
    path, position = place_in_log(store, record.physical_offset + FLAGS)
    (flags,) = store.read(path, position, 1)
    store.write(path, position, bytes([flags ^ 1]))
    await node.start()


def drained(poisoned: int, node: str) -> list[Op]:
    recorder, problems = MemoryRecorder(), list[str]()

    async def living() -> None:
        world = SimulatedWorld(RunOptions(seed=1, world="simulated", queues=1), stream(1, "world"))
        await world.start()
        await world.workload()
        operator = await world.operator()
        for number in range(MESSAGES):
            assert await operator.send(TOPIC, b"0-%d ..." % number) == "SEND_OK"
        await poison(world, poisoned)
        await drain_queue(operator, Operations(recorder, 7, problems), TOPIC, 0, node)
        await world.stop()

    run_virtual(living())
    assert problems == [], "what can be read has been read"
    return recorder.ops


@pytest.mark.parametrize("poisoned", [0, 3, MESSAGES - 1])
def test_all_but_the_bad_record_is_read(poisoned: int) -> None:
    ops = drained(poisoned, "master")

    (failed,) = [op for op in ops if op.type == "fail"]
    assert failed.queue_offset == poisoned
    assert UNREADABLE in failed.error
    read = [message[:2] for op in ops if op.type == "ok" for message in op.value]
    assert read == [[at, f"0-{at}"] for at in range(MESSAGES) if at != poisoned]
    assert (ops[-1].min_offset, ops[-1].max_offset) == (0, MESSAGES)
    assert ops[-1].certified is False


def test_the_other_node_is_certified() -> None:
    *_, last = drained(3, "slave")

    assert last.certified is True
    assert len(last.value) == MESSAGES
