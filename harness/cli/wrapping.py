"""A line that is too long for a terminal goes on below its own beginning.

Where nobody looks (a pipe, a log) lines stay whole, for there they are searched.
"""

import shutil
import textwrap
from typing import TextIO

__all__ = ["wrapped"]


def wrapped(text: str, stream: TextIO, indent: int = 0) -> str:
    """Break the lines of a text that a stream's terminal has no room for; words stay whole."""
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(_broken(line, width, indent) for line in text.splitlines())


def _broken(line: str, width: int, indent: int) -> str:
    if len(line) <= width:
        return line
    return textwrap.fill(
        line,
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
