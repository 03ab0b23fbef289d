"""Tables of the README come from the registries, so that they cannot drift from the code.

Between ``<!-- begin NAME ... -->`` and ``<!-- end NAME -->`` stands what this module makes;
``make docs`` rewrites it, and the tidy test fails if it is stale.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from checkers.anomalies import ANOMALIES
from nemesis.registry import PACKAGES

__all__ = ["README", "TABLES", "renewed"]

README = Path(__file__).parent.parent / "README.md"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _nemeses() -> str:
    rows = (
        (f"`{package.name}`", package.does, package.cure, package.proof)
        for package in PACKAGES.values()
    )
    return _table(("name", "what it does", "cure", "proof that it bit"), rows)


def _anomalies() -> str:
    rows = ((f"`{one.name}`", one.breaks or "counted", one.means) for one in ANOMALIES.values())
    return _table(("name", "breaks", "what it means"), rows)


TABLES: Mapping[str, Callable[[], str]] = {"nemeses": _nemeses, "anomalies": _anomalies}


def renewed(text: str) -> str:
    """Put fresh tables in the place of those of a text."""
    for name, make in TABLES.items():
        pattern = rf"(<!-- begin {name}[^>]*-->\n).*?(?=<!-- end {name} -->)"
        parts = re.split(pattern, text, flags=re.DOTALL)
        assert len(parts) == 3, f"one place for {name} in the README, not {len(parts) // 2}"
        before, begin, after = parts
        text = f"{before}{begin}{make()}\n{after}"
    return text


if __name__ == "__main__":
    README.write_text(renewed(README.read_text()))
    sys.stdout.write(f"{README.name}: {', '.join(TABLES)}\n")
