"""``mqhavoc run``: a chaos run, or several, recorded and judged."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from harness.cli.run_options import options_of, refuse_problems, run_options
from harness.options import MODE_DEFAULT, MODES, NEMESES_DEFAULT, RunOptions

if TYPE_CHECKING:
    from harness.run import RunResult

__all__ = ["run"]


@click.command(context_settings={"show_default": True})
@click.option(
    "--nemesis",
    default=",".join(NEMESES_DEFAULT),
    help="Faults, separated by commas, or swarm, or none; see `mqhavoc list nemeses`.",
)
@click.option(
    "--scenario",
    default="",
    show_default=False,
    help="A name of `mqhavoc list scenarios` or a TOML file: faults, seconds, and the usual mode.",
)
@click.option("--mode", default=MODE_DEFAULT, help=f"brokerRole+flushDiskType: {', '.join(MODES)}.")
@click.option("--test-count", type=click.IntRange(min=1), default=1, help="Runs, until one fails.")
@run_options
@click.pass_context
def run(context: click.Context, /, *, test_count: int, **given: Any) -> int:
    """Start a cluster, break it on purpose, and judge what the clients saw.

    The first Ctrl-C cures, drains and judges; the second stops at once.
    """
    from harness.cli.scenarios import decided_by_scenario

    first = options_of(**given)
    first = dataclasses.replace(first, **decided_by_scenario(context, first.scenario))
    refuse_problems(first)

    for number in range(test_count):
        result = _run_one(dataclasses.replace(first, seed=first.seed + number))
        if result.cut_short or result.validity.exit_code != 0:
            break
    return result.validity.exit_code


def _run_one(options: RunOptions) -> "RunResult":
    """Run once, and print the verdict and where everything is."""
    from rich.console import Console

    from harness.once import run_once
    from harness.scenarios import outcome_text
    from harness.surroundings import with_commit
    from harness.verdict_text import print_verdict

    console = Console(soft_wrap=False)
    console.print(with_commit(f"seed {options.seed}"), highlight=False)
    result = run_once(options, console)

    if result.judgement is None:
        console.print("[bold yellow]unknown[/]  stopped before the drain: nothing is proven")
        console.print(f"reproduce: {options.command()}", highlight=False, soft_wrap=True)
    else:
        name = "report.html" if result.folder.report.exists() else "results.json"
        console.print(f"report: {result.folder.path / name}", highlight=False, soft_wrap=True)
        if options.scenario:
            text = outcome_text(options, result.judgement)
            console.print(text, highlight=False, soft_wrap=True, markup=False)
        print_verdict(console, result.judgement, options.command())
    return result
