"""The seed's own producer and consumer, in Java, on our cluster."""

import pytest

from tests.interop.clusters import Cluster, ours
from tests.interop.ourselves import create_topic, until_copied, until_registered
from tests.interop.programs import run

pytestmark = [pytest.mark.live, pytest.mark.interop]


async def test_the_seeds_experiment_runs_as_written(cluster: Cluster, java: list[str]) -> None:
    """Ten sends, the master stopped, all ten read from the slave, no send; master back: sends."""
    await cluster.nameserver(ours)
    master = await cluster.master(ours)
    await cluster.slave(ours, {"flushDiskType": "SYNC_FLUSH"})
    await until_registered(cluster, 0, 1)

    sent = await run([*java, "SeedProducer", cluster.namesrv, "10"])
    assert [line.split()[0] for line in sent] == ["SEND_OK"] * 10, sent
    await until_copied(cluster)
    await master.stop()

    read = await run([*java, "SeedConsumer", cluster.namesrv, "10", "30"])
    sent_to = sorted(line.split()[1:3] for line in sent)
    assert sorted(line.split()[:2] for line in read) == sent_to
    assert {line.split(" ", 2)[2] for line in read} == {
        f"TagA Hello RocketMQ {i}" for i in range(10)
    }

    refused = await run([*java, "SeedProducer", cluster.namesrv, "2"])
    assert [line.split()[0] for line in refused] == ["error"] * 2
    assert "No route info of this topic" in refused[0]

    await master.start()
    again = await run([*java, "SeedProducer", cluster.namesrv, "4"])
    assert [line.split()[0] for line in again] == ["SEND_OK"] * 4, again


async def test_a_java_producer_that_asks_gets_its_reply(cluster: Cluster, java: list[str]) -> None:
    """The reply is pushed to it through the broker, past any topic that it would consume."""
    await cluster.nameserver(ours)
    await cluster.master(ours)
    await until_registered(cluster, 0)
    await create_topic(cluster, "RequestTopic")

    for _ in range(3):  # on a busy machine Java's client was once seen to fail without a reason
        said = await run([*java, "RequestReply", cluster.namesrv, "3"])
        if "error null" not in said:
            break

    assert [line for line in said if line.startswith("error")] == []
    assert [line for line in said if line.startswith("reply")] == [
        f"reply question {number}!" for number in range(3)
    ]
    assert said.count("replied SEND_OK") == 3
