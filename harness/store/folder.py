"""A run's folder holds all there is to know of it, under names that never change.

runs/<workload>-<nemesis>/<UTC time>-<seed>/
    test.json       options, versions, toxiproxy kind, timings, phases
    history.jsonl   every op, written as it happened
    schedule.json   the faults, as they were executed
    plan.json       the faults as they were meant, where that alone repeats a run exactly
    results.json    the judgement
    junit.xml       the same for CI servers
    report.html     the same for people
    suite.log       what the suite did
    active_faults.json   the faults that are on, with their cures
    nodes/<name>/   node.properties, log (log.1 before it), log.pid, data/
runs/latest         points to the newest
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

__all__ = ["RunFolder", "create_run_folder", "read_json", "write_json"]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def test_json(self) -> Path:
        """Options and surroundings."""
        return self.path / "test.json"

    @property
    def history(self) -> Path:
        """What the clients and the nemesis saw and did."""
        return self.path / "history.jsonl"

    @property
    def schedule(self) -> Path:
        """The faults, as executed."""
        return self.path / "schedule.json"

    @property
    def plan(self) -> Path:
        """The faults as they were meant; only simulated runs have it."""
        return self.path / "plan.json"

    @property
    def results(self) -> Path:
        """The judgement."""
        return self.path / "results.json"

    @property
    def junit(self) -> Path:
        """The judgement for CI servers."""
        return self.path / "junit.xml"

    @property
    def report(self) -> Path:
        """The judgement for people."""
        return self.path / "report.html"

    @property
    def suite_log(self) -> Path:
        """What the suite did, and the traceback if it broke."""
        return self.path / "suite.log"

    @property
    def journal(self) -> Path:
        """The faults that are on, with their cures."""
        return self.path / "active_faults.json"

    @property
    def active_faults(self) -> int:
        """How many faults the journal still lists; none once a run has cured them."""
        if not self.journal.is_file():
            return 0
        return len(read_json(self.journal))

    def node(self, name: str) -> Path:
        """Return the folder of one node."""
        return self.path / "nodes" / name


def create_run_folder(out: Path, name: str, started: datetime, seed: int) -> RunFolder:
    """Create the folder of a new run and point ``latest`` to it."""
    stamp = started.strftime("%Y%m%dT%H%M%S.%f")[:-3] + "Z"
    folder = out / name / f"{stamp}-{seed}"
    folder.mkdir(parents=True)
    _point(out / "latest", folder)
    return RunFolder(folder)


def _point(link: Path, target: Path) -> None:
    """Replace a symlink in one step, so that readers never find it missing."""
    fresh = link.with_name(f".{link.name}-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(os.path.relpath(target, link.parent))
    fresh.replace(link)


def write_json(path: Path, value: Any) -> None:
    """Write a file of JSON whole or not at all."""
    fresh = path.with_suffix(".json.new")
    fresh.write_text(json.dumps(value, indent=2, default=_plain) + "\n", encoding="utf-8")
    fresh.replace(path)


def read_json(path: Path) -> Any:
    """Read a file of JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


def _plain(value: Any) -> Any:
    """Turn numpy's scalars, paths and mappings into what JSON has."""
    if hasattr(value, "item"):
        return value.item()
    if hasattr(value, "items"):
        return dict(value.items())
    return str(value)
