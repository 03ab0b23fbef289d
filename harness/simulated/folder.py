"""A simulated run on disk: the files of any run's folder, from which it can be repeated exactly.

Times in a schedule are whole milliseconds, in a run they are not. So the schedule as it was carried
out gives nearly the same run again, and the one that was meant gives the very same: it is stored
beside it, as ``plan.json``.
"""

import shlex
from pathlib import Path

import msgspec

from harness.simulated.run import SimulatedRun
from harness.store.folder import RunFolder, write_json
from harness.surroundings import described, versions

__all__ = ["write_simulated"]


def write_simulated(run: SimulatedRun, path: Path) -> RunFolder:
    """Write a run's options, schedule, history, verdict and trace into a folder."""
    folder = RunFolder(path)
    path.mkdir(parents=True, exist_ok=True)
    lines = b"".join(msgspec.json.encode(op) + b"\n" for op in run.ops)
    folder.history.write_bytes(lines)
    (path / "trace.jsonl").write_text("".join(run.trace), encoding="utf-8")
    folder.plan.write_bytes(run.planned.to_json())
    folder.schedule.write_bytes(run.schedule.to_json())
    write_json(folder.results, run.judgement.to_json())
    surroundings = {
        "digest": run.digest,
        "nemesis": run.options.faults,
        "reproduce": f"mqhavoc replay {shlex.quote(str(path))}",
        "versions": versions(),
    }
    write_json(folder.test_json, described(run.options, surroundings))
    return folder
