"""``mqhavoc list``: what there is to choose from, printed from the registries themselves."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import sys

import click

from harness.cli.wrapping import wrapped

__all__ = ["listing"]


@click.group("list")
def listing() -> None:
    """List the workloads, nemeses, scenarios, checkers or contracts there are."""


@listing.command()
def workloads() -> None:
    """List what clients can do to the cluster."""
    from harness.workloads import WORKLOADS

    _print([(name, text) for name, text in WORKLOADS.items()])


@listing.command()
@click.option("--world", help="Only those that can be done there: local, simulated or rocketmq.")
def nemeses(world: str | None) -> None:
    """List the faults: what each does, its cure and its proof."""
    from harness.fault_plan import possible_packages
    from harness.options import WORLDS
    from nemesis.registry import PACKAGES

    if world is not None and world not in WORLDS:
        raise click.UsageError(f"--world: expected one of {', '.join(WORLDS)}, got {world!r}")
    packages = PACKAGES.values() if world is None else possible_packages(world)
    for package in packages:
        click.secho(package.name, bold=True)
        for word, text in (
            ("does", package.does),
            ("cure", package.cure),
            ("proof", package.proof),
        ):
            _say(f"  {word:7}{text}", 9)


@listing.command()
def scenarios() -> None:
    """List the scenarios that ship, and which mode prevents each."""
    from random import Random

    from nemesis.scenario import load_scenario, shipped_scenarios

    for name in shipped_scenarios():
        scenario = load_scenario(name, Random(0))  # noqa: S311 - what is drawn is not shown
        click.secho(name, bold=True)
        _say(f"  {scenario.says}; {scenario.seconds} s", 2)
        for word, names in (
            ("shows", scenario.shows),
            ("in", scenario.loses_in),
            ("never", scenario.safe_in),
        ):
            _say(f"  {word:7}{', '.join(names) or '-'}", 9)


@listing.command()
def checkers() -> None:
    """List the anomalies, and the promise that each one breaks."""
    from checkers.anomalies import ANOMALIES

    _print([(meaning.name, f"{meaning.breaks:4}{meaning.means}") for meaning in ANOMALIES.values()])


@listing.command()
def contracts() -> None:
    """List the modes, and the copies that a SEND_OK promises in each."""
    from checkers.contract import MODES, Contract

    for mode in MODES:
        copies = Contract.parse(mode).copies("SEND_OK")
        master = "on the master's disk" if copies.master_disk else "in the master's page cache"
        slave = ", in the slave's page cache" if copies.slave_cache else ""
        click.echo(f"{mode:26}{master}{slave}")


def _print(rows: list[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in rows) + 2
    for name, text in rows:
        _say(f"{name:{width}}{text}", width)


def _say(line: str, indent: int) -> None:
    click.echo(wrapped(line, sys.stdout, indent))
