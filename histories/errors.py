"""What can be wrong with a history that somebody wrote.

A ``HistoryError`` names the place, what was expected there and what was found, so that its text
alone is enough to mend the file:

    history.jsonl, line 3: expected an op as a JSON object, got '[1, 2]'
"""

from pathlib import Path
from typing import Self

__all__ = ["HistoryError"]

_SHOWN = 80


class HistoryError(Exception):
    """A history that cannot be read; the caller's file is wrong, not this program.

    >>> print(HistoryError("a type", found="maybe", path="h.jsonl", line=3))
    h.jsonl, line 3: expected a type, got 'maybe'
    """

    def __init__(
        self,
        expected: str,
        *,
        found: object = None,
        path: str | Path | None = None,
        line: int | None = None,
        hint: str = "",
    ) -> None:
        self.expected = expected
        self.found = found
        self.path = None if path is None else str(path)
        self.line = line
        self.hint = hint
        super().__init__(expected, found, path, line)

    def at(self, path: str | Path | None, line: int | None = None) -> Self:
        """Give the same error with its place, where the reader of a part did not know it."""
        return type(self)(
            self.expected,
            found=self.found,
            path=self.path or path,
            line=self.line if self.line is not None else line,
            hint=self.hint,
        )

    def __str__(self) -> str:
        place = [self.path] if self.path else []
        place += [f"line {self.line}"] if self.line is not None else []
        where = ", ".join(place) + ": " if place else ""
        found = "" if self.found is None else f", got {_shortened(self.found)}"
        return f"{where}expected {self.expected}{found}" + (f"; {self.hint}" if self.hint else "")


def _shortened(found: object) -> str:
    text = repr(found)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
