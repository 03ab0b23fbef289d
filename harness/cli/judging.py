"""What ``mqhavoc check`` has of one file: its history, the contract, and the judgement."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from checkers.contract import Contract
    from checkers.suite import Judgement
    from histories.history import History

__all__ = ["Judged", "judge_file", "write_extract"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A file that was read and judged."""

    path: Path
    history: "History"
    contract: "Contract"
    source: str  # where the mode is from
    workload: str | None
    judgement: "Judgement"


def judge_file(path: Path, mode: str | None, workload: str | None) -> Judged:
    """Read a file, find its contract, and judge it."""
    from checkers.contract import Contract
    from checkers.suite import CHECKERS, judge
    from harness.cli.files import reading
    from histories.formats import read_history

    if workload is not None and workload not in CHECKERS:
        raise click.UsageError(f"workload: expected one of {', '.join(CHECKERS)}, got {workload!r}")
    chosen, source = _mode(path, mode)
    try:
        contract = Contract.parse(chosen)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    with reading(path):
        history = read_history(path, workload)
    judgement = judge(history, contract, workload)
    return Judged(path, history, contract, source, workload, judgement)


def write_extract(judged: Judged, name: str, target: Path) -> int:
    """Write the smallest part found that still shows the anomaly; give its number of ops.

    The file is read again and judged, so that what is written is known to show it.
    """
    from checkers.minimal import extract
    from checkers.suite import judge
    from histories.formats import read_history, write_history

    if target.exists():
        raise click.ClickException(f"{target} exists already; expected the name of a new file")
    wanted = judged.judgement.anomalies[name]
    part = extract(judged.history, name, judged.contract, judged.workload)
    try:
        write_history(part, target)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{target}: {error}") from error
    read_again = read_history(target, judged.workload)
    shown = judge(read_again, judged.contract, judged.workload).anomalies.get(name)
    if shown is None or shown.validity is not wanted.validity:
        kind = target.suffix
        raise click.ClickException(
            f"{target}: {name} cannot be shown in a {kind} file; expected .jsonl, .edn or .parquet"
        )
    return len(part)


def _mode(path: Path, mode: str | None) -> tuple[str, str]:
    """Find the mode: asked for, or the run's own, or the strictest."""
    from harness.options import MODE_DEFAULT

    if mode is not None:
        return mode, "--mode"
    beside = path.parent / "test.json"
    if beside.is_file():
        try:
            stored: Any = json.loads(beside.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            stored = {}
        if isinstance(stored, dict) and isinstance(stored.get("mode"), str):
            return stored["mode"], "test.json"
    return MODE_DEFAULT, "the strictest"
