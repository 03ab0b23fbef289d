"""A node's controls are a small file in its folder; the node writes another when it has read it.

    controls.json           {"number": 7, "controls": {...}}        written by the nemesis
    controls-applied.json   the same, and {"pid": 4711}             written by the node

The file outlives the node, so that it comes up on the same bad disk. The number tells whether the
node has seen the last change, and the pid whether it was this process that saw it. Both files are
replaced in one step. A node reads its controls before it serves and a few times each second.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from nemesis.targets import Controls, TargetError

__all__ = ["FileControls", "Page", "acknowledge", "read_page"]

WANTED = "controls.json"
APPLIED = "controls-applied.json"

TAKEN_MS_MAX = 5000
LOOK_AGAIN_MS = 10


@dataclass(frozen=True, slots=True)
class Page:
    """What one of the two files says; number 0 if nothing was ever asked for."""

    number: int = 0
    controls: Controls = field(default_factory=Controls)
    pid: int = 0


@dataclass(frozen=True, slots=True)
class FileControls:
    """The nemesis's end; implements ``targets.NodeControls``."""

    folder: Path
    pid: Callable[[], int | None]  # of the node, if it runs

    async def set(self, controls: Controls) -> None:
        """Ask for exactly this; returns once a running node has taken it over."""
        page = read_page(self.folder)
        if page.controls != controls:
            page = Page(page.number + 1, controls)
            _write(self.folder / WANTED, page)
        if page.number == 0:
            return
        for _ in range(TAKEN_MS_MAX // LOOK_AGAIN_MS):
            # A node that is armed may die of what it was asked for before it can say so.
            if self.pid() is None or self._seen().number == page.number:
                return
            await asyncio.sleep(LOOK_AGAIN_MS / 1000)
        raise TargetError(
            f"{self.folder}: expected the node to take page {page.number} of its controls over "
            f"within {TAKEN_MS_MAX} ms, found {self._seen().number}; is it a node with controls?"
        )

    async def wanted(self) -> Controls:
        """Return what was last asked for, whether the node runs or not."""
        return read_page(self.folder).controls

    async def applied(self) -> Controls | None:
        """Return what the running node says is in force; None if it cannot be asked."""
        seen = self._seen()
        if self.pid() is None or (seen.number == 0 and read_page(self.folder).number != 0):
            return None
        return seen.controls

    def _seen(self) -> Page:
        """Return what the process that runs now has read, not one before it."""
        seen = _read(self.folder / APPLIED)
        return seen if seen.pid == self.pid() else Page()


def read_page(folder: Path) -> Page:
    """Read what is asked of a node; the node's end calls this, too."""
    return _read(folder / WANTED)


def acknowledge(folder: Path, page: Page, pid: int) -> None:
    """Say, as the node, that this page is in force."""
    _write(folder / APPLIED, Page(page.number, page.controls, pid))


def _read(path: Path) -> Page:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Page)
    except FileNotFoundError:
        return Page()
    except msgspec.DecodeError as error:
        raise TargetError(f"{path}: expected a page of controls: {error}") from error


def _write(path: Path, page: Page) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.write_bytes(msgspec.json.encode(page))
    draft.replace(path)
