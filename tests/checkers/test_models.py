"""``--model`` judges whole histories: the exact checks and the search say the same of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkers.linearizable import MODELS, linearizability, linearizable, operations
from checkers.verdict import Validity
from histories.history import History
from histories.notation import parse_history
from histories.op import Op


def judged(model: str, text: str) -> Validity:
    return linearizability(parse_history(text), model).validity


@st.composite
def queue_histories(draw: st.DrawFn) -> History:
    """Draw interleaved enqueues, dequeues and drains that may answer anything."""
    ops: list[Op] = []
    open_calls: dict[int, tuple[str, int | None]] = {}
    values = 0
    for _ in range(draw(st.integers(2, 12))):
        process = draw(st.integers(0, 2))
        call = {"index": len(ops), "process": process}
        if process not in open_calls:
            f = draw(st.sampled_from(["enqueue", "dequeue", "dequeue", "drain"]))
            value = values if f == "enqueue" else None
            values += f == "enqueue"
            open_calls[process] = f, value
            ops.append(Op(type="invoke", f=f, value=value, **call))
            continue
        f, given_value = open_calls.pop(process)
        type = draw(st.sampled_from(["ok", "ok", "ok", "fail"]))
        answer: object = given_value
        if f == "dequeue":
            answer = draw(st.none() | st.integers(0, 3))
        elif f == "drain":
            answer = draw(st.lists(st.integers(0, 3), max_size=2, unique=True))
        ops.append(Op(type=type, f=f, value=answer, **call))
    return History.from_ops(ops)


@settings(max_examples=200, deadline=None)
@given(queue_histories())
def test_the_columns_of_a_queue_say_what_the_search_says(history: History) -> None:
    slow = linearizable(operations(history), MODELS["fifo-queue"])
    assert linearizability(history, "fifo-queue").validity is slow.validity


KEYED = """
    0 invoke write [1,5]
    0 ok     write [1,5]
    1 invoke write [2,6]
    1 ok     write [2,6]
    2 invoke read  [1,null]
    2 ok     read  [1,{seen}]
"""


def test_values_of_keys_are_registers_of_their_own() -> None:
    assert judged("register", KEYED.format(seen=5)) is Validity.VALID
    assert judged("register", KEYED.format(seen=6)) is Validity.INVALID


def test_a_keyed_compare_and_set_has_its_key_taken_off() -> None:
    text = KEYED.format(seen=5) + "3 invoke cas [1,[{old},7]]\n3 ok cas [1,[{old},7]]"
    assert judged("cas-register", text.replace("{old}", "5")) is Validity.VALID
    assert judged("cas-register", text.replace("{old}", "6")) is Validity.INVALID


SENDS = """
    0 invoke send a @0
    0 ok     send a @0/{first}
    0 invoke send b @0
    0 ok     send b @0/{second}
    1 invoke pull @0
    1 ok     pull {read} @0
"""


@pytest.mark.parametrize(
    ("first", "second", "read", "validity"),
    [
        (7, 8, "7:a,8:b", Validity.VALID),
        (8, 7, "7:b,8:a", Validity.INVALID),
        (7, 8, "7:b", Validity.INVALID),
        (7, 9, "7:a,9:b", Validity.INVALID),
        (7, 8, "[]", Validity.VALID),
    ],
)
def test_our_sends_and_pulls_are_a_log_a_queue(
    first: int, second: int, read: str, validity: Validity
) -> None:
    text = SENDS.format(first=first, second=second, read=read)
    assert judged("log", text) is validity


def test_queues_are_logs_of_their_own() -> None:
    other = "2 invoke send c @1\n2 ok send c @1/0\n"
    assert judged("log", SENDS.format(first=7, second=8, read="7:a") + other) is Validity.VALID


def test_a_foreign_log_begins_at_nought_and_its_reads_may_find_nothing() -> None:
    text = """
        0 invoke append 5
        0 ok     append {at}
        1 invoke read   0
        1 ok     read   {seen}
    """
    assert judged("log", text.format(at=0, seen=5)) is Validity.VALID
    assert judged("log", text.format(at=0, seen="null")) is Validity.INVALID
    assert judged("log", text.format(at=1, seen="null")) is Validity.INVALID


@pytest.mark.parametrize("model", ["fifo-queue", "unordered-queue"])
def test_a_completion_without_invocation_or_a_model_without_calls_is_unknown(model: str) -> None:
    assert judged(model, "0 ok dequeue 1") is Validity.UNKNOWN
    assert judged(model, "0 invoke enqueue 1\n0 ok enqueue 1\n1 ok dequeue 1") is Validity.UNKNOWN


def test_a_search_that_reaches_its_bound_is_unknown() -> None:
    invokes = "".join(f"{n} invoke enqueue {n}\n" for n in range(9))
    text = invokes + "".join(f"{n} ok enqueue {n}\n" for n in range(9)) + "9 invoke dequeue\n"
    history = parse_history(text + "9 ok dequeue 99")
    verdict = linearizability(history, "unordered-queue", visits_max=100)
    assert verdict.validity is Validity.UNKNOWN
    assert "given up after 100 configurations" in verdict.why[0]
