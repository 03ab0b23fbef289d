"""The catalogue of runs is read off the folders: nothing to keep in step, nothing to repair."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.store.folder import RunFolder, read_json

__all__ = ["CatalogueRow", "catalogue", "find_run"]


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """One run, as a list of runs shows it."""

    folder: RunFolder
    name: str
    stamp: str  # when it began, in UTC: 20261124T103045.123Z
    seed: int
    mode: str
    world: str
    validity: str  # valid | invalid | unknown | incomplete
    broken: tuple[str, ...] = ()  # anomalies that break a promise
    why: tuple[str, ...] = ()  # why it proves nothing


def catalogue(out: Path) -> list[CatalogueRow]:
    """List the runs under a folder, the newest first."""
    rows = list(_rows(out))
    return sorted(rows, key=lambda row: (row.stamp, row.name), reverse=True)


def find_run(name: Path) -> RunFolder:
    """Find a run by its folder or by any file in it; ``FileNotFoundError`` if there is none."""
    for folder in (name, name.parent):
        if (folder / "test.json").is_file():
            return RunFolder(folder.resolve())
    raise FileNotFoundError(f"expected a run's folder with a test.json in it, found {str(name)!r}")


def _rows(out: Path) -> Iterator[CatalogueRow]:
    for test_json in sorted(out.glob("*/*/test.json")):
        folder = RunFolder(test_json.parent)
        options, results = _read(test_json), _read(folder.results)
        yield CatalogueRow(
            folder=folder,
            name=test_json.parent.parent.name,
            stamp=test_json.parent.name.split("-")[0],
            seed=options.get("seed", -1),
            mode=options.get("mode", ""),
            world=options.get("world", ""),
            validity=results.get("validity", "incomplete"),
            broken=tuple(_broken(results.get("anomalies", {}))),
            why=tuple(results.get("why", ())),
        )


def _broken(anomalies: Mapping[str, Any]) -> Iterator[str]:
    return (name for name, found in anomalies.items() if found.get("validity") == "invalid")


def _read(path: Path) -> dict[str, Any]:
    """Read a file of JSON; an absent or torn one says nothing, and must not hide other runs."""
    try:
        stored = read_json(path)
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}
