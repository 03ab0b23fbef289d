"""``mqhavoc power``: whether every planted bug is found, and by what."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from typing import Any

import click

__all__ = ["power"]


@click.command()
@click.option("--mutant", "names", multiple=True, help="Hunt this one only; may be repeated.")
@click.option("--runs", type=click.IntRange(min=1), default=200, help="At most, for each mutant.")
@click.option("--first-seed", type=int, default=1, help="The seed to begin with.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, help="Processes at once.")
@click.option("--json", "as_json", is_flag=True, help="Print the matrix for machines.")
def power(names: tuple[str, ...], runs: int, first_seed: int, jobs: int, *, as_json: bool) -> int:
    """Plant bugs in the broker, and see whether simulated runs find them."""
    from dataclasses import asdict

    import msgspec

    from harness.simulated.power import NoMutantsError, catalogue, hunt_all

    try:
        known = catalogue()
    except NoMutantsError as error:
        raise click.ClickException(str(error)) from error
    if unknown := [name for name in names if name not in known]:
        raise click.ClickException(
            f"--mutant: expected one of {', '.join(known)}, got {', '.join(unknown)}"
        )
    chosen = list(names or known)
    hunts = []
    for found in hunt_all(chosen, range(first_seed, first_seed + runs), jobs):
        hunts.append(found)
        if not as_json:
            click.echo(_line(found))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode([asdict(one) for one in hunts])))
    else:
        click.echo(_summary(hunts))
    alarms = any(one.alarms for one in hunts)
    return 1 if alarms else 2 if any(not one.found and not one.hidden for one in hunts) else 0


def _line(found: Any) -> str:
    name = f"{found.name:<32}"
    if found.seed is None:
        why = found.hidden or (f"runs broke off: {found.broke}" if found.broke else "")
        text = f"{name} NOT FOUND in {found.runs} runs, {found.cpu_s:.1f} CPU s"
        text += f": {why}" if why else ""
    else:
        proof = "" if found.proof_ops is None else f", proof of {found.proof_ops} ops"
        mark = "" if found.expected else " (not its own)"
        text = (
            f"{name} {', '.join(found.found)}{mark} by {', '.join(found.checkers)}: "
            f"run {found.runs}, {found.cpu_s:.1f} CPU s, seed {found.seed}{proof}"
        )
    if found.alarms:
        text += f"\n{'':32} FALSE ALARM of the correct broker on seeds {found.alarms}"
    return text


def _summary(hunts: list[Any]) -> str:
    caught = [one for one in hunts if one.found]
    missed = [one.name for one in hunts if not one.found]
    text = f"{len(caught)} of {len(hunts)} mutants found"
    text += (
        f" in {sum(one.runs for one in caught)} runs, {sum(one.cpu_s for one in caught):.0f} CPU s"
    )
    return text + (f"; not found: {', '.join(missed)}" if missed else "")
