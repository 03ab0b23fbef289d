"""A history is on disk as it happens: one line an op, one ``write`` a line, no buffer of ours.

After the ``write`` returned the line is the kernel's, so a crash of the suite loses at most the
op that was being written, and leaves at most one torn line, which every reader reads over.
The clock is passed in; times are nanoseconds since the recorder was made.
"""

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from histories.fields import fields_of
from histories.op import Op

__all__ = ["Recorder"]


class Recorder:
    """The one writer of ``history.jsonl``: gives each op its index and its time.

    >>> import tempfile, itertools
    >>> clock = itertools.count(1_000, 5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "history.jsonl"
    ...     with Recorder(path, lambda: next(clock)) as recorder:
    ...         op = recorder.record(process=0, type="invoke", f="send", value="0-0")
    ...     print(path.read_text(), end="")
    {"index":0,"time":5,"process":0,"type":"invoke","f":"send","value":"0-0"}
    """

    def __init__(
        self,
        path: str | Path,
        now_ns: Callable[[], int],
        on_op: Callable[[Op], None] | None = None,
    ) -> None:
        self.path = Path(path)
        self.count = 0
        self._now_ns = now_ns
        self._on_op = on_op
        self._start_ns = now_ns()
        self._encode = msgspec.json.Encoder().encode_into
        self._line = bytearray()
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)

    def now_ns(self) -> int:
        """Tell the time since the recorder was made, as ops have it."""
        return self._now_ns() - self._start_ns

    def record(self, **fields: Any) -> Op:
        """Write an op that happens now; index and time are given here."""
        op = Op(index=self.count, time=self._now_ns() - self._start_ns, **fields)
        line = self._line
        self._encode(fields_of(op) if op.extra else op, line)
        line += b"\n"
        self._write(line)
        self.count += 1
        if self._on_op is not None:
            self._on_op(op)
        return op

    def sync(self) -> None:
        """Wait until the history is on the disk, for a crash of the machine."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Close the file; what was recorded stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, line: bytearray) -> None:
        written = os.write(self._fd, line)
        while written < len(line):  # a full disk may take half a line before it says so
            written += os.write(self._fd, memoryview(line)[written:])
