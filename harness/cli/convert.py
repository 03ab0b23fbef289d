"""``mqhavoc convert A B``: a history in another format."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from pathlib import Path

import click

from harness.wording import counted

__all__ = ["convert"]


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--workload", help="Read the source as this workload's, whatever it looks like.")
def convert(source: Path, target: Path, workload: str | None) -> None:
    """Write a history in another format, which the target's name says.

    The source's format is seen from its content; a run's folder stands for the history in it.
    What the target cannot hold is left out.
    """
    from harness.cli.files import history_of, reading, require_new, writing
    from histories.formats import read_history, write_history

    require_new(target)
    with reading(source):
        history = read_history(history_of(source), workload)
    with writing(target):
        write_history(history, target)
    click.echo(f"{target}: {counted(len(history), 'op')}")
