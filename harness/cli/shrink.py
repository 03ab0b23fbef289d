"""``mqhavoc shrink RUN``: the smallest plan that still fails in the same way."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.replay import Play, StoredRun
    from harness.shrinking.case import Case

__all__ = ["shrink"]

TRIES_MAX = {"local": 40, "simulated": 400}


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--anomaly", help="Which one to keep.  [default: the first that broke]")
@click.option("--times", type=click.IntRange(min=1), help="Replays of a plan.  [default: 3; 1]")
@click.option("--tries", type=click.IntRange(min=1), help="Plans at most.  [default: 40; 400]")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write a story file here (simulated runs)."
)
def shrink(
    run: Path, anomaly: str | None, times: int | None, tries: int | None, out: Path | None
) -> int:
    """Find the fewest faults, clients and seconds that still break the same promise.

    RUN is the folder of a run that is invalid. Each plan is played again: once if the run was
    simulated, else several times, and at least half of them must fail. The smallest plan is
    written to RUN/shrunk, which `mqhavoc replay` takes.
    """
    from harness.cli.replay import open_run
    from harness.replay import player
    from harness.shrinking.case import Case
    from harness.shrinking.shrinker import Shrinker
    from harness.shrinking.writing import write_shrunk, write_story

    folder, stored = open_run(run)
    world = stored.options.world
    if out is not None and world != "simulated":
        raise click.UsageError("--out: a story is of a simulated run; this one had real processes")
    name = _chosen(stored, anomaly)
    repeats = times or (1 if world == "simulated" else 3)
    play = player(folder.path / "replays")
    first = Case(stored.options, stored.schedule)
    shrinker = Shrinker(
        first, _fails(play, name, repeats), tries or TRIES_MAX[world], on_smaller=_say
    )
    click.echo(f"{name}: {first.describe()}")
    if not shrinker.fails(first):
        click.echo(f"a replay does not show {name}; nothing to shrink")
        return 2
    smallest = shrinker.run()
    outcomes = [play(smallest.options, smallest.schedule) for _ in range(repeats)]
    target = write_shrunk(folder, smallest, outcomes)
    failed = sum(name in outcome.broken for outcome in outcomes)
    click.echo(f"after {shrinker.tries} plans: {smallest.describe()}")
    click.echo(f"{name} in {failed} of {repeats} replays")
    click.echo(f"replay it: mqhavoc replay {target.path}")
    if out is not None:
        click.echo(f"story: {write_story(out, smallest, name)}")
    return 0 if failed else 2


def _chosen(stored: "StoredRun", anomaly: str | None) -> str:
    broken = stored.original.broken
    if not broken:
        raise click.ClickException(
            f"expected a run that broke a promise, found one that is "
            f"{stored.original.validity.word}"
        )
    if anomaly is not None and anomaly not in broken:
        raise click.UsageError(f"--anomaly: expected one of {', '.join(broken)}, got {anomaly!r}")
    return anomaly or broken[0]


def _fails(play: "Play", name: str, repeats: int) -> Callable[["Case"], bool]:
    """Make the test of a case: at least half of its replays show the anomaly."""
    needed = -(-repeats // 2)

    def fails(case: "Case") -> bool:
        failed = 0
        for left in range(repeats, 0, -1):
            if failed + left < needed:
                return False
            failed += name in play(case.options, case.schedule).broken
            if failed >= needed:
                return True
        return False

    return fails


def _say(case: "Case") -> None:
    click.echo(f"  {case.describe()}")
