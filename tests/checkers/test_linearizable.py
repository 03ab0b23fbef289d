"""Linearizability: the fast checks say what the exhaustive search says, on every small history."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkers.linearizable import (
    MODELS,
    Operation,
    linearizable,
    linearizable_fifo,
    linearizable_log,
    operations,
)
from checkers.verdict import Validity
from histories.notation import parse_history


def judged(model: str, text: str) -> Validity:
    return linearizable(operations(parse_history(text)), MODELS[model]).validity


def test_a_read_may_not_see_what_was_overwritten_before_it() -> None:
    """The textbook's first example."""
    stale = """
        0 invoke write 1
        0 ok     write 1
        0 invoke write 2
        0 ok     write 2
        1 invoke read
        1 ok     read 1
    """
    assert judged("register", stale) is Validity.INVALID
    assert judged("register", stale.replace("read 1", "read 2")) is Validity.VALID


def test_a_write_that_timed_out_may_take_effect_later_or_never() -> None:
    """Info is doubt, and doubt is not a fault."""
    for seen in ("nil", "7"):
        text = f"0 invoke write 7\n0 info write 7\n1 invoke read\n1 ok read {seen}"
        assert judged("register", text) is Validity.VALID


def test_two_holders_of_a_mutex() -> None:
    """Acquired twice and released by nobody."""
    twice = "0 invoke acquire\n0 ok acquire\n1 invoke acquire\n1 ok acquire"
    assert judged("mutex", twice) is Validity.INVALID


def test_a_compare_and_set_from_a_value_that_never_was() -> None:
    """cas-register."""
    assert judged("cas-register", "0 invoke cas [3,4]\n0 ok cas [3,4]") is Validity.INVALID


def test_an_unordered_queue_gives_back_in_any_order_but_once() -> None:
    """unordered-queue."""
    text = """
        0 invoke enqueue 1
        0 ok     enqueue 1
        0 invoke enqueue 2
        0 ok     enqueue 2
        1 invoke dequeue
        1 ok     dequeue 2
        1 invoke dequeue
        1 ok     dequeue {last}
    """
    assert judged("unordered-queue", text.format(last=1)) is Validity.VALID
    assert judged("unordered-queue", text.format(last=2)) is Validity.INVALID
    assert judged("fifo-queue", text.format(last=1)) is Validity.INVALID


def test_a_bounded_search_says_unknown() -> None:
    """Giving up is not a pass."""
    ops = [Operation(number, 100 + number, "write", number) for number in range(12)]
    ops.append(Operation(300, 301, "read", None, "nothing"))
    found = linearizable(ops, MODELS["register"], visits_max=50)
    assert found.validity is Validity.UNKNOWN


def test_keys_are_objects_of_their_own() -> None:
    """Linearizability is local."""
    ops = [
        Operation(0, 1, "write", 1, key="a"),
        Operation(2, 3, "read", None, 1, key="a"),
        Operation(4, 5, "read", None, 1, key="b"),
    ]
    found = linearizable(ops, MODELS["register"])
    assert (found.validity, found.key) == (Validity.INVALID, "b")
    assert [str(op) for op in found.stuck] == ["read 1 [4, 5]"]


def test_a_linearization_is_one() -> None:
    """The witness of a valid history can be replayed on the model."""
    ops = [
        Operation(0, 5, "enqueue", "a"),
        Operation(1, 4, "enqueue", "b"),
        Operation(2, 9, "dequeue", None, "b"),
        Operation(6, None, "dequeue"),
    ]
    found = linearizable(ops, MODELS["fifo-queue"])

    state: Any = ()
    for op in found.order:
        (state,) = MODELS["fifo-queue"].step(state, op)
    assert found.validity is Validity.VALID
    assert {str(op) for op in ops if op.end is not None} <= {str(op) for op in found.order}


def intervals(count: int, draw: st.DrawFn) -> list[tuple[int, int]]:
    """Draw intervals whose 2n ends are all different."""
    ends = draw(st.permutations(range(2 * count)))
    return [(min(pair), max(pair)) for pair in zip(ends[::2], ends[1::2], strict=True)]


@st.composite
def fifo_histories(draw: st.DrawFn) -> list[Operation]:
    """Small queue histories, sane and insane, with pending operations and empty answers."""
    puts = draw(st.integers(1, 4))
    outputs = draw(st.lists(st.sampled_from([None, *range(puts)]), max_size=4))
    ops = []
    for number, (begin, end) in enumerate(intervals(puts + len(outputs), draw)):
        pending = draw(st.integers(0, 4)) == 0
        if number < puts:
            ops.append(Operation(begin, None if pending else end, "enqueue", number))
        else:
            output = None if pending else outputs[number - puts]
            ops.append(Operation(begin, None if pending else end, "dequeue", None, output))
    return ops


@st.composite
def likely_fifo_histories(draw: st.DrawFn) -> list[Operation]:
    """Histories of a real queue, stretched so that operations overlap: mostly linearizable."""
    queue: deque[int] = deque()
    ops: list[tuple[str, Any, Any]] = []
    for number in range(draw(st.integers(2, 8))):
        if draw(st.booleans()):
            queue.append(number)
            ops.append(("enqueue", number, None))
        else:
            ops.append(("dequeue", None, queue.popleft() if queue else None))
    found = []
    for place, (f, input_, output) in enumerate(ops):
        begin = 40 * place - draw(st.integers(0, 3)) * 41 - place % 7
        end = 40 * place + 20 + draw(st.integers(0, 3)) * 43 + place % 5
        pending = draw(st.integers(0, 5)) == 0
        found.append(
            Operation(begin, None if pending else end, f, input_, None if pending else output)
        )
    rows = {time: row for row, time in enumerate(sorted(_times(found)))}
    return [
        Operation(
            rows[op.begin], None if op.end is None else rows[op.end], op.f, op.input, op.output
        )
        for op in found
    ]


def _times(ops: list[Operation]) -> list[int]:
    times = [op.begin for op in ops] + [op.end for op in ops if op.end is not None]
    return list(dict.fromkeys(times))


def agree(fast: Validity, ops: list[Operation], model: str) -> None:
    """Compare with the search that knows nothing but intervals and the model's step."""
    slow = linearizable(ops, replace(MODELS[model], forced=None)).validity
    assert slow is not Validity.UNKNOWN, "small histories are decided"
    if fast is not Validity.UNKNOWN:
        assert fast is slow, [str(op) for op in sorted(ops, key=lambda op: op.begin)]


@settings(max_examples=300)
@given(fifo_histories())
def test_the_fast_queue_check_agrees_with_the_search(ops: list[Operation]) -> None:
    """On histories that are mostly wrong."""
    agree(linearizable_fifo(ops).validity, ops, "fifo-queue")


@settings(max_examples=300)
@given(likely_fifo_histories())
def test_the_fast_queue_check_agrees_on_likely_histories(ops: list[Operation]) -> None:
    """On histories that are mostly right."""
    agree(linearizable_fifo(ops).validity, ops, "fifo-queue")


@settings(max_examples=150)
@given(fifo_histories() | likely_fifo_histories())
def test_orders_that_are_forced_change_no_answer(ops: list[Operation]) -> None:
    """They only keep the search from trying what cannot be."""
    agree(linearizable(ops, MODELS["fifo-queue"]).validity, ops, "fifo-queue")


def busy(processes: int, count: int, seed: int) -> list[Operation]:
    """Calls of a real queue by processes that never rest; each takes effect somewhere inside."""
    rng, queue = Random(seed), deque[int]()
    calls: list[tuple[int, str, int | None, bool]] = []
    found: list[Operation] = []
    for row in range(2 * count):
        left = 2 * count - row
        if len(calls) < min(processes, left) and (not calls or rng.random() < 0.7):
            f = rng.choice(("enqueue", "dequeue"))
            early = rng.random() < 0.5
            value: int | None = row if f == "enqueue" else None
            calls.append((row, f, effect(queue, f, value) if early else value, early))
            continue
        begin, f, answer, early = calls.pop(rng.randrange(len(calls)))
        answer = answer if early else effect(queue, f, answer)
        given, got = (answer, None) if f == "enqueue" else (None, answer)
        found.append(Operation(begin, row, f, given, got))
    assert not calls, "every call is answered"
    return found


def effect(queue: deque[int], f: str, value: int | None) -> int | None:
    if f == "dequeue":
        return queue.popleft() if queue else None
    assert value is not None, "an enqueue has a value"
    queue.append(value)
    return value


@pytest.mark.parametrize("seed", range(8))
def test_the_search_decides_hundreds_of_calls_of_ten_processes_almost_at_once(seed: int) -> None:
    """Without the forced orders a million configurations are not enough."""
    ops = busy(10, 500, seed)
    found = linearizable(ops, MODELS["fifo-queue"], visits_max=5_000)
    assert found.validity is Validity.VALID


@given(fifo_histories())
def test_the_fast_queue_check_is_unknown_only_where_it_says(ops: list[Operation]) -> None:
    """Pending dequeues and empty answers together; nothing else is beyond it."""
    answer = linearizable_fifo(ops)
    if answer.validity is Validity.UNKNOWN:
        assert any(op.f == "dequeue" and op.end is None for op in ops)
        assert any(op.f == "dequeue" and op.end is not None and op.output is None for op in ops)


@st.composite
def log_histories(draw: st.DrawFn) -> list[Operation]:
    """Small log histories: appends with any offsets, reads of any place, pending ones of each."""
    appends = draw(st.integers(1, 4))
    reads = draw(st.integers(0, 4))
    ops = []
    for number, (begin, end) in enumerate(intervals(appends + reads, draw)):
        pending = draw(st.integers(0, 3)) == 0
        if number < appends:
            at = draw(st.integers(0, appends - 1))
            ops.append(Operation(begin, None if pending else end, "append", number, at))
        else:
            value = draw(st.sampled_from([None, *range(appends)]))
            place = draw(st.integers(0, appends))
            ops.append(Operation(begin, None if pending else end, "read", place, value))
    return ops


@settings(max_examples=300)
@given(log_histories())
def test_the_fast_log_check_agrees_with_the_search(ops: list[Operation]) -> None:
    """Offsets decide; holes are filled by appends in doubt."""
    agree(linearizable_log(ops).validity, ops, "log")


@settings(max_examples=200)
@given(st.permutations(range(4)), st.data())
def test_the_fast_log_check_agrees_on_likely_histories(
    order: list[int], data: st.DataObject
) -> None:
    """Offsets that exist, in an order that time may or may not allow."""
    ops = []
    spans = intervals(6, data.draw)
    for offset, (value, (begin, end)) in enumerate(zip(order, spans, strict=False)):
        pending = data.draw(st.integers(0, 3)) == 0
        ops.append(Operation(begin, None if pending else end, "append", value, offset))
    for begin, end in spans[4:]:
        place = data.draw(st.integers(0, 4))
        value = data.draw(st.sampled_from([None, order[min(place, 3)]]))
        ops.append(Operation(begin, end, "read", place, value))
    agree(linearizable_log(ops).validity, ops, "log")


@pytest.mark.parametrize(
    ("check", "ops", "why"),
    [
        (linearizable_fifo, [Operation(0, 1, "dequeue", None, "x")], "x was never enqueued"),
        (
            linearizable_fifo,
            [
                Operation(0, 1, "enqueue", "a"),
                Operation(2, 3, "enqueue", "b"),
                Operation(4, 5, "dequeue", None, "b"),
            ],
            "a was enqueued before b, and stayed",
        ),
        (
            linearizable_fifo,
            [Operation(0, 1, "enqueue", "a"), Operation(2, 3, "dequeue", None, None)],
            "at every instant something was in it",
        ),
        (
            linearizable_log,
            [Operation(0, 1, "append", "a", 0), Operation(2, 3, "append", "b", 0)],
            "offset 0 holds both a and b",
        ),
        (
            linearizable_log,
            [Operation(0, 1, "append", "a", 1), Operation(2, 3, "append", "b", 0)],
            "offset 1 was there before it",
        ),
        (linearizable_log, [Operation(0, 1, "append", "a", 1)], "offset 0 is a hole"),
    ],
)
def test_a_contradiction_is_explained(
    check: Callable[[list[Operation]], Any], ops: list[Operation], why: str
) -> None:
    """By the few operations that make it."""
    answer = check(ops)
    assert answer.validity is Validity.INVALID
    assert why in answer.why
    assert set(answer.proof) <= set(ops)
