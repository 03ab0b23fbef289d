"""Whoever waits at a terminal for more than two seconds sees what for, and for how long.

Nothing is drawn where nobody looks, and nothing for what is quick. It goes to standard error, and
is wiped away when the work is done, so output stays what it is.
"""

import contextlib
from collections.abc import Iterator
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["waiting"]

PATIENCE_S = 2.0


@contextlib.contextmanager
def waiting(
    text: str, console: "Console | None" = None, patience_s: float = PATIENCE_S
) -> Iterator[None]:
    """Draw a bar while the context lasts, once it has lasted for a while."""
    from rich.console import Console  # noqa: PLC0415 - a quick command needs no terminal
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    progress = Progress(*columns, console=console, transient=True)
    progress.add_task(text, total=None)
    timer = Timer(patience_s, progress.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        progress.stop()
