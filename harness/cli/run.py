"""``mqhavoc run``: a chaos run, or several, recorded and judged."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import dataclasses
import shlex
from typing import Any

import click

from harness.options import MODE_DEFAULT, MODES, NEMESES_DEFAULT, RunOptions

__all__ = ["run"]


@click.command(context_settings={"show_default": True})
@click.option("--workload", default="queue", help="What clients do; see `mqhavoc list workloads`.")
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
@click.option(
    "--time-limit", type=float, default=60.0, help="Seconds that clients and faults go on."
)
@click.option(
    "--rate", type=float, default=400.0, help="Operations a second, all clients together."
)
@click.option("--concurrency", type=int, default=10, help="Clients at once.")
@click.option("--queues", type=int, default=4, help="Queues of the topic.")
@click.option(
    "--volatile/--disk",
    default=False,
    help="Let un-fsynced bytes die with a node's process, so that SIGKILL is a power cut.",
)
@click.option("--seed", type=int, show_default="a fresh one", help="Draw everything from this.")
@click.option("--test-count", type=click.IntRange(min=1), default=1, help="Runs, until one fails.")
@click.option("--world", default="local", help="local, or simulated: on virtual time.")
@click.option("--toxiproxy", default="auto", help="auto, real or embedded.")
@click.option("--out", default="runs", help="Where run folders go.")
@click.option("--ports", type=int, default=0, show_default="a free block", help="First of 24.")
@click.option("--node-command", default="", hidden=True, help="Start nodes by this command.")
@click.pass_context
def run(
    context: click.Context,
    /,
    *,
    nemesis: str,
    time_limit: float,
    seed: int | None,
    test_count: int,
    **given: Any,
) -> int:
    """Start a cluster, break it on purpose, and judge what the clients saw.

    The first Ctrl-C cures, drains and judges; the second stops at once.
    """
    from harness.cli.scenarios import decided_by_scenario
    from harness.draws import fresh_seed
    from harness.validation import problems_of

    nemeses = tuple(word.strip() for word in nemesis.split(",") if word.strip())
    first = RunOptions(
        seed=fresh_seed() if seed is None else seed,
        nemeses=() if nemeses == ("none",) else nemeses,
        time_limit_s=time_limit,
        node_command=tuple(shlex.split(given.pop("node_command"))),
        **given,
    )
    first = dataclasses.replace(first, **decided_by_scenario(context, first.scenario))
    if problems := problems_of(first):
        raise click.ClickException("\n       ".join(problems))

    code = 0
    for number in range(test_count):
        code = _run_one(dataclasses.replace(first, seed=first.seed + number))
        if code != 0:
            break
    return code


def _run_one(options: RunOptions) -> int:
    """Run once, print the verdict and where everything is, and return the exit code."""
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
    return result.validity.exit_code
