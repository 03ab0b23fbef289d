"""What ``mqhavoc check`` has of one file: its history, the contract, and the judgement."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from checkers.suite import Judgement
    from histories.history import History

__all__ = ["Judged", "Question", "judge_file", "write_extract"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every file: options of ``check``."""

    mode: str | None = None
    workload: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A file that was read and judged."""

    path: Path
    history: "History"
    workload: str | None
    terms: str  # what it was judged by, for people
    options: str  # the same as options of ``check``
    judging: Callable[["History"], "Judgement"]
    judgement: "Judgement"


def judge_file(path: Path, question: Question) -> Judged:
    """Read a file, find what to judge it by, and judge it."""
    from harness.cli.files import reading
    from harness.cli.waiting import waiting
    from histories.formats import read_history

    if question.model is not None:
        judging, terms, options = _by_model(question.model)
    else:
        judging, terms, options = _by_contract(path, question)
    with reading(path), waiting(f"reading {path.name}"):
        history = read_history(path, question.workload)
    with waiting(f"judging {len(history):,} ops"):
        judgement = judging(history)
    return Judged(path, history, question.workload, terms, options, judging, judgement)


def write_extract(judged: Judged, name: str, target: Path) -> int:
    """Write the smallest part found that still shows the anomaly; give its number of ops.

    The file is read again and judged, so that what is written is known to show it.
    """
    from checkers.minimal import extract
    from harness.cli.files import require_new, writing
    from harness.cli.waiting import waiting
    from histories.formats import read_history, write_history

    wanted = judged.judgement.anomalies[name]
    require_new(target)
    with waiting(f"looking for the smallest history with {name}"):
        part = extract(judged.history, name, judging=judged.judging)
    with writing(target):
        write_history(part, target)
    shown = judged.judging(read_history(target, judged.workload)).anomalies.get(name)
    if shown is None or shown.validity is not wanted.validity:
        kind = target.suffix
        raise click.ClickException(
            f"{target}: {name} cannot be shown in a {kind} file; expected .jsonl, .edn or .parquet"
        )
    return len(part)


def _by_contract(
    path: Path, question: Question
) -> tuple[Callable[["History"], "Judgement"], str, str]:
    from checkers.contract import Contract
    from checkers.suite import CHECKERS, judge

    workload = question.workload
    if workload is not None and workload not in CHECKERS:
        raise click.UsageError(f"workload: expected one of {', '.join(CHECKERS)}, got {workload!r}")
    chosen, source = _mode(path, question.mode)
    try:
        contract = Contract.parse(chosen)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    judging = partial(judge, contract=contract, workload=workload)
    options = f"--mode {contract.mode}" + (f" --workload {workload}" if workload else "")
    return judging, f"{contract.mode} ({source})", options


def _by_model(model: str) -> tuple[Callable[["History"], "Judgement"], str, str]:
    from checkers.linearizable import MODELS, linearizability
    from checkers.suite import Judgement

    if model not in MODELS:
        raise click.UsageError(f"--model: expected one of {', '.join(MODELS)}, got {model!r}")

    def judging(history: "History") -> Judgement:
        said = linearizability(history, model)
        return Judgement(said.validity, {"linearizable": said}, said.why)

    return judging, f"a linearizable {model}", f"--model {model}"


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
