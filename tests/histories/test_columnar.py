"""Columns beside a history are used while it is unchanged, and never after."""

from pathlib import Path

import numpy as np

from histories import History, Op
from histories.formats import read_history, write_ops
from histories.formats.columnar import cache_of, fresh_cache, write_cache


def some_ops(count: int) -> list[Op]:
    return [
        Op(index=row, time=row, process=row % 3, type="ok", f="dequeue", value=row)
        for row in range(count)
    ]


def test_a_cache_gives_the_same_columns_and_ops(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    write_ops(some_ops(500), path)
    read = read_history(path)

    write_cache(read)
    mapped = read_history(path)

    assert (read.info.format, mapped.info.format) == ("jsonl", "columns")
    assert np.array_equal(mapped.value, read.value)
    assert np.array_equal(mapped.deliveries.row, read.deliveries.row)
    assert list(mapped.ops()) == list(read.ops())
    assert mapped.op(123) == read.op(123)


def test_a_history_that_grew_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    write_ops(some_ops(5), path)
    write_cache(read_history(path))
    write_ops(some_ops(6), path)

    assert fresh_cache(path) is None
    assert len(read_history(path)) == 6


def test_a_broken_cache_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    write_ops(some_ops(5), path)
    write_cache(read_history(path))
    (cache_of(path) / "tables.json").write_text("{")

    assert read_history(path).info.format == "jsonl"


def test_only_jsonl_has_a_cache() -> None:
    assert write_cache(History.from_ops(some_ops(2))) is None
