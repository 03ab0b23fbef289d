"""What one format holds, every other format that can hold it gives back."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from histories import History, HistoryError, Op
from histories.columns import MESSAGE_COLUMNS, OP_COLUMNS
from histories.formats import convert_history, read_history, write_history, write_ops
from histories.formats.detect import detected
from tests.histories.history_strategies import histories

NAMED = (
    ("f", "fs"),
    ("queue", "queues"),
    ("node", "nodes"),
    ("status", "statuses"),
    ("group", "groups"),
)
LOSSLESS = ["h.jsonl", "h.edn", "h.parquet", "h.columns", "h.jsonl.gz", "h.edn.zst"]

per_folder = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def assert_same(read: History, made: History) -> None:
    """Names are numbered as they come, so codes are compared by what they mean."""
    for name in OP_COLUMNS:
        if name not in {*dict(NAMED), "value", "process"}:
            assert np.array_equal(getattr(read, name), getattr(made, name)), name
    for column, names in NAMED:
        assert spelled(read, column, names) == spelled(made, column, names)
    assert valued(read, read.value) == valued(made, made.value)
    for part in ("deliveries", "sends"):
        for name in MESSAGE_COLUMNS:
            mine, theirs = getattr(getattr(read, part), name), getattr(getattr(made, part), name)
            if name == "value":
                assert valued(read, mine) == valued(made, theirs)
            elif name != "queue":
                assert np.array_equal(mine, theirs), (part, name)
    assert list(read.nemesis_ops) == list(made.nemesis_ops)


def spelled(history: History, column: str, names: str) -> list[str | None]:
    table = getattr(history, names)
    return [None if code < 0 else table[code] for code in getattr(history, column).tolist()]


def valued(history: History, ids: np.ndarray) -> list[object]:
    return [history.values.value(id) for id in ids.tolist()]


@pytest.mark.parametrize("name", LOSSLESS)
@per_folder
@given(ops=histories())
@example(ops=[Op(index=0, process=0, type="ok", f="read", value={"#=nil": 1, "'3": 2, "#=[1]": 3})])
@example(ops=[Op(index=0, process=0, type="ok", f="read", value=[{"#{}": 5}, {"#/": [1]}])])
def test_a_lossless_format_gives_back_every_op(name: str, ops: list[Op], tmp_path: Path) -> None:
    made = History.from_ops(ops)
    write_history(made, tmp_path / name)
    read = read_history(tmp_path / name)

    assert list(read.ops()) == ops
    assert [read.op(row) for row in range(len(read))] == ops
    assert_same(read, made)


@per_folder
@given(ops=histories())
def test_jsonl_to_edn_and_back_is_the_same_file(ops: list[Op], tmp_path: Path) -> None:
    write_ops(ops, tmp_path / "a.jsonl")

    convert_history(tmp_path / "a.jsonl", tmp_path / "b.edn")
    convert_history(tmp_path / "b.edn", tmp_path / "c.jsonl")

    assert (tmp_path / "c.jsonl").read_bytes() == (tmp_path / "a.jsonl").read_bytes()


@settings(per_folder, max_examples=3)
@given(ops=histories(size_max=2), name=st.sampled_from(["h.jsonl", "h.edn"]))
def test_a_line_torn_anywhere_costs_that_line_alone(
    ops: list[Op], name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    write_ops(ops, path)
    whole = path.read_bytes()
    begin = whole.rstrip(b"\n").rfind(b"\n") + 1

    for cut in range(begin + 1, len(whole) - 1):
        path.write_bytes(whole[:cut])
        if begin == 0:
            with pytest.raises(HistoryError):
                read_history(path)
        else:
            read = read_history(path)
            assert list(read.ops()) == ops[:-1]
            assert read.info.torn


def test_the_last_line_needs_no_newline(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    path.write_bytes(b'{"index":0,"process":0,"type":"ok","f":"read","value":5}')

    history = read_history(path)

    assert (len(history), history.info.torn) == (1, False)


@pytest.mark.parametrize("torn", ["0\t:ok\t:dequeue\t1", "0\tdequeue\tRESPONSE\tSUCCESS\t1"])
def test_an_unfinished_line_of_tabs_is_never_believed(torn: str, tmp_path: Path) -> None:
    """It was ``17``: nothing in the line says that it is whole."""
    whole = {
        ":": "0\t:invoke\t:dequeue\tnil\n",
        "R": "0\tdequeue\tREQUEST\tnull\tnull\t1718\tx\n",
    }["R" if "RESPONSE" in torn else ":"]
    path = tmp_path / "history.txt"
    path.write_text(whole + torn)

    history = read_history(path)

    assert (len(history), history.info.torn) == (1, True)


@per_folder
@given(
    garbage=st.binary(max_size=80),
    kind=st.sampled_from([b"", b"{", b"{:", b"[", b"0\t:ok\t", b"PAR1", b'{"']),
)
def test_garbage_is_read_or_refused_with_a_history_error(
    garbage: bytes, kind: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "h"
    path.write_bytes(kind + garbage + b"\n")
    try:
        history = read_history(path)
    except HistoryError as error:
        assert str(path) in str(error)  # noqa: PT017 - either way is right
    else:
        assert len(history) > 0


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ('{"process":0,"type":"ok","f":"read"}\n[1]\n{}\n', 2, "an op as a JSON object"),
        ('{"process":0,"type":"ok","f":"read"}\n\n{"a":1}\n', 3, "an op with type"),
        ('{"process":0,"type":"maybe","f":"read"}\n', 1, "an op with type"),
        ("{:process 0, :type :ok, :f :read}\n{:process 0, :type :ok}\n", 2, "an op with f"),
        ("{:process 0, :type :ok, :f :read}\n{:process 0 :type}\n", 2, "a map of keys"),
        ("0\t:ok\t:read\tnil\n0\t:ok\n", 2, "process, :type, :f, value"),
        ("hello\n", 1, "a history as JSONL"),
    ],
)
def test_a_line_that_is_no_op_is_named(text: str, line: int, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "h"
    path.write_text(text)

    with pytest.raises(HistoryError, match=expected) as caught:
        read_history(path)

    assert caught.value.line == line
    assert caught.value.path == str(path)


@pytest.mark.parametrize("content", [None, b"", b"\n\n", b"; nothing\n"])
def test_a_missing_or_empty_file_is_an_error(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(HistoryError, match=str(path)):
        read_history(path)


@pytest.mark.parametrize(
    ("head", "format"),
    [
        (b'{"index":0', "jsonl"),
        (b'[\n {"index":0', "json"),
        (b"{:index 0", "edn"),
        (b"; made by hand\n({:index 0", "edn"),
        (b"#jepsen.history.Op{:index 0", "edn"),
        (b"0\t:invoke\t:enqueue\t17\n", "jepsen"),
        (b":nemesis\t:info\t:start\tnil\n", "jepsen"),
        (b"3\tenqueue\tREQUEST\t17\t", "openchaos"),
        (b"fault\tminor-kill\tstart\t1718", "openchaos"),
        (b"PAR1\x15", "parquet"),
    ],
)
def test_a_format_is_known_by_its_content(head: bytes, format: str) -> None:
    assert detected(head) == format


def test_a_cut_off_gz_gives_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl.gz"
    ops = [Op(index=row, process=0, type="invoke", f="read") for row in range(5000)]
    write_ops(ops, path)
    path.write_bytes(path.read_bytes()[:-200])

    assert 0 < len(read_history(path)) < 5000


def test_a_history_that_changed_under_us_says_so(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    write_ops([Op(index=0, process=0, type="ok", f="read")], path)
    history = read_history(path)
    path.write_bytes(path.read_bytes() * 2)

    with pytest.raises(HistoryError, match="as it was"):
        history.op(0)


@pytest.mark.parametrize("folder", ["/", "."])
def test_a_folder_is_no_history(folder: str) -> None:
    with pytest.raises(HistoryError, match="expected a file, or a folder of columns"):
        read_history(folder)


@pytest.mark.parametrize("last", ["", '{"process":1,"type":"ok","f":"re', None])
def test_lines_that_are_no_ops_are_not_in_a_parquet_file(last: str | None, tmp_path: Path) -> None:
    line = '{"process":0,"type":"ok","f":"read","value":%d}'
    lines = [line % 1, "", line % 2, "  ", line % 3, line % 4 if last is None else last]
    path, target = tmp_path / "h.jsonl", tmp_path / "h.parquet"
    path.write_text("\n".join(lines))

    convert_history(path, target)
    read = read_history(target)

    assert list(read.ops()) == list(read_history(path).ops())
    assert read.op(2).value == 3
    assert [op.value for op in read.ops()] == [1, 2, 3] + [4] * (last is None)


def test_messages_that_say_nothing_are_still_counted_in_parquet(tmp_path: Path) -> None:
    """Every column of theirs is absent, and left out of reading but for one."""
    ops = [Op(index=0, process=0, type="ok", f="drain", value=[None, None])]
    path = tmp_path / "h.parquet"
    write_history(History.from_ops(ops), path)

    assert read_history(path).deliveries.row.tolist() == [0, 0]
