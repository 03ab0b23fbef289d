"""A node's log: one JSON object a line, in structlog's form, on its standard output.

    {"event": "slave-diverged", "level": "warning", "timestamp": "...Z", "node": "broker-a-0", ...}

The form is what structlog's JSON renderer writes, so its tools read it. The library itself takes
280 ms to import (measured; it loads rich), which is more than a broker needs to be ready.
"""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from broker.ports import Clock

__all__ = ["EventLog", "forward_standard_logging"]


class EventLog:
    """Writes events, each a name and its facts."""

    def __init__(self, write: Callable[[str], object], clock: Clock, **bound: object) -> None:
        self._write = write
        self._clock = clock
        self._bound = bound

    def info(self, event: str, **facts: object) -> None:
        """Say what happened."""
        self.log("info", event, facts)

    def warning(self, event: str, **facts: object) -> None:
        """Say what should not happen, and was dealt with."""
        self.log("warning", event, facts)

    def error(self, event: str, **facts: object) -> None:
        """Say what was not dealt with."""
        self.log("error", event, facts)

    def log(self, level: str, event: str, facts: dict[str, object]) -> None:
        """Write one line."""
        now = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)
        timestamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"event": event, "level": level, "timestamp": timestamp, **self._bound, **facts}
        self._write(json.dumps(line, default=str, ensure_ascii=False) + "\n")


class _Forwarder(logging.Handler):
    def __init__(self, log: EventLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, object] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            facts["exception"] = self.format(record)
        self._log.log(record.levelname.lower(), record.getMessage(), facts)


def forward_standard_logging(log: EventLog) -> None:
    """Send the standard library's warnings and errors (asyncio's, say) to the same lines."""
    logging.basicConfig(handlers=[_Forwarder(log)], level=logging.WARNING, force=True)
