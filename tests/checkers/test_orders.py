"""Contradictory orders of readers are cycles, and a broker that redelivers is not accused."""

from itertools import combinations, pairwise
from random import Random

import msgspec
import networkx as nx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from checkers.contract import MODES, Contract
from checkers.suite import judge
from checkers.verdict import Validity
from histories.history import History
from histories.op import Op
from tests.checkers.judging import STRICT, found, judged
from tests.checkers.model import ALL, Model

BOTH = """
0 invoke send a @0
2 invoke send b @0
0 ok     send a @0
2 ok     send b @0
"""


def pulls(process: int, *answers: str, queue: int = 0, more: str = "") -> str:
    return "".join(
        f"{process} invoke pull @{queue} {more}\n{process} ok pull {answer} @{queue} {more}\n"
        for answer in answers
    )


DRAIN = "9 invoke drain @0\n9 ok drain {} @0\n"


def contradictions(text: str) -> int:
    count = judged(text).counts["contradictory-orders"]
    assert isinstance(count, int)
    return count


def test_two_readers_that_saw_two_orders_contradict_each_other() -> None:
    text = BOTH + pulls(1, "a,b") + pulls(3, "b,a")
    anomaly = judged(text).anomalies["misordered"]
    assert (anomaly.count, anomaly.validity, anomaly.promise) == (1, Validity.INVALID, "P6")
    finding = anomaly.findings[0]
    assert finding.text == "process 1 was given a before b; process 3 was given b before a"
    assert finding.ops == (4, 5, 6, 7)
    assert finding.data["values"] == ["a", "b"]


@pytest.mark.parametrize("other", [["b", "a"], ["b,a"], ["b", "[]", "a"]])
def test_the_order_of_a_session_goes_on_from_answer_to_answer(other: list[str]) -> None:
    assert contradictions(BOTH + pulls(1, "a", "b") + pulls(3, *other)) == 1


@pytest.mark.parametrize(
    "readers",
    [
        pulls(1, "a,b") + pulls(3, "a,b"),
        pulls(1, "a,b", "a,b") + pulls(3, "a,b,a,b"),
        pulls(1, "a,b") + pulls(3, "a", "a,b", "b"),
        pulls(1, "a,b") + pulls(3, "b") + "3 invoke assign []\n3 ok assign []\n" + pulls(3, "a"),
        pulls(1, "a,b") + pulls(3, "b", more="node=master") + pulls(3, "a", more="node=slave"),
        pulls(1, "a,b") + pulls(3, "b") + pulls(4, "a"),
        pulls(1, "a,b") + DRAIN.format("b") + DRAIN.format("a"),
    ],
    ids=["same", "redelivered", "moved back", "assigned", "other node", "two processes", "drains"],
)
def test_being_given_messages_again_or_elsewhere_contradicts_nobody(readers: str) -> None:
    assert contradictions(BOTH + readers) == 0


def test_queues_have_orders_of_their_own() -> None:
    sent = BOTH.replace("send b @0", "send b @1")
    one = pulls(1, "a") + pulls(1, "b", queue=1)
    other = pulls(3, "b", queue=1) + pulls(3, "a")
    assert contradictions(sent + one + other) == 0


def test_a_crash_of_a_node_may_have_moved_its_readers_back() -> None:
    crash = "".join(
        f"nemesis info kill-master fault=1 phase={phase} targets=master bit=true\n"
        for phase in ("inject", "inject", "cure", "cure")
    )
    assert contradictions(BOTH + pulls(1, "a,b") + pulls(3, "b") + crash + pulls(3, "a")) == 0
    partition = crash.replace("kill-master", "partition class=link")
    assert contradictions(BOTH + pulls(1, "a,b") + pulls(3, "b") + partition + pulls(3, "a")) == 1


def test_what_was_sent_by_two_requests_may_stand_in_the_log_twice() -> None:
    text = BOTH + pulls(1, "a,b") + pulls(3, "b,a")
    assert contradictions(text.replace("ok     send a @0", "ok send a @0 attempts=1")) == 1
    assert contradictions(text.replace("ok     send a @0", "ok send a @0 attempts=2")) == 0
    assert contradictions(text.replace("0 ok     send a @0\n", "")) == 0


def test_a_message_acknowledged_before_another_was_sent_comes_before_it() -> None:
    text = """
    0 invoke send a @0
    0 ok     send a @0
    2 invoke send b @0
    2 {type} send b @0
    """
    finding = judged(text.replace("{type}", "ok") + pulls(1, "b,a")).anomalies["misordered"]
    assert finding.findings[0].ops == (0, 1, 2, 3, 4, 5)
    assert contradictions(text.replace("{type}", "info") + pulls(1, "b,a")) == 1
    assert contradictions(text.replace("{type}", "ok") + pulls(1, "a,b")) == 0
    assert contradictions(BOTH + pulls(1, "b,a")) == 0


def test_three_orders_may_contradict_where_no_two_do() -> None:
    sent = "4 invoke send c @0\n" + BOTH + "4 ok send c @0\n"
    text = sent + pulls(1, "a,b") + pulls(3, "b,c") + pulls(5, "c,a")
    (finding,) = judged(text).anomalies["misordered"].findings
    assert finding.data["values"] == ["a", "b", "c"]


def test_without_a_second_reader_or_a_drain_nothing_is_known() -> None:
    assert judged(BOTH + pulls(1, "b")).validity is Validity.UNKNOWN


QUEUE = """
0 invoke enqueue a
0 ok     enqueue a
0 invoke enqueue b
0 ok     enqueue b
1 invoke {f}
1 ok     {f} {one}
2 invoke {f}
2 ok     {f} {other}
"""


def test_those_who_compete_for_messages_are_only_counted() -> None:
    """A message that comes again may come out of order, and nobody promised more."""
    drains = QUEUE.replace("{f}", "drain").format(one='["a","b"]', other='["b","a"]')
    assert found(drains) == {"duplicated": "valid", "misordered": "valid"}
    same = QUEUE.replace("{f}", "drain").format(one='["a","b"]', other='["a","b"]')
    assert found(same) == {"duplicated": "valid"}
    fetches = QUEUE.replace("enqueue", "publish").replace("{f}", "fetch")
    assert found(fetches.format(one='["a","b"]', other='["b","a"]')) == {"misordered": "valid"}


def without_offsets(ops: list[Op]) -> list[Op]:
    return [
        msgspec.structs.replace(op, value=[[None, *entry[1:]] for entry in op.value])
        if op.f in ("pull", "drain") and isinstance(op.value, list)
        else op
        for op in ops
    ]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), mode=st.sampled_from(MODES), steps=st.integers(20, 120))
def test_a_correct_cluster_contradicts_nobody_under_any_faults(
    seed: int, mode: str, steps: int
) -> None:
    ops = without_offsets(Model(seed, mode, ALL, steps).run())
    judgement = judge(History.from_ops(ops), Contract.parse(mode))
    assert not any("crashed" in reason for reason in judgement.why), judgement.why
    assert judgement.counts["contradictory-orders"] == 0
    assert judgement.validity is not Validity.INVALID, [*judgement.anomalies]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), choice=st.randoms(use_true_random=False))
def test_two_messages_that_change_places_in_one_drain_are_found(seed: int, choice: Random) -> None:
    ops = without_offsets(Model(seed, STRICT, ("kill-slave",), 80).run())
    once = {
        op.value for op in ops if op.f == "send" and op.type == "ok" and len(op.attempts or ()) == 1
    }
    drains = [n for n, op in enumerate(ops) if op.f == "drain" and op.type == "ok"]
    pairs = [
        (n, at)
        for n in drains
        for at, (one, other) in enumerate(pairwise(ops[n].value))
        if one[1] in once and other[1] in once
    ]
    assume(pairs)
    n, at = choice.choice(pairs)
    value = [*ops[n].value]
    value[at], value[at + 1] = value[at + 1], value[at]
    changed = [*ops[:n], msgspec.structs.replace(ops[n], value=value), *ops[n + 1 :]]
    anomalies = judge(History.from_ops(changed), Contract.parse(STRICT)).anomalies
    assert anomalies["misordered"].validity is Validity.INVALID


@st.composite
def readings(draw: st.DrawFn) -> list[list[int]]:
    return draw(st.lists(st.lists(st.integers(0, 4), max_size=5, unique=True), max_size=5))


@settings(max_examples=120, deadline=None)
@given(readings())
def test_a_contradiction_is_a_cycle_of_all_pairs(sessions: list[list[int]]) -> None:
    sends = [f"{n} invoke send v{n} @0\n" for n in range(5)] + [
        f"{n} ok send v{n} @0\n" for n in range(5)
    ]
    text = "".join(sends) + "".join(
        pulls(10 + n, ",".join(f"v{value}" for value in session))
        for n, session in enumerate(sessions)
        if session
    )
    graph = nx.DiGraph(pair for session in sessions for pair in combinations(session, 2))
    tied = [part for part in nx.strongly_connected_components(graph) if len(part) > 1]
    assert contradictions(text) == len(tied)
