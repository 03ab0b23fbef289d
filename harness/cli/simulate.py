"""``mqhavoc simulate``: whole runs on virtual time, one or thousands, each decided by its seed."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from harness.cli.wrapping import wrapped
from harness.options import nemeses_of
from harness.wording import counted

__all__ = ["simulate"]


@click.command()
@click.option("--seed", type=int, help="Run this one, and print its verdict in full.")
@click.option("--seeds", metavar="A..B", help="Run these, and print what is not valid.")
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes at once.",
)
@click.option("--mode", help="brokerRole+flushDiskType.  [default: drawn]")
@click.option("--nemesis", help="Faults, with commas, or none.  [default: drawn]")
@click.option("--scenario", help="A name of `mqhavoc list scenarios` or a TOML file.")
@click.option("--time-limit", type=float, help="Virtual seconds of faults.  [default: drawn]")
@click.option("--rate", type=float, help="Operations a second.  [default: drawn]")
@click.option("--concurrency", type=int, help="Clients at once.  [default: drawn]")
@click.option("--queues", type=int, help="Queues of the topic.  [default: drawn]")
@click.option("--volatile/--disk", default=None, help="Is a kill a power cut?  [default: drawn]")
@click.option("--mutant", help="Run with a planted bug of `mqhavoc power`, and its options.")
@click.option("--short", is_flag=True, help="Short stories: more runs, each with less in it.")
@click.option("--out", help="Write the run's history and trace into this folder.")
@click.pass_context
def simulate(
    context: click.Context,
    /,
    *,
    seed: int | None,
    seeds: str | None,
    jobs: int,
    nemesis: str | None,
    short: bool,
    out: str | None,
    **given: Any,
) -> int:
    """Run on virtual time: one seed decides everything, and repeats it byte for byte."""
    from harness.cli.scenarios import decided_by_scenario
    from harness.simulated.swarm import SHORT

    if (seed is None) == (seeds is None):
        raise click.UsageError("expected --seed N or --seeds A..B, and not both")
    if out is not None and seed is None:
        raise click.UsageError("--out: expected --seed N with it, got --seeds: it is of one run")
    given["nemeses"] = None if nemesis is None else nemeses_of(nemesis)
    given["time_limit_s"] = given.pop("time_limit")
    if short:
        given |= {name: value for name, value in SHORT.items() if given[name] is None}
    given |= decided_by_scenario(context, given["scenario"] or "")
    if seed is not None:
        _validate(seed, given)
        if out is not None:
            _require_new_run(Path(out))
        return _one(seed, given, out)
    chosen = _range(seeds or "")
    _validate(chosen[0], given)
    return _many(chosen, jobs, given)


def _require_new_run(out: Path) -> None:
    """Refuse a folder that cannot be this one run's alone, before the run is played."""
    if (out / "test.json").exists():
        raise click.ClickException(
            f"--out: {out} holds a run already; expected the name of a new folder"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(
            f"--out: expected a folder that can be written, found {out}: {error.strerror}"
        ) from error


def _validate(seed: int, given: Mapping[str, Any]) -> None:
    from harness.planting import MutantError
    from harness.simulated.swarm import options_of_seed
    from harness.validation import option_problems

    try:
        problems = option_problems(options_of_seed(seed, **given))
    except MutantError as error:
        raise click.ClickException(str(error)) from error
    if problems:
        raise click.ClickException("\n".join(problems))


def _range(text: str) -> range:
    found = re.fullmatch(r"(\d+)\.\.(\d+)", text)
    if found is None or int(found[1]) > int(found[2]):
        raise click.UsageError(f"--seeds: expected A..B with A <= B, such as 1..1000, got {text!r}")
    return range(int(found[1]), int(found[2]) + 1)


def _one(seed: int, given: Mapping[str, Any], out: str | None) -> int:
    from rich.console import Console

    from harness.scenarios import outcome_text
    from harness.simulated.folder import write_simulated
    from harness.simulated.run import simulate as run
    from harness.simulated.swarm import command_of_seed, options_of_seed
    from harness.surroundings import with_commit
    from harness.verdict_text import print_verdict

    options = options_of_seed(seed, **given)
    console = Console(soft_wrap=False)
    heading = f"{with_commit(f'seed {seed}')}: {_described(options)}"
    console.print(heading, highlight=False, soft_wrap=True)
    result = run(options)
    speed = result.virtual_s / result.wall_s
    console.print(
        f"{result.virtual_s:.1f} virtual seconds in {result.wall_s:.2f} s ({speed:.0f}x), "
        f"{len(result.ops):,} ops, digest {result.digest}",
        highlight=False,
    )
    if out is not None:
        folder = write_simulated(result, Path(out))
        console.print(f"history: {folder.history}", highlight=False, soft_wrap=True)
    if options.scenario:
        text = outcome_text(options, result.judgement)
        console.print(text, highlight=False, soft_wrap=True, markup=False)
    print_verdict(console, result.judgement, command_of_seed(seed, given))
    return result.judgement.validity.exit_code


def _many(seeds: range, jobs: int, given: Mapping[str, Any]) -> int:
    import sys
    import time

    from harness.simulated.pool import run_seeds
    from harness.simulated.swarm import command_of_seed
    from harness.simulated.tally import Tally
    from harness.surroundings import with_commit
    from nemesis.schedules import ScheduleError

    tally, last = Tally(len(seeds), time.monotonic()), 0.0
    first: dict[str, str] = {}  # verdict -> the command that repeats the first run of it
    click.echo(with_commit(f"seeds {seeds[0]}..{seeds[-1]}"))
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    try:
        for result in run_seeds(seeds, jobs, **given):
            tally.add(result)
            if result.validity != "valid":
                command = command_of_seed(result.seed, given)
                first.setdefault(result.validity, command)
                why = ", ".join(result.anomalies) or "; ".join(result.why)
                click.echo(clear, nl=False, err=True)
                click.echo(wrapped(f"seed {result.seed} {result.validity}: {why}", sys.stdout, 2))
                click.echo(f"  reproduce: {command}")
            if clear and time.monotonic() - last > 0.25:
                last = time.monotonic()
                click.echo(f"{clear}{tally.line(last)}", nl=False, err=True)
    except ScheduleError as error:  # each seed draws how many faults the time must do for
        raise click.ClickException(str(error)) from error
    finally:  # Ctrl-C included: what was found until then is worth knowing
        click.echo(clear, nl=False, err=True)
        click.echo(tally.summary(time.monotonic()))
        for worst in [word for word in ("invalid", "unknown") if word in first][:1]:
            click.echo(f"reproduce: {first[worst]}")
    return 1 if "invalid" in first else 2 if first else 0


def _described(options: Any) -> str:
    disk = "volatile disks" if options.volatile else "disks"
    return (
        f"{options.mode}, {disk}, {options.time_limit_s:g} s, {options.rate:g} ops/s by "
        f"{counted(options.concurrency, 'client')} on {counted(options.queues, 'queue')}, "
        f"{_faults(options)}"
    )


def _faults(options: Any) -> str:
    if options.scenario:
        return f"scenario {options.scenario}"
    return f"nemesis {','.join(options.nemeses) or 'none'}"
