"""``suite.log``: what the suite did, a line of JSON each, and the traceback if it broke."""

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import structlog

__all__ = ["SuiteLog", "open_log"]

SuiteLog = structlog.typing.FilteringBoundLogger


@contextlib.contextmanager
def open_log(path: Path) -> Iterator[SuiteLog]:
    """Open a log; an exception that passes through is written to it and told where it is."""
    with path.open("a", encoding="utf-8", buffering=1) as file:
        log = structlog.wrap_logger(
            structlog.WriteLogger(file),
            wrapper_class=structlog.make_filtering_bound_logger(0),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(default=str),
            ],
        )
        try:
            yield cast("SuiteLog", log)
        except Exception as error:
            file.write("".join(traceback.format_exception(error)))
            error.suite_log = path  # type: ignore[attr-defined]
            raise
