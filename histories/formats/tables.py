"""What the codes in columns mean, as JSON: the part of a columnar file that is no column."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from histories.columns import NAMED_COLUMNS, Names, Tables
from histories.errors import HistoryError
from histories.fields import fields_of, op_of
from histories.history import History
from histories.op import Op
from histories.values import ValueTable

__all__ = ["TablesFile", "names_of", "restored", "saved"]

_VERSION = 2
_NAMES = (*NAMED_COLUMNS.values(), "processes")


class TablesFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file's content; ``source`` is the text file whose columns these are."""

    version: int = _VERSION
    size: int
    format: str
    torn: bool
    workload: str | None
    names: dict[str, list[str]]
    interned: list[msgspec.Raw]
    nemesis_ops: list[dict[str, Any]]
    source: str = ""
    source_size: int = -1
    source_time_ns: int = -1
    dense: bool = True


def saved(history: History, **source: Any) -> bytes:
    """Spell what a history's codes mean."""
    file = TablesFile(
        size=len(history),
        format=history.info.format,
        torn=history.info.torn,
        workload=history.info.workload,
        names={name: list(getattr(history, name)) for name in _NAMES},
        interned=[msgspec.Raw(text) for text in history.values.interned],
        nemesis_ops=[fields_of(op) for op in history.nemesis_ops],
        **source,
    )
    return msgspec.json.encode(file)


def restored(text: bytes, path: object) -> TablesFile:
    """Read it again."""
    try:
        file = msgspec.json.decode(text, type=TablesFile)
    except msgspec.DecodeError as error:
        raise HistoryError(f"tables of columns: {error}", path=str(path)) from error
    if file.version != _VERSION:
        raise HistoryError(f"columns of version {_VERSION}", found=file.version, path=str(path))
    return file


def names_of(file: TablesFile) -> tuple[Tables, Sequence[Op]]:
    """Give the tables, and the nemesis ops."""
    names: Mapping[str, Names] = {name: Names(file.names.get(name, ())) for name in _NAMES}
    values = ValueTable.from_interned(bytes(text) for text in file.interned)
    return Tables(**names, values=values), [op_of(fields) for fields in file.nemesis_ops]
