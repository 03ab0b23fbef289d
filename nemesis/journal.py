"""What is broken right now, on disk, so that somebody else can mend it.

A fault is entered before it is injected and struck out after its cure is proven. If the suite is
killed in between, the entry is all that is needed: a fault's cure follows from its value. The
file is replaced in one step, so that a reader finds the state before or after, never half of it.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from nemesis.faults import Fault

__all__ = ["Journal", "JournalError"]


class JournalError(ValueError):
    """A file that is no journal."""


class Journal:
    """The active faults by id, in the order of their injection; without a path, in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._active: dict[int, Fault] = {}
        if path is not None and path.exists():
            self._active = _read(path)

    def active(self) -> Mapping[int, Fault]:
        """Return what may be in force, the oldest first."""
        return dict(self._active)

    def enter(self, number: int, fault: Fault) -> None:
        """Write down a fault that is about to be injected."""
        self._active[number] = fault
        self._write()

    def strike(self, number: int) -> None:
        """Strike out a fault whose cure is proven; silent if it is not there."""
        self._active.pop(number, None)
        self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        draft = self._path.with_name(f"{self._path.name}.new")
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(self._active), indent=1))
        draft.replace(self._path)


def _read(path: Path) -> dict[int, Fault]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[int, Fault])
    except msgspec.DecodeError as error:
        raise JournalError(f"{path}: expected a journal of active faults: {error}") from error
