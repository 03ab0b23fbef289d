"""The pages as text: a list of runs, and a list of a folder's files."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from harness.store.catalogue import CatalogueRow
from harness.templates import template

__all__ = ["folder_page", "index_page"]

HERE = Path(__file__).parent
STYLE = HERE.parent / "report" / "page.css"
STAMP = "%Y%m%dT%H%M%S.%fZ"
UNITS = ("B", "KB", "MB", "GB", "TB")


def index_page(root: Path, rows: Sequence[CatalogueRow]) -> str:
    """List runs in the order in which they are given."""
    runs = [
        {
            "row": row,
            "link": _link(root, row.folder.path),
            "files": [file for file in _files(row) if (row.folder.path / file).exists()],
            "began": _when(row.stamp),
        }
        for row in rows
    ]
    return template(HERE / "index.html.j2").render(root=root, runs=runs, style=STYLE.read_text())


def folder_page(root: Path, folder: Path) -> str:
    """List a folder: folders first, then files with their sizes."""
    above = [folder, *folder.parents]
    crumbs = [part for part in reversed(above) if part.is_relative_to(root)]
    return template(HERE / "folder.html.j2").render(
        crumbs=[{"name": part.name, "link": _link(root, part)} for part in crumbs],
        zip=f"/zip/{quote(str(folder.relative_to(root)))}.zip" if folder != root else "",
        entries=list(_entries(folder)),
        style=STYLE.read_text(),
    )


def _entries(folder: Path) -> Iterator[dict[str, str | bool]]:
    """Describe what is in a folder; while a run goes on a file may be gone by its turn."""
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_file(), path.name)):
        with contextlib.suppress(FileNotFoundError):
            yield {"name": path.name, "is_file": path.is_file(), "size": _size(path)}


def _link(root: Path, path: Path) -> str:
    """Spell the address of a folder."""
    inside = quote(str(path.relative_to(root)))
    return "/files/" if inside == "." else f"/files/{inside}/"


def _files(row: CatalogueRow) -> tuple[str, ...]:
    folder = row.folder
    return tuple(
        file.name for file in (folder.report, folder.results, folder.history, folder.suite_log)
    )


def _when(stamp: str) -> str:
    """Spell when a run began; a folder whose name is no time says it as it is.

    >>> _when("20261124T103045.123Z"), _when("by-hand")
    ('2026-11-24 10:30:45', 'by-hand')
    """
    try:
        return f"{datetime.strptime(stamp, STAMP):%Y-%m-%d %H:%M:%S}"  # noqa: DTZ007 - UTC, and said so
    except ValueError:
        return stamp


def _size(path: Path) -> str:
    """Spell a size in three or four characters and a unit."""
    size = float(path.stat().st_size)
    for unit in UNITS:
        if size < 1000 or unit == UNITS[-1]:
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
