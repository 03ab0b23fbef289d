"""``mqhavoc check FILE``: judge a history alone, ours or somebody else's."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.wording import counted

if TYPE_CHECKING:
    from harness.cli.judging import Judged

__all__ = ["check"]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--mode", help="brokerRole+flushDiskType; else from test.json, else the strictest.")
@click.option("--workload", help="Read the file as this workload's, whatever it looks like.")
@click.option("--model", help="Is it linearizable? register, mutex, fifo-queue, log, ...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file.")
@click.option("--explain", metavar="NAME", help="Show this anomaly's proofs, op by op.")
@click.option("--extract", metavar="NAME", help="Write the smallest part that shows this anomaly.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where --extract writes.")
def check(
    *,
    files: tuple[Path, ...],
    mode: str | None,
    workload: str | None,
    model: str | None,
    as_json: bool,
    explain: str | None,
    extract: str | None,
    output: Path | None,
) -> int:
    """Judge histories by what the mode promises.

    A file may be our JSONL, Jepsen's EDN or JSONL, OpenChaos's, or Parquet; plain, .gz or .zst.
    A run's folder stands for the history in it.
    """
    from checkers.verdict import Validity
    from harness.cli.files import history_of
    from harness.cli.judging import Question, judge_file

    _require_known("--explain", explain)
    _require_known("--extract", extract)
    if (extract is None) != (output is None):
        raise click.UsageError("--extract NAME and -o FILE go together; got only one of them")
    if extract is not None and len(files) > 1:
        raise click.UsageError(f"--extract: expected one history, got {len(files)}")
    question = Question(mode, workload, model)
    worst = Validity.VALID
    for path in files:
        judged = judge_file(history_of(path), question)
        worst = max(worst, judged.judgement.validity)
        if as_json:
            click.echo(json.dumps(judged.judgement.to_json()))
        else:
            _print(judged, explain)
        if extract is not None and output is not None:
            _extract(judged, extract, output, quiet=as_json)
    return worst.exit_code


def _require_known(option: str, name: str | None) -> None:
    """Refuse a name that no anomaly has, before a file is read."""
    from checkers.anomalies import ANOMALIES

    if name is not None and name not in ANOMALIES:
        nearest = get_close_matches(name, ANOMALIES, n=1)
        hint = f"did you mean {nearest[0]}? " if nearest else ""
        raise click.UsageError(
            f"{option}: got {name!r}; {hint}`mqhavoc list checkers` lists the names"
        )


def _print(judged: "Judged", explain: str | None) -> None:
    from rich.console import Console

    from checkers.proof import explain as proofs
    from harness.verdict_text import print_verdict

    judgement = judged.judgement
    click.echo(f"{judged.path}: {counted(len(judged.history), 'op')}, judged as {judged.terms}")
    if explain is None:
        print_verdict(Console(), judgement)
    elif explain in judgement.anomalies:
        anomaly = judgement.anomalies[explain]
        breaks = f"  breaks {anomaly.promise}" if anomaly.promise else ""
        click.echo(f"{anomaly.validity.word}: {explain} x{anomaly.count:,}{breaks}\n")
        click.echo(proofs(judged.history, anomaly))
    else:
        click.echo(_absent(judged, explain))


def _extract(judged: "Judged", name: str, output: Path, *, quiet: bool) -> None:
    from harness.cli.judging import write_extract

    if name not in judged.judgement.anomalies:
        raise click.ClickException(f"--extract: {_absent(judged, name)}")
    ops = write_extract(judged, name, output)
    if not quiet:
        click.echo(f"{output}: {counted(ops, 'op')} that still show {name}")
        click.echo(f"judge it: mqhavoc check {judged.options} {output}")


def _absent(judged: "Judged", name: str) -> str:
    found = ", ".join(judged.judgement.anomalies) or "nothing"
    return f"{judged.judgement.validity.word}: no {name} here; found {found}"
