"""Nobody is let in by a proxy whose listener is down."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nemesis.gated import GatedNode
from nemesis.nodes import ProcessNode, end_all
from tests.nemesis.noted_proxy import NotedProxy, noted

SERVES = """
import time
print('{"event": "ready"}', flush=True)
time.sleep(60)
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ProcessNode]:
    node = ProcessNode("master", [sys.executable, "-S", "-c", SERVES], log=tmp_path / "log")
    yield node
    end_all([node])


def gated(node: ProcessNode) -> tuple[GatedNode, NotedProxy]:
    link, proxy = noted()
    other, _ = noted()
    names = (link.name, "client->nobody")  # a link that is not there yet is nobody's
    return GatedNode(node, {link.name: link, "other": other}, names), proxy


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_its_link_refuses_from_its_end_to_its_return(node: ProcessNode, end: str) -> None:
    gate, proxy = gated(node)
    await gate.start()
    assert proxy.wanted.enabled
    assert gate.pid() == node.pid() is not None

    await (gate.kill() if end == "kill" else gate.stop())
    assert not proxy.wanted.enabled
    assert gate.pid() is None
    assert gate.exit_code == node.exit_code

    await gate.start()
    assert proxy.wanted.enabled


async def test_a_frozen_node_still_lets_observers_in(node: ProcessNode) -> None:
    """Its kernel accepts for it."""
    gate, proxy = gated(node)
    await gate.start()
    await gate.pause()
    assert gate.paused()
    assert proxy.wanted.enabled
    await gate.resume()
    assert not gate.paused()
