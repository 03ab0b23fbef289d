"""The local world before anything of it is started."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from harness.cluster import LocalWorld
from harness.layout import NODES
from harness.leases import BLOCK_SIZE, PortBlock
from harness.options import RunOptions
from harness.store.folder import create_run_folder
from nemesis.nodes import ProcessNode


def test_nodes_find_their_configuration_wherever_the_suite_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their own working folder is another, so a run folder under ``runs`` is not enough."""
    monkeypatch.chdir(tmp_path)
    options = RunOptions(seed=1)
    folder = create_run_folder(options.out_folder, options.name, datetime.now(UTC), options.seed)

    world = LocalWorld(PortBlock(20_000, BLOCK_SIZE), options, folder, time.monotonic_ns)

    nodes = [cast(ProcessNode, world.targets.nodes[name]) for name in NODES]
    configs = [Path(node.command[-1]) for node in nodes]
    assert [config.is_absolute() and config.is_file() for config in configs] == [True] * len(NODES)
