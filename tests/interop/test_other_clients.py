"""Clients that are nobody's reference: the C++ library of 2018, and one in JavaScript."""

import platform
import sys
from pathlib import Path

import pytest

from tests.interop.clusters import Cluster, ours
from tests.interop.ourselves import create_topic, until_registered
from tests.interop.programs import run

pytestmark = [pytest.mark.live, pytest.mark.interop]

HERE = Path(__file__).parent
COUNT = 20


async def started(cluster: Cluster, topic: str) -> None:
    """The topic is there first: these clients do not start to consume what has no route."""
    await cluster.nameserver(ours)
    await cluster.master(ours)
    await until_registered(cluster, 0)
    await create_topic(cluster, topic)


def words(lines: list[str], first: str) -> list[str]:
    return sorted(line.removeprefix(f"{first} ") for line in lines if line.startswith(first))


@pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="the C++ client's wheel is for Linux on x86_64 only",
)
async def test_the_cpp_client_sends_and_consumes(
    cluster: Cluster, cpp_client: Path, tmp_path: Path
) -> None:
    """SEND_MESSAGE (10) in full names, numbers as JSON numbers, ext fields that we do not know."""
    await started(cluster, "TopicCpp")

    lines = await run(
        [sys.executable, HERE / "cpp_client.py", cluster.namesrv, "TopicCpp", str(COUNT)],
        env={"PYTHONPATH": str(cpp_client), "HOME": str(tmp_path)},  # it logs below HOME
    )

    assert [sent.split()[0] for sent in words(lines, "sent")] == ["0"] * COUNT
    assert words(lines, "got") == sorted(f"Hello from C++ {i}" for i in range(COUNT))


async def test_the_javascript_client_sends_and_consumes(
    cluster: Cluster, node_client: Path, tmp_path: Path
) -> None:
    """A client that says it is Java, and is not."""
    await started(cluster, "TopicNode")

    lines = await run(
        ["node", HERE / "node_client.js", cluster.namesrv, "TopicNode", str(COUNT)],
        env={"NODE_PATH": str(node_client), "HOME": str(tmp_path)},
    )

    assert [sent.split()[0] for sent in words(lines, "sent")] == ["SEND_OK"] * COUNT
    assert words(lines, "got") == sorted(f"Hello from Node {i}" for i in range(COUNT))
