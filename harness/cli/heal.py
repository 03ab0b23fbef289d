"""``mqhavoc heal RUN``: clean up what a killed suite left behind."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from pathlib import Path

import click

__all__ = ["heal"]


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def heal(run: Path) -> None:
    """End what is left of a run's cluster, and cure the faults that were on.

    RUN is a run's folder, such as runs/latest. Does nothing to a run that ended well.
    """
    from harness.leftovers import clean_up, suite_of
    from harness.store.catalogue import find_run

    try:
        folder = find_run(run)
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from error
    if (pid := suite_of(folder)) is not None:
        raise click.ClickException(
            f"{folder.path}: the run is still going on, as pid {pid}; `kill -INT {pid}` lets it "
            "cure, drain and judge"
        )
    done = clean_up(folder)
    for line in done or ["nothing was left"]:
        click.echo(line)
