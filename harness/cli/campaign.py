"""``mqhavoc campaign``: runs all night, whatever each of them shows."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import itertools
import sys
from typing import TYPE_CHECKING, Any

import click

from harness.cli.run_options import options_of, refuse_problems, run_options
from harness.cli.wrapping import wrapped
from harness.options import MODES
from harness.wording import counted

if TYPE_CHECKING:
    from harness.campaign import Campaign, Played

__all__ = ["campaign"]


@click.command(context_settings={"show_default": True})
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), default=8.0, help="How long.")
@click.option("--runs", type=click.IntRange(min=1), show_default="no limit", help="How many.")
@click.option("--nemesis", default="swarm", help="As for `mqhavoc run`.")
@click.option(
    "--mode", "modes", default="all", help="Modes that take turns, separated by commas, or all."
)
@click.option(
    "--keep",
    type=click.Choice(["failing", "all"]),
    default="failing",
    help="Whose histories and node data stay; a valid run's report stays anyway.",
)
@run_options
def campaign(*, hours: float, runs: int | None, modes: str, keep: str, **given: Any) -> int:
    """Run after run with new seeds until the time is up, and tell what was found.

    A failing run does not end it. Ctrl-C ends it after the run that is on; `mqhavoc serve` shows
    the runs in a browser meanwhile.
    """
    from rich.console import Console

    from harness.campaign import Campaign, runs_of
    from harness.once import run_once
    from harness.surroundings import with_commit

    turns = MODES if modes == "all" else [mode.strip() for mode in modes.split(",")]
    first = options_of(**given, scenario="")
    for options in itertools.islice(runs_of(first, turns), len(turns)):
        refuse_problems(options)

    click.echo(with_commit(f"seeds from {first.seed}"))
    console = Console()
    if not console.is_terminal:
        console = Console(quiet=True)  # a log wants a line a run, not one every five seconds
    found = Campaign(lambda options: run_once(options, console), keep_all=keep == "all")
    try:
        for played in found.go(itertools.islice(runs_of(first, turns), runs), hours * 3600):
            click.echo(wrapped(_line(played), sys.stdout, len("unknown  ")))
    except KeyboardInterrupt:
        click.echo("stopped")
    _tell(found)
    return found.exit_code


def _line(played: "Played") -> str:
    options = played.options
    seconds = f"{played.outcome.seconds:.0f} s" if played.outcome else ""
    what = ", ".join(played.broken) or "; ".join(played.why)
    return f"{played.word:<8} seed {options.seed}  {options.mode:<24} {seconds:>6}  {what}".rstrip()


def _tell(found: "Campaign") -> None:
    """Print the verdicts, each anomaly with its first run, and the command for the worst."""
    words = ", ".join(f"{count:,} {word}" for word, count in found.counts.most_common())
    click.echo(f"\n{counted(found.counts.total(), 'run')}: {words or 'none was played'}")
    for name, times in found.times.most_common():
        click.echo(f"{name:<24} in {times:,}, first with {_where(found.first[name])}")
    worst = next((word for word in ("invalid", "broke", "unknown") if word in found.first), None)
    if worst:
        click.echo(f"reproduce: {found.first[worst].options.command()}")


def _where(played: "Played") -> str:
    return str(played.folder.report) if played.folder else f"seed {played.options.seed}"
