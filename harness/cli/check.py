"""``mqhavoc check FILE``: judge a history alone, ours or somebody else's."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from checkers.suite import Judgement

__all__ = ["check"]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--mode", help="brokerRole+flushDiskType; else from test.json, else the strictest.")
@click.option("--workload", help="Read the file as this workload's, whatever it looks like.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file.")
@click.option("--explain", metavar="NAME", help="Show every proof there is of this anomaly.")
def check(
    files: tuple[Path, ...],
    mode: str | None,
    workload: str | None,
    as_json: bool,  # noqa: FBT001  click gives flags as booleans
    explain: str | None,
) -> int:
    """Judge histories by what the mode promises.

    A file may be our JSONL, Jepsen's EDN or JSONL, OpenChaos's, or Parquet; plain, .gz or .zst.
    """
    from checkers.anomalies import ANOMALIES
    from checkers.verdict import Validity

    if explain is not None and explain not in ANOMALIES:
        nearest = get_close_matches(explain, ANOMALIES, n=1)
        hint = f"did you mean {nearest[0]}? " if nearest else ""
        raise click.UsageError(
            f"--explain: got {explain!r}; {hint}`mqhavoc list checkers` lists the names"
        )
    worst = Validity.VALID
    for path in files:
        judgement = _judge(path, mode, workload, quiet=as_json)
        worst = max(worst, judgement.validity)
        if as_json:
            click.echo(json.dumps(judgement.to_json()))
        else:
            _print(judgement, explain)
    return worst.exit_code


def _judge(path: Path, mode: str | None, workload: str | None, *, quiet: bool) -> "Judgement":
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
    if not quiet:
        click.echo(f"{path}: {len(history):,} ops, judged as {contract.mode} ({source})")
    return judge(history, contract, workload)


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


def _print(judgement: "Judgement", explain: str | None) -> None:
    from rich.console import Console

    from harness.verdict_text import explain_anomaly, print_verdict

    console = Console()
    if explain is None:
        print_verdict(console, judgement)
        return
    if explain in judgement.anomalies:
        explain_anomaly(console, judgement.anomalies[explain])
    else:
        found = ", ".join(judgement.anomalies) or "nothing"
        console.print(f"{judgement.validity.word}: no {explain} here; found {found}")
