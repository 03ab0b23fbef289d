"""``mqhavoc power``: whether every planted bug is found, by what, and how soon.

One line a mutant, as soon as it is known. At a terminal, standard error shows meanwhile who is
being hunted; it is wiped away, so that output stays what it is.
"""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from harness.wording import counted

if TYPE_CHECKING:
    from harness.simulated.power import Hunt

__all__ = ["power"]

HEAD = f"{'mutant':31} {'found by':19} {'checker':11} {'run':>3} {'CPU s':>5} {'proof':>5}"
HELP = """Plant bugs, and see whether simulated runs find them.

Before each run with a bug the correct broker runs the same seed, and must not be accused.

\b
run     how many runs with the bug it took
CPU s   how many seconds these took
proof   how many operations the smallest history has that shows the anomaly;
        - where only the run could see it, such as no convergence

Exit codes: 0 all found and no false alarm, else 1; 254 bad arguments.
"""
WIPE = "\r\x1b[K"


@click.command(help=HELP, context_settings={"show_default": True})
@click.option("--mutant", "names", multiple=True, help="Hunt this one only; may be repeated.")
@click.option("--runs", type=click.IntRange(min=1), default=200, help="At most, for each mutant.")
@click.option("--first-seed", type=int, default=1, help="The seed to begin with.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, help="Processes at once.")
@click.option("--json", "as_json", is_flag=True, help="Print the matrix for machines.")
def power(names: tuple[str, ...], runs: int, first_seed: int, jobs: int, *, as_json: bool) -> int:
    """Plant bugs, and see whether simulated runs find them."""
    from harness.planting import MutantError, catalogue, mutant_of
    from harness.simulated.power import hunt_all

    try:
        chosen = [mutant_of(name).name for name in dict.fromkeys(names)] or list(catalogue())
    except MutantError as error:
        raise click.ClickException(str(error)) from error
    hunts: list[Hunt] = []
    if not as_json:
        click.echo(HEAD)
    _show(chosen[0], 0, len(chosen))
    seeds = range(first_seed, first_seed + runs)
    for found in hunt_all(
        chosen, seeds, jobs, lambda hunt: _show(hunt.name, len(hunts), len(chosen), hunt.runs)
    ):
        hunts.append(found)
        _wipe()
        if not as_json:
            click.echo("\n".join(_lines(found)))
        if len(hunts) < len(chosen):
            _show(chosen[len(hunts)], len(hunts), len(chosen))
    click.echo(_as_json(hunts) if as_json else _summary(hunts))
    return 0 if all(one.found and not one.alarms for one in hunts) else 1


def _show(name: str, done: int, total: int, runs: int = 0) -> None:
    """Say at a terminal who is being hunted."""
    if sys.stderr.isatty():
        text = f"{done} of {total} done; {name}" + (f", run {runs + 1}" if runs else "")
        click.echo(f"{WIPE}{text[:79]}", nl=False, err=True)


def _wipe() -> None:
    if sys.stderr.isatty():
        click.echo(WIPE, nl=False, err=True)


def _lines(found: "Hunt") -> list[str]:
    """Give a mutant's line of the table, and what else must be said of it."""
    figures = f"{found.runs:>3} {found.cpu_s:>5.1f}"
    lines = []
    if not found.found:
        lines.append(f"{found.name:31} {'NOT FOUND':31} {figures}")
        lines.append(f"  {found.breaks}")
    else:
        anomaly, checker = next(iter(found.found.items()))
        mark = "" if found.expected else "*"
        proof = "-" if found.proof_ops is None else found.proof_ops
        lines.append(f"{found.name:31} {anomaly + mark:19} {checker:11} {figures} {proof:>5}")
    if found.broke:
        lines.append(f"  a run of it broke off: {found.broke}"[:80])
    if found.alarms:
        lines.append(f"  FALSE ALARM: the correct broker is accused on seeds {found.alarms}")
    return lines


def _summary(hunts: "Sequence[Hunt]") -> str:
    caught = [one for one in hunts if one.found]
    runs, cpu_s = sum(one.runs for one in hunts), sum(one.cpu_s for one in hunts)
    alarms, correct = sum(len(one.alarms) for one in hunts), sum(one.correct_runs for one in hunts)
    planted, alarm_words = counted(len(hunts), "mutant"), counted(alarms, "alarm")
    others = [one.name for one in hunts if one.found and not one.expected]
    lines = [
        "",
        f"{len(caught)} of {planted} found, in {counted(runs, 'run')} and {cpu_s:,.0f} CPU s.",
        f"The correct broker on the same seeds: {alarm_words} in {counted(correct, 'run')}.",
    ]
    lines += [f"Not found: {one.name}" for one in hunts if not one.found]
    if others:
        lines.append("* by an anomaly that is not its own")
    if caught:
        again = caught[-1]
        lines.append(f"See one: mqhavoc simulate --seed {again.seed} --mutant {again.name}")
    return "\n".join(lines)


def _as_json(hunts: "Sequence[Hunt]") -> str:
    from dataclasses import asdict

    import msgspec

    matrix = {
        "mutants": [asdict(one) for one in hunts],
        "found": sum(bool(one.found) for one in hunts),
        "not_found": [one.name for one in hunts if not one.found],
        "correct": {
            "runs": sum(one.correct_runs for one in hunts),
            "alarms": sum(len(one.alarms) for one in hunts),
        },
    }
    return msgspec.json.format(msgspec.json.encode(matrix)).decode()
