"""The kafka checker counts what its literal twin counts, and finds the cycles there are."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkers.cycles import Edges, cycles
from checkers.kafka import jepsen_anomalies, tables_of
from checkers.suite import judge
from histories.history import History
from histories.notation import parse_history
from histories.op import Op
from tests.checkers import slow_kafka

KEYS = ("3", "5")
TYPES = st.sampled_from(["ok", "ok", "ok", "info", "fail"])


@st.composite
def kafka_histories(draw: st.DrawFn) -> History:
    """Draw completions of sends, polls, transactions and assignments, mostly in disorder."""
    ops: list[Op] = []
    sent: list[tuple[str, int, int | None]] = []
    for index in range(draw(st.integers(1, 14))):
        process, type = draw(st.integers(0, 2)), draw(TYPES)
        f = draw(st.sampled_from(["send", "poll", "txn", "poll", "assign"]))
        value: list[Any] = []
        if f == "assign":
            value = [int(key) for key in draw(st.sets(st.sampled_from(KEYS)))]
        for micro in range(0 if f == "assign" else draw(st.integers(1, 2))):
            if f == "send" or (f == "txn" and micro):
                key = draw(st.sampled_from(KEYS))
                number, offset = len(sent), draw(st.none() | st.integers(0, 6))
                sent.append((key, number, offset))
                value.append([":send", int(key), [offset, number]])
            else:
                taken: dict[str, list[Any]] = {}
                chosen = st.lists(st.sampled_from(sent), max_size=4) if sent else st.just([])
                for key, number, offset in draw(chosen):
                    at = offset if draw(st.booleans()) else draw(st.none() | st.integers(0, 6))
                    taken.setdefault(key, []).append([at, number])
                value.append([":poll", taken])
        extra = {"rebalance-log": [{"keys": [3]}]} if draw(st.integers(0, 7)) == 0 else {}
        ops.append(Op(index=index, process=process, type=type, f=f, value=value, extra=extra))
    return History.from_ops(ops)


def acyclic(history: History) -> dict[str, int]:
    return {
        found.name: found.count
        for found in jepsen_anomalies(tables_of(history))
        if not found.name.startswith(("G0", "G1c"))
    }


@settings(max_examples=150, deadline=None)
@given(kafka_histories())
def test_every_anomaly_is_counted_as_its_definition_counts_it(history: History) -> None:
    assert acyclic(history) == slow_kafka.jepsen_anomalies(history)


def txn(*micros: Any) -> str:
    return json.dumps(list(micros), separators=(",", ":"))


def send(key: int, value: int, offset: int) -> list[Any]:
    return [":send", key, [offset, value]]


def poll(key: int, *pairs: list[int]) -> list[Any]:
    return [":poll", {str(key): list(pairs)}]


def cyclic(*ops: str) -> dict[str, Any]:
    names = judge(parse_history("\n".join(ops))).counts["jepsen"]
    return {name: count for name, count in names.items() if name.startswith("G")}


def test_two_transactions_that_sent_before_each_other_are_g0() -> None:
    one = txn(send(3, 1, 0), send(5, 2, 1))
    other = txn(send(3, 3, 1), send(5, 4, 0))
    assert cyclic(f"0 ok txn {one}", f"1 ok txn {other}") == {"G0": 1}
    assert cyclic(f"0 ok txn {one}", f"1 ok txn {txn(send(3, 3, 1), send(5, 4, 2))}") == {}


def test_two_transactions_that_polled_each_other_are_g1c_and_invalid() -> None:
    one = txn(send(3, 1, 0), poll(5, [0, 2]))
    other = txn(send(5, 2, 0), poll(3, [0, 1]))
    judgement = judge(parse_history(f"0 ok txn {one}\n1 ok txn {other}"))

    assert judgement.counts["jepsen"] == {"G1c": 1}
    assert judgement.validity.word == "invalid"
    finding = judgement.anomalies["G1c"].findings[0]
    assert finding.ops == (0, 1)
    assert finding.text == (
        "op 0 sent 1 to key 3, and op 1 polled it; op 1 sent 2 to key 5, and op 0 polled it"
    )


def test_a_cycle_that_needs_the_order_of_offsets_is_counted_and_allowed() -> None:
    one = txn(send(3, 1, 0), poll(5, [1, 4]))
    other = txn(send(3, 2, 1), send(5, 4, 1))
    judgement = judge(parse_history(f"0 ok txn {one}\n1 ok txn {other}"))

    assert judgement.counts["jepsen"]["G1c"] == 1
    assert judgement.anomalies["G1c"].validity.word == "valid"


def test_a_process_that_polls_before_it_sends_what_another_saw_is_g1c_process() -> None:
    ops = (
        f"0 ok poll {txn(poll(3, [0, 1]))}",
        f"0 ok send {txn(send(5, 2, 0))}",
        f"1 ok txn {txn(poll(5, [0, 2]), send(3, 1, 0))}",
    )
    assert cyclic(*ops) == {"G1c-process": 1}


def test_a_send_that_began_later_and_stands_earlier_is_g0_realtime() -> None:
    ops = (
        '0 invoke send [[":send",3,1]]',
        f"0 ok send {txn(send(3, 1, 1))}",
        '1 invoke send [[":send",3,2]]',
        f"1 ok send {txn(send(3, 2, 0))}",
    )
    assert cyclic(*ops) == {"G0-realtime": 1}
    assert cyclic(ops[0], ops[2], ops[1], ops[3]) == {}


def edges(pairs: list[tuple[int, int]]) -> Edges:
    import numpy as np  # noqa: PLC0415 - the tests above read better without it

    table = np.array(pairs, np.int64).reshape(-1, 2)
    nothing = np.zeros(len(table), np.int64)
    return Edges(table[:, 0], table[:, 1], nothing, nothing)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25))
def test_a_cycle_is_told_for_each_component_and_is_the_shortest(
    pairs: list[tuple[int, int]],
) -> None:
    import networkx as nx  # noqa: PLC0415 - the oracle of this test alone

    graph = nx.DiGraph(pair for pair in pairs if pair[0] != pair[1])
    components = [part for part in nx.strongly_connected_components(graph) if len(part) > 1]
    found = cycles(edges(pairs))

    assert len(found) == len(components)
    for cycle in found:
        nodes = [pairs[edge][0] for edge in cycle]
        assert [pairs[edge][1] for edge in cycle] == [*nodes[1:], nodes[0]]
        part = next(part for part in components if nodes[0] in part)
        girth = min(len(c) for c in nx.simple_cycles(graph.subgraph(part)))
        assert len(cycle) == girth


@pytest.mark.parametrize("polled", ["[0,1]", "[1,2]"])
def test_a_value_whose_send_never_completed_is_not_unexpected(polled: str) -> None:
    ops = (
        '0 ok send [[":send",3,[0,1]]]',
        '1 invoke send [[":send",3,2]]',
        f'2 ok poll [[":poll",{{"3":[{polled}]}}]]',
    )
    assert "unexpected" not in judge(parse_history("\n".join(ops))).counts["jepsen"]
