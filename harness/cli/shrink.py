"""``mqhavoc shrink RUN``: the smallest plan that still fails in the same way."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.replay import Outcome, StoredRun
    from harness.shrinking.case import Case
    from harness.shrinking.shrinker import Shrinker
    from harness.shrinking.trials import Trials

__all__ = ["shrink"]

TRIES_MAX = {"local": 40, "rocketmq": 40, "simulated": 400}
BUDGET_S = 600.0
HEAD = f"{'after':>7} {'faults':>7} {'lasts':>8} {'clients':>8} {'queues':>7} {'ops/s':>6}"


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--anomaly", help="Which one to keep.  [default: the first that broke]")
@click.option("--times", type=click.IntRange(min=1), help="Replays of a plan.  [default: 3; 1]")
@click.option("--tries", type=click.IntRange(min=1), help="Plans at most.  [default: 40; 400]")
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    default=BUDGET_S,
    show_default=True,
    help="Seconds for the search; what is under way then, and the last replays, come on top.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write a story file here (simulated runs)."
)
def shrink(
    run: Path,
    *,
    anomaly: str | None,
    times: int | None,
    tries: int | None,
    budget: float,
    out: Path | None,
) -> int:
    """Find the fewest faults, clients and seconds that still break the same promise.

    RUN is the folder of a run that is invalid. Each plan is played again: once if the run was
    simulated, else several times, and at least half of them must fail. The smallest plan is
    written to RUN/shrunk, which `mqhavoc replay` takes. Ctrl-C ends the search, not the command.
    """
    from harness.cli.replay import open_run
    from harness.replay import player
    from harness.shrinking.case import Case
    from harness.shrinking.shrinker import Shrinker
    from harness.shrinking.trials import Trials
    from harness.shrinking.writing import write_shrunk, write_story

    folder, stored = open_run(run)
    world = stored.options.world
    if out is not None and world != "simulated":
        raise click.UsageError("--out: a story is of a simulated run; this one had real processes")
    name = _chosen(stored, anomaly)
    repeats = times or (1 if world == "simulated" else 3)
    trials = Trials(player(folder.path / "replays"), name, repeats, budget)
    shrinker = Shrinker(
        Case(stored.options, stored.schedule), trials.fails, tries or TRIES_MAX[world]
    )
    click.echo(f"{name}: looking for the smallest plan that still shows it\n\n{HEAD}")
    outcomes = _search(shrinker, trials)
    if not outcomes:
        click.echo(f"a replay does not show {name}; nothing to shrink")
        return 2
    smallest, failed = shrinker.case, trials.count(outcomes)
    target = write_shrunk(folder, smallest, outcomes)
    click.echo(f"\n{shrinker.tries} plans were played, in {trials.spent_s:.0f} s. The smallest:")
    click.echo("\n".join(f"  {line}" for line in smallest.steps_text() or ["no faults"]))
    click.echo(f"{name} in {failed} of {len(outcomes)} of its replays")
    click.echo(f"replay it: mqhavoc replay {target.path}")
    if out is not None:
        click.echo(f"story: {write_story(out, smallest, name)}")
    return 0 if failed else 2


def _row(case: "Case", spent_s: float) -> str:
    """Give the size of a plan as a line under ``HEAD``."""
    options = case.options
    return (
        f"{f'{spent_s:.0f} s':>7} {len(case.schedule.steps):>7} {f'{options.time_limit_s:g} s':>8} "
        f"{options.concurrency:>8} {options.queues:>7} {options.rate:>6g}"
    )


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


def _search(shrinker: "Shrinker", trials: "Trials") -> "list[Outcome]":
    """Shrink, and show how it goes; return what the smallest case came to, played once more.

    Nothing if not even the first case fails; if there is no time for more, what it came to before.
    """
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("") as status:

        def on_play(case: "Case", spent_s: float) -> None:
            status.update(f"{_row(case, spent_s)}  plan {shrinker.tries}")

        def on_smaller(case: "Case") -> None:
            click.echo(_row(case, trials.spent_s))

        def on_broken(error: Exception) -> None:
            click.echo(f"a play broke, and shows nothing: {error}", err=True)

        click.echo(_row(shrinker.case, 0))
        trials.on_play, trials.on_broken = on_play, on_broken
        shrinker.on_smaller = on_smaller
        if not trials.fails(shrinker.case):
            return []
        try:
            shrinker.run()
            return [trials.once(shrinker.case) for _ in range(trials.repeats)]
        except KeyboardInterrupt:
            click.echo("stopped: this is the smallest so far")
            return trials.shown
