"""What is wrong with a user's file is the user's to know: one line, and exit code 254."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

__all__ = ["reading"]


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the errors of reading a file into usage errors."""
    from histories.errors import HistoryError

    try:
        yield
    except HistoryError as error:
        raise click.ClickException(str(error)) from error
    except FileNotFoundError as error:
        raise click.ClickException(f"{path}: expected a file, found none") from error
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from error
