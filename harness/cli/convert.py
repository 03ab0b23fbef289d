"""``mqhavoc convert A B``: a history in another format."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from pathlib import Path

import click

__all__ = ["convert"]


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--workload", help="Read the source as this workload's, whatever it looks like.")
def convert(source: Path, target: Path, workload: str | None) -> None:
    """Write a history in another format, which the target's name says.

    The source's format is seen from its content. What the target cannot hold is left out.
    """
    from harness.cli.files import reading
    from histories.formats import read_history, write_history

    with reading(source):
        history = read_history(source, workload)
    if target.exists():
        raise click.ClickException(f"{target} exists already; expected the name of a new file")
    try:
        write_history(history, target)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{target}: {error}") from error
    click.echo(f"{target}: {len(history)} ops")
