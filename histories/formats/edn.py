"""Jepsen's history.edn: a map an op, one a line, in one vector or list, or pretty-printed.

    {:index 0, :time 3291485, :type :invoke, :process 0, :f :enqueue, :value 17}

Any order of keys, tagged records (``#jepsen.history.Op{...}``), a missing index or time, and f as
a keyword or a string are read. A file with an op a line is read by its shapes; one whose ops do
not end with their lines is read whole (70 000 ops a second).
"""

from collections.abc import Iterator
from typing import Any

from histories.errors import HistoryError
from histories.fields import fields_of, op_of
from histories.formats.edn_text import UnclosedError, read_forms, text_of, write_form
from histories.op import Op

__all__ = ["SeveralOpsError", "encode_line", "ops_of_text", "parse_line"]

_WORDS = ("type", "f", "process")


class SeveralOpsError(HistoryError):
    """A line with more than one op: the file is not one of lines."""


def parse_line(line: bytes, row: int) -> Op | None:
    """Read the op of a line; a bracket around all ops may begin or end on it.

    >>> parse_line(b"[{:process :nemesis, :type :info, :f :start, :value nil}", 7).process
    'nemesis'
    """
    forms = list(read_forms(_decoded(line), outer=True))
    if len(forms) > 1:
        raise SeveralOpsError("one op a line", found=_decoded(line))
    return op_of_form(forms[0], row) if forms else None


def ops_of_text(text: bytes) -> Iterator[Op]:
    """Read all ops of a file whose ops and lines do not agree; a torn last op is read over."""
    try:
        for row, form in enumerate(read_forms(_decoded(text), outer=True)):
            yield op_of_form(form, row)
    except UnclosedError:
        return


def op_of_form(form: Any, row: int) -> Op:
    """Make an op of a map, or of a tagged one."""
    while isinstance(form, dict) and len(form) == 1 and next(iter(form)).startswith("#"):
        (form,) = form.values()
    if not isinstance(form, dict):
        raise HistoryError("an op as a map", found=write_form(form))
    fields = {text_of(key): value for key, value in form.items()}
    fields |= {name: text_of(fields[name]) for name in _WORDS if name in fields}
    return op_of(fields, row)


def encode_line(op: Op) -> bytes:
    """Write an op as a map on a line, without its newline.

    >>> encode_line(Op(index=0, time=5, process=0, type="info", f="add", error=":timeout"))
    b'{:index 0, :time 5, :type :info, :process 0, :f :add, :value nil, :error :timeout}'
    """
    fields = fields_of(op)
    first: dict[str, int | str] = {
        "index": op.index,
        "time": op.time,
        "type": op.type,
        "process": op.process,
        "f": op.f,
    }
    words = {":" + name: write_word(value) for name, value in first.items()}
    rest = {":value": None} | {":" + name: fields[name] for name in fields if name not in first}
    written = [f"{name} {word}" for name, word in words.items()]
    written += [f"{write_form(name)} {write_form(value)}" for name, value in rest.items()]
    return ("{" + ", ".join(written) + "}").encode()


def write_word(word: int | str) -> str:
    """Write a function, a type or a process: a number, or a keyword where it can be one."""
    return str(word) if isinstance(word, int) else write_form(f":{word}")


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise HistoryError("UTF-8", found=text) from error
