"""A path becomes a history, whatever the file holds."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import msgspec

from histories.errors import HistoryError
from histories.fields import op_of
from histories.formats import columnar, edn, jepsen_text, jsonl, openchaos, parquet
from histories.formats.detect import detected
from histories.formats.edn_text import UnclosedError
from histories.formats.lines import read_lines
from histories.formats.source import Source
from histories.history import History, HistoryInfo

__all__ = ["FORMATS", "LINES", "read_history"]

LINES: Mapping[str, ModuleType] = {
    "jsonl": jsonl,
    "edn": edn,
    "jepsen": jepsen_text,
    "openchaos": openchaos,
}
"""Formats of one op a line, each with ``parse_line`` and ``encode_line``."""

FORMATS = (*LINES, "json", "parquet", "columns")

_CLOSED = ("jsonl", "edn")
_HEAD = 4096


def read_history(
    path: str | Path, workload: str | None = None, *, processes: int | None = None
) -> History:
    """Read a history; ``workload`` overrides what its functions say of it, for the checkers.

    Big files of lines are read by as many processes as there are cores, or as ``processes`` says.

    Raises HistoryError, naming the line, for a missing or empty file and for any line that is
    no op, but for a torn last one, which is read over (``history.info.torn``).
    """
    path = Path(path)
    if columnar.is_folder(path):
        return columnar.read_columns(path, workload)
    if path.is_dir():
        raise HistoryError("a file, or a folder of columns", found=str(path), path=path)
    if (cached := columnar.fresh_cache(path)) is not None:
        return columnar.read_columns(cached, workload)

    source = Source(path)
    head = source.head(_HEAD)
    if not head.strip():
        raise HistoryError("at least one op", found="an empty file", path=path)
    try:
        format = detected(head)
    except HistoryError as error:
        raise error.at(path) from error
    return _read(source, format, workload, processes)


def _read(source: Source, format: str, workload: str | None, processes: int | None) -> History:
    if format == "parquet":
        return parquet.read_parquet(source.path, workload)
    if format == "json":
        return _read_array(source, workload)
    parse, closed = LINES[format].parse_line, format in _CLOSED
    try:
        return read_lines(source, parse, format, workload, closed=closed, processes=processes)
    except (UnclosedError, edn.SeveralOpsError):
        return _read_whole_edn(source, workload)


def _read_whole_edn(source: Source, workload: str | None) -> History:
    """Read EDN whose ops and lines do not agree."""
    text = b"".join(source.chunks())
    info = HistoryInfo(source.path, "edn", workload)
    try:
        history = History.from_ops(edn.ops_of_text(text), info)
    except HistoryError as error:
        raise error.at(source.path) from error
    if not len(history):
        raise HistoryError("at least one op", found="none", path=source.path)
    return history


def _read_array(source: Source, workload: str | None) -> History:
    """Read one JSON array of ops."""
    text = b"".join(source.chunks())
    try:
        found = msgspec.json.decode(text, type=list[dict[str, object]])
        ops = [op_of(fields, row) for row, fields in enumerate(found)]
    except (msgspec.DecodeError, RecursionError) as error:
        raise HistoryError(f"an array of ops as JSON: {error}", path=source.path) from error
    except HistoryError as error:
        raise error.at(source.path) from error
    if not ops:
        raise HistoryError("at least one op", found="none", path=source.path)
    return History.from_ops(ops, HistoryInfo(source.path, "json", workload))
