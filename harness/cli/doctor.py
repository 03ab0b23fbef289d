"""``mqhavoc doctor``: whether this machine can do what the suite needs."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import sys
from pathlib import Path

import click

from harness.cli.wrapping import wrapped

__all__ = ["doctor"]

COLOURS = {"ok": "green", "--": "yellow", "!!": "red"}


@click.command()
@click.option("--out", default="runs", show_default=True, help="Where run folders go.")
def doctor(out: str) -> int:
    """Check Python, toxiproxy, ports, disk space and what killed runs left behind.

    Exit code 0 if a run can start, 1 if something is in its way.
    """
    from harness.doctor import Health, examine

    troubles = 0
    for remark in examine(Path(out)):
        mark = click.style(remark.health.value, fg=COLOURS[remark.health.value], bold=True)
        line = wrapped(f"{remark.health.value}  {remark.what:12}{remark.text}", sys.stdout, 16)
        click.echo(mark + line.removeprefix(remark.health.value))
        troubles += remark.health is Health.TROUBLE
    return 1 if troubles else 0
