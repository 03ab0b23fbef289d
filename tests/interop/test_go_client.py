"""rocketmq-client-go v2 on our cluster."""

from pathlib import Path

import pytest

from tests.interop.clusters import Cluster, ours
from tests.interop.ourselves import until_registered
from tests.interop.programs import run

pytestmark = [pytest.mark.live, pytest.mark.interop]


async def test_a_go_consumer_gets_what_a_go_producer_sent(
    cluster: Cluster, go_client: Path
) -> None:
    """Single sends by code 310, a push consumer with rebalance, offsets and long polling."""
    await cluster.nameserver(ours)
    await cluster.master(ours)
    await until_registered(cluster, 0)

    sent = await run([go_client, "produce", cluster.namesrv, "10"])
    assert [line.split()[0] for line in sent] == ["0"] * 10, sent

    read = await run([go_client, "consume", cluster.namesrv, "10", "30"])
    assert sorted(line.split()[:2] for line in read) == sorted(line.split()[1:] for line in sent)
    assert {line.split(" ", 2)[2] for line in read} == {
        f"TagA Hello from Go {i}" for i in range(10)
    }
