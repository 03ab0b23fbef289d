"""The seed's experiment, as a user plays it, and an operator's questions to a live cluster."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checkers.verdict import Validity
from harness.cli import EXIT_USAGE, run_command
from harness.cluster import LocalWorld
from harness.leases import lease_ports
from harness.local import play_seed_demo
from harness.options import MODES, RunOptions
from harness.store.catalogue import catalogue
from harness.store.folder import create_run_folder
from harness.workloads.queue import TOPIC

pytestmark = pytest.mark.live


@pytest.mark.parametrize("mode", MODES)
def test_the_seeds_experiment_comes_out_as_it_did_for_the_seed(mode: str, tmp_path: Path) -> None:
    said: list[str] = []
    options = RunOptions(seed=0, nemeses=("stop-master",), mode=mode, out=str(tmp_path))

    judgement = play_seed_demo(options, said.append)

    assert judgement.validity is Validity.VALID, judgement.to_json()
    assert [line.split(":")[0].strip() for line in said] == [
        "10 sends to TopicMasterSlave, TagA",
        "the slave has all ten; the master is stopped",
        "a consumer gets all 10 from the slave",
        "a send fails",
        "the master is back",
    ]
    (row,) = catalogue(tmp_path)
    assert (row.mode, row.validity) == (mode, "valid")


def test_an_operator_gets_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The picture of the seed's article: one cluster, one broker name, ids 0 and 1."""
    with cluster(tmp_path) as world:
        name_server = world.layout.proxy("client->nameserver")
        master = world.layout.proxy("client->master")

        assert run_command(["admin", "clusterList", "-n", name_server]) == 0
        rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
        assert [row[:3] for row in rows] == [
            ["DefaultCluster", "broker-a", "0"],
            ["DefaultCluster", "broker-a", "1"],
        ]
        assert run_command(["admin", "topicRoute", "-n", name_server, "-t", TOPIC]) == 0
        assert "4 queues to read, 4 to write" in capsys.readouterr().out
        assert run_command(["admin", "brokerStatus", "-b", master]) == 0
        assert "SYNC_MASTER" in capsys.readouterr().out
        assert (
            run_command(["admin", "topicRoute", "-n", name_server, "-t", "Nowhere"]) == EXIT_USAGE
        )


@contextmanager
def cluster(tmp_path: Path) -> Iterator[LocalWorld]:
    options = RunOptions(seed=1, out=str(tmp_path))
    folder = create_run_folder(tmp_path, "admin", datetime.now(UTC), 1)
    with lease_ports() as block:
        world = LocalWorld(block, options, folder, time.monotonic_ns)

        async def start() -> None:
            await world.start()
            await world.workload()

        try:
            asyncio.run(start())
            yield world
        finally:
            world.end()
