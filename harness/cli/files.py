"""What is wrong with a user's file is the user's to know: one line, and exit code 254."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

__all__ = ["history_of", "reading", "require_new", "writing"]


def history_of(path: Path) -> Path:
    """Return the file of a history: a run's folder stands for the one in it."""
    within = path / "history.jsonl"
    return within if within.is_file() else path


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


def require_new(path: Path) -> None:
    """Refuse to write over what is there already, before any work is done for it."""
    if path.exists():
        raise click.ClickException(f"{path} exists already; expected the name of a new file")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the errors of writing a file into usage errors."""
    from histories.errors import HistoryError

    try:
        yield
    except (HistoryError, ValueError) as error:
        raise click.ClickException(f"{path}: {error}") from error
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from error
