"""A history's columns say what its ops say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from histories import NONE, History, HistoryError, Op, OpType, ValueTable
from histories.notation import format_op, parse_history, parse_op
from histories.pairs import by_process
from histories.wellformed import problems
from tests.histories.history_strategies import SCALARS, histories


@given(ops=histories())
def test_every_op_comes_back_whole(ops: list[Op]) -> None:
    history = History.from_ops(ops)

    assert list(history.ops()) == [history.op(row) for row in range(len(ops))] == ops
    assert [OpType(code).word for code in history.type] == [op.type for op in ops]
    assert [history.fs[code] for code in history.f] == [op.f for op in ops]


@given(values=st.lists(SCALARS, max_size=20))
def test_values_are_equal_exactly_when_their_numbers_are(values: list[object]) -> None:
    table = ValueTable()
    ids = table.ids(values)

    back = [table.value(id) for id in ids.tolist()]
    assert [(type(value), value) for value in back] == [(type(v), v) for v in values]
    spelled = [(type(value), value) for value in values]
    for first, one in zip(ids, spelled, strict=True):
        for second, other in zip(ids, spelled, strict=True):
            assert (first == second) == (one == other)


def test_producers_and_counters_of_many_values() -> None:
    table = ValueTable()
    ids = table.ids(["3-17", 17, "a", None, "0-0"])

    assert table.producers(ids).tolist() == [3, NONE, NONE, NONE, 0]
    assert table.counters(ids).tolist() == [17, NONE, NONE, NONE, 0]


def test_only_requests_of_which_a_byte_left_are_attempts() -> None:
    attempts = [{"node": "master", "sent": sent, "outcome": "x"} for sent in (True, False, True)]
    fields = {"index": 0, "process": 0, "type": "ok", "f": "send", "attempts": attempts}

    history = History.from_ops([parse_op(["0", "ok", "send", "a"]), *_ops(fields)])

    assert history.attempts.tolist() == [NONE, 2]


def _ops(fields: dict[str, object]) -> list[Op]:
    from histories.fields import op_of  # noqa: PLC0415

    return [op_of(fields)]


def test_pairs_are_by_process_and_the_nemesis_by_fault() -> None:
    history = parse_history("""
        0       invoke send a
        1       invoke send b
        nemesis info   kill-master
        1       ok     send b
        nemesis info   cut-link
        nemesis info   kill-master
        0       info   send a
        2       invoke send c
    """)

    assert history.pair.tolist() == [6, 3, 5, 1, NONE, 2, 0, NONE]


@given(st.lists(st.integers(-3, 2**31 - 1), max_size=60))
def test_rows_by_process_are_in_file_order(processes: list[int]) -> None:
    column = np.array(processes, np.int32)

    assert by_process(column).tolist() == sorted(range(len(processes)), key=processes.__getitem__)


def test_a_column_that_no_op_uses_takes_no_memory() -> None:
    history = History.from_ops(
        Op(index=row, process=0, type="ok", f="read") for row in range(100_000)
    )

    assert history.crc.strides == (0,)
    assert len(history.crc) == 100_000


def test_columns_cannot_be_changed() -> None:
    history = parse_history("0 ok send a @0/3\n1 ok pull 3:a @0")

    for column in (history.index, history.crc, history.deliveries.offset):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 5


def test_an_unknown_name_has_no_rows() -> None:
    history = parse_history("0 invoke send a")

    assert len(history.rows("pull")) == 0
    assert history.queue_code("T/0") == NONE
    assert history.status_code("SEND_OK") not in history.status


def test_a_row_that_is_not_there_is_an_error() -> None:
    history = parse_history("0 invoke send a")
    for row in (-1, 1):
        with pytest.raises(IndexError):
            history.op(row)


@pytest.mark.parametrize(
    "line",
    [
        "0 invoke send 3-17 @0",
        "0 ok send 17 @Orders/3/42 node=master status=SEND_OK",
        "1 ok pull 0:a,1:b:99 @0",
        "1 ok drain 17,18",
        '2 ok txn [[":send",3,[42,711]]]',
        "1 invoke drain",
    ],
)
def test_notation_is_written_as_it_is_read(line: str) -> None:
    op = parse_op(line.split())

    assert parse_op(format_op(op).split()) == op


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 invoke", "notation, line 1: expected 'process type f"),
        (
            "\n0 invoke send a b",
            "notation, line 2: expected '@queue/offset' or 'key=value', got 'b'",
        ),
        ("0 maybe send a", "notation, line 1: expected an op with type"),
        ("0 invoke send a @x", "notation, line 1: expected '@queue'"),
        ("0 ok pull x:a @0", "notation, line 1: expected 'offset:value'"),
    ],
)
def test_a_slip_in_notation_is_named(text: str, expected: str) -> None:
    with pytest.raises(HistoryError) as caught:
        parse_history(text)
    assert str(caught.value).startswith(expected)


def test_a_fault_in_notation_is_a_record() -> None:
    history = parse_history(
        "nemesis info cut-link fault=3 class=link phase=cure targets=client->master bit=false"
    )
    (op,) = history.nemesis_ops

    assert op.fault is not None
    assert (op.fault.id, op.fault.fault_class, op.fault.phase) == (3, "link", "cure")
    assert (op.fault.targets, op.fault.bit) == (["client->master"], False)


def test_a_disciplined_history_has_no_problems() -> None:
    history = parse_history("""
        0       invoke send a
        nemesis info   kill-master
        1       invoke pull
        0       info   send a
        nemesis info   kill-master
        10      invoke send b
        1       ok     pull a
        1       invoke pull
    """)

    assert problems(history) == []


def test_every_breach_of_discipline_is_listed() -> None:
    history = parse_history("""
        0 invoke send a
        0 invoke send b
        0 ok     pull
        1 ok     send a
        2 invoke send c
        2 info   send c
        2 invoke send d  index=1
    """)

    assert [(problem.row, problem.text) for problem in problems(history)] == [
        (1, "expected process 0 to complete send first, got an invoke of send"),
        (2, "expected process 0 to complete send, got ok of pull"),
        (3, "expected an invoke of send by process 1 before its ok, got none"),
        (6, "expected an index above 5, got 1"),
        (6, "expected process 2 to be retired by its info, got send"),
    ]


def test_calls_of_functions_that_nobody_called_are_none() -> None:
    history = parse_history("0 invoke send a\n0 ok send a\n1 invoke pull")

    assert history.calls("send", "absent").tolist() == [True, True, False]
    assert history.calls("absent").tolist() == [False] * 3
    assert history.calls("pull").tolist() == [False, False, True]


@pytest.mark.parametrize("number", [2**63, -(2**63)])
def test_a_number_that_no_column_holds_is_named_with_its_line(number: int) -> None:
    ops = [Op(index=row, process=0, type="ok", f="send", crc=row) for row in range(3)]
    ops[2] = Op(index=2, process=0, type="ok", f="send", crc=number)

    with pytest.raises(HistoryError) as caught:
        History.from_ops(ops)

    assert str(caught.value) == f"line 3: expected crc to fit in 64 bits, got {number}"


def test_codes_go_up_in_the_order_of_the_ops_and_of_the_messages_in_them() -> None:
    """Columns are made one by one, but queues and values are named by ops and messages alike."""
    polled = [[":poll", {"b": [[0, "x"]], "c": [[0, "y"]]}]]
    ops = [
        Op(index=0, process=0, type="ok", f="send", topic="a", value="w"),
        Op(index=1, process=1, type="ok", f="poll", value=polled),
        Op(index=2, process=0, type="ok", f="send", topic="d", value="z"),
    ]

    history = History.from_ops(ops)

    assert history.queues == ["a", "b", "c", "d"]
    assert history.values.interned == [b'"w"', b'"x"', b'"y"', b'"z"']
    assert (history.queue.tolist(), history.deliveries.queue.tolist()) == ([0, -1, 3], [1, 2])
