"""A store is a store: what one kind of broker wrote, the other recovers and serves.

And a real slave follows our master, if it is let (``haAcceptPlainSlave``). The reverse is not
offered: our slave asks its master to prove the likeness of their logs (``HA_HANDSHAKE``), which the
real one cannot; see ARCHITECTURE.md.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from broker.client.consumer import PullConsumer
from broker.client.message import Message
from broker.client.producer import Producer
from nemesis.nodes import ProcessNode
from tests.interop.clusters import STORE, Cluster, Program, apache, ours
from tests.interop.ourselves import create_topic, session, until_copied, until_registered

pytestmark = [pytest.mark.live, pytest.mark.interop]

TOPIC = "TopicMasterSlave"
BODY_BYTES = 40_000
COUNT = 40  # some 1.6 MB: more than one file of the log


def bodies(first: int, end: int) -> list[bytes]:
    """Bodies that no client can compress."""
    return sorted(Random(i).randbytes(BODY_BYTES) for i in range(first, end))


async def send(cluster: Cluster, first: int) -> None:
    async with session(cluster) as client:
        producer = Producer(client, "p")
        for i, body in enumerate(bodies(first, first + COUNT)):
            await producer.send(Message(topic=TOPIC, body=body, tags="TagA", keys=(f"key{i}",)))


async def read(cluster: Cluster, broker_id: int = 0) -> list[tuple[int, int, bytes]]:
    """Everything, from first to last: queue, offset and body."""
    found: list[tuple[int, int, bytes]] = []
    async with session(cluster) as client:
        consumer = PullConsumer(client, "reader")
        for queue in await consumer.queues(TOPIC):
            offset, end = await consumer.bounds(queue, broker_id=broker_id)
            while offset < end:
                pulled = await consumer.pull(queue, offset, broker_id=broker_id)
                found.extend((m.queue_id, m.queue_offset, m.body) for m in pulled.messages)
                offset = pulled.next_offset
    return found


def assert_files(store: Path) -> None:
    """Four queues, and a log of more than three files, each of the size that it was given."""
    log = [file.stat().st_size for file in store.glob("commitlog/*")]
    queues = [file.stat().st_size for file in store.glob(f"consumequeue/{TOPIC}/*/*")]
    assert len(log) > 3
    assert set(log) == {int(STORE["mappedFileSizeCommitLog"])}
    assert queues == [int(STORE["mappedFileSizeConsumeQueue"])] * 4


def log_bytes(store: Path, end: int) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(store.glob("commitlog/*")))[:end]


async def taken_over(
    cluster: Cluster, end: Callable[[], Awaitable[None]], reader: Program, sent: int
) -> ProcessNode:
    """After one's end the other recovers, serves the same, and goes on behind it."""
    before = await read(cluster)
    await end()

    second = await cluster.master(reader)
    await until_registered(cluster, 0)
    assert await read(cluster) == before
    assert sorted(body for _, _, body in before) == bodies(0, sent)

    await send(cluster, sent)
    after = await read(cluster)
    assert sorted(body for _, _, body in after) == bodies(0, sent + COUNT)
    assert len({(queue, offset) for queue, offset, _ in after}) == sent + COUNT
    return second


@pytest.mark.parametrize("made_by", ["us", "them"])
async def test_a_store_is_taken_over_by_the_other_kind_of_broker_and_back(
    cluster: Cluster, java: list[str], made_by: str
) -> None:
    """After an orderly stop of the one that made it, and after a kill of the other."""
    maker, other = (ours, apache(java)) if made_by == "us" else (apache(java), ours)
    await cluster.nameserver(ours)
    first = await cluster.master(maker)
    await until_registered(cluster, 0)
    await create_topic(cluster, TOPIC)
    await send(cluster, 0)

    second = await taken_over(cluster, first.stop, other, COUNT)
    third = await taken_over(cluster, second.kill, maker, 2 * COUNT)

    await third.kill()
    assert_files(cluster.store("master"))


async def test_a_real_slave_follows_our_master(cluster: Cluster, java: list[str]) -> None:
    """Its log becomes ours, byte for byte, and it serves what our master served."""
    await cluster.nameserver(ours)
    master = await cluster.master(
        ours, {"haAcceptPlainSlave": "true", "haReconnectInterval": "200"}
    )
    await create_topic(cluster, TOPIC)
    await cluster.slave(apache(java))
    await until_registered(cluster, 0, 1)

    await send(cluster, 0)
    end = await until_copied(cluster)
    served = await read(cluster)
    await master.stop()
    await until_registered(cluster, 1)

    assert await read(cluster, broker_id=1) == served
    ours_, theirs = (log_bytes(cluster.store(name), end) for name in ("master", "slave"))
    assert len(ours_) == end > COUNT * BODY_BYTES
    assert ours_ == theirs
