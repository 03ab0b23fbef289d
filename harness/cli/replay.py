"""``mqhavoc replay RUN``: the same faults and the same clients once more."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.run_options import have_programs

if TYPE_CHECKING:
    from harness.replay import Outcome, StoredRun
    from harness.store.folder import RunFolder

__all__ = ["open_run", "replay"]


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--times", type=click.IntRange(min=1), help="Replays.  [default: 5, simulated: 1]")
def replay(run: Path, times: int | None) -> int:
    """Play a stored run again, and say how often the same anomalies come back.

    RUN is a run's folder, such as runs/latest, or one that `mqhavoc simulate --out` or `mqhavoc
    shrink` wrote. Replays of a run on real processes get their folders in RUN/replays.
    """
    from harness.replay import player

    folder, stored = open_run(run)
    count = times or (1 if stored.options.world == "simulated" else 5)
    click.echo(f"original   {_words(stored.original)}")
    play = player(folder.path / "replays")
    outcomes: list[Outcome] = []
    try:
        for number in range(1, count + 1):
            outcomes.append(play(stored.options, stored.schedule))
            taken = f"{outcomes[-1].seconds:.1f} s"
            click.echo(f"replay {number:<3} {_words(outcomes[-1])}  ({taken})")
    except KeyboardInterrupt:
        if not outcomes:
            raise
        click.echo(f"stopped after {len(outcomes)} of {count}")
    _summarise(stored, outcomes)
    return max(outcome.validity for outcome in outcomes).exit_code


def open_run(run: Path) -> tuple["RunFolder", "StoredRun"]:
    """Find a run and read it; what is wrong with it is the user's to know."""
    from harness.replay import ReplayError, stored_run
    from harness.store.catalogue import find_run

    try:
        folder = find_run(run)
        stored = stored_run(folder)
    except (FileNotFoundError, ReplayError) as error:
        raise click.ClickException(str(error)) from error
    have_programs(stored.options)
    return folder, stored


def _words(outcome: "Outcome") -> str:
    return "  ".join([outcome.validity.word, ", ".join(outcome.broken)]).rstrip()


def _summarise(stored: "StoredRun", outcomes: list["Outcome"]) -> None:
    from harness.replay import counts_by_name

    for name, count in counts_by_name(outcomes):
        known = "" if name in stored.original.broken else "   (not in the original)"
        click.echo(f"{name:<24} {count} of {len(outcomes)}{known}")
    same = sum(outcome.same_as(stored.original) for outcome in outcomes)
    what = "anomalies" if stored.original.broken else "verdict"
    click.echo(f"the same {what} in {same} of {len(outcomes)} replays")
