"""Cycles of Kafka ops have Elle's names and are counted as Elle counts them."""

import json
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from checkers.cycles import Edges, cycles
from checkers.suite import judge
from histories.history import History
from histories.notation import parse_history
from histories.op import Op

NAMES = ("G0", "G1c", "G0-realtime", "G1c-realtime")


def txn(*micros: Any) -> str:
    return json.dumps(list(micros), separators=(",", ":"))


def send(key: int, value: int, offset: int) -> list[Any]:
    return [":send", key, [offset, value]]


def poll(key: int, *pairs: list[int]) -> list[Any]:
    return [":poll", {str(key): list(pairs)}]


def circles(history: History) -> dict[str, int]:
    names = judge(history, workload="kafka").counts["jepsen"]
    return {
        name: count
        for name, count in names.items()
        if name in NAMES or name.endswith("-cycle-exists")
    }


def cyclic(*ops: str) -> dict[str, int]:
    return circles(parse_history("\n".join(ops)))


def test_two_transactions_that_sent_before_each_other_are_g0() -> None:
    one = txn(send(3, 1, 0), send(5, 2, 1))
    other = txn(send(3, 3, 1), send(5, 4, 0))
    assert cyclic(f"0 ok txn {one}", f"1 ok txn {other}") == {"G0": 1, "PL-1-cycle-exists": 1}
    assert cyclic(f"0 ok txn {one}", f"1 ok txn {txn(send(3, 3, 1), send(5, 4, 2))}") == {}


def test_two_transactions_that_polled_each_other_are_g1c_and_invalid() -> None:
    one = txn(send(3, 1, 0), poll(5, [0, 2]))
    other = txn(send(5, 2, 0), poll(3, [0, 1]))
    judgement = judge(parse_history(f"0 ok txn {one}\n1 ok txn {other}"))

    assert judgement.counts["jepsen"] == {"G1c": 1, "PL-2-cycle-exists": 1}
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


def test_a_process_that_polls_before_it_sends_what_another_saw_is_g1c_realtime() -> None:
    """The order of a process is part of real time, and Elle looks for no more than that."""
    ops = (
        '0 invoke poll [[":poll"]]',
        f"0 ok poll {txn(poll(3, [0, 1]))}",
        '0 invoke send [[":send",5,2]]',
        '1 invoke txn [[":poll"],[":send",3,1]]',
        f"0 ok send {txn(send(5, 2, 0))}",
        f"1 ok txn {txn(poll(5, [0, 2]), send(3, 1, 0))}",
    )
    assert cyclic(*ops) == {"G1c-realtime": 1, "strong-PL-2-cycle-exists": 1}


def test_a_send_that_began_later_and_stands_earlier_is_g0_realtime() -> None:
    ops = (
        '0 invoke send [[":send",3,1]]',
        f"0 ok send {txn(send(3, 1, 1))}",
        '1 invoke send [[":send",3,2]]',
        f"1 ok send {txn(send(3, 2, 0))}",
    )
    assert cyclic(*ops) == {"G0-realtime": 1, "strong-PL-1-cycle-exists": 1}
    assert cyclic(ops[0], ops[2], ops[1], ops[3]) == {}


def test_a_component_counts_once_by_the_least_that_makes_it_cyclic() -> None:
    """Two circles of sends that one poll ties together are one G0, as in Elle."""
    ops = [
        f"0 ok txn {txn(send(3, 1, 0), send(5, 2, 1))}",
        f"1 ok txn {txn(send(3, 3, 1), send(5, 4, 0))}",
        f"2 ok txn {txn(send(7, 1, 0), send(9, 2, 1), poll(3, [0, 1]))}",
        f"3 ok txn {txn(send(7, 3, 1), send(9, 4, 0))}",
    ]
    assert cyclic(*ops) == {"G0": 2, "PL-1-cycle-exists": 2}
    ops[0] = f"0 ok txn {txn(send(3, 1, 0), send(5, 2, 1), poll(7, [1, 3]))}"
    assert cyclic(*ops) == {"G0": 1, "PL-1-cycle-exists": 1}


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw transactions on logs that are sound by themselves, sent and polled in any order."""
    count = draw(st.integers(2, 6))
    keys = [draw(st.integers(0, 1)) for _ in range(count)]
    places = draw(st.permutations(range(count)))
    ends = draw(st.permutations([*range(count)] * 2))
    ops: list[Op] = []
    for number in range(count):
        polls = draw(st.lists(st.integers(0, count - 1), max_size=2, unique=True))
        value = [
            [":send", keys[number], [places[number], number]],
            *([":poll", {str(keys[seen]): [[places[seen], seen]]}] for seen in polls),
        ]
        if draw(st.booleans()):
            value.append([":send", 2, [places[number], count + number]])
        type = draw(st.sampled_from(["ok", "ok", "ok", "info"]))
        ops.append(Op(index=0, process=number, type=type, f="txn", value=value))
    lines, begun = [], set[int]()
    for number in ends:
        kind = "invoke" if number not in begun else ops[number].type
        begun.add(number)
        given_value = ops[number].value
        lines.append(Op(index=len(lines), process=number, type=kind, f="txn", value=given_value))
    return History.from_ops(lines)


def literal(history: History) -> dict[str, int]:
    """Count as elle.txn and jepsen.tests.kafka do: component by component, level by level."""
    rows = {op.process: (n, op) for n, op in enumerate(history.ops()) if op.type != "invoke"}
    begins = {op.process: n for n, op in enumerate(history.ops()) if op.type == "invoke"}
    sends: dict[tuple[int, int], tuple[int, Any]] = {}
    polls: list[tuple[tuple[int, int], Any]] = []
    for process, (_, op) in rows.items():
        for micro in op.value:
            if micro[0] == ":send":
                sends[micro[1], micro[2][1]] = (micro[2][0], process)
            else:
                polls += [((int(k), v), process) for k, m in micro[1].items() for _, v in m]
    polled = {name for name, by in polls if rows[by][1].type == "ok"}
    saw = {sends[name][1] for name in polled}
    graph = nx.MultiDiGraph()
    for key in (0, 1, 2):
        known = sorted(
            (offset, by)
            for name, (offset, by) in sends.items()
            if name[0] == key
            and (rows[by][1].type == "ok" or by in saw or any(name == seen for seen, _ in polls))
        )
        for (_, one), (_, other) in pairwise(known):
            if one != other:
                graph.add_edge(one, other, kind="ww")
    for name, by in polls:
        if sends[name][1] != by:
            graph.add_edge(sends[name][1], by, kind="wr")
    for one, (ended, op) in rows.items():
        for other, begun in begins.items():
            if op.type == "ok" and ended < begun:
                graph.add_edge(one, other, kind="realtime")

    counts: dict[str, int] = {}
    for part in nx.strongly_connected_components(graph):
        edges = list(graph.subgraph(part).edges(data="kind"))

        def is_cyclic(*kinds: str, edges: Any = edges) -> bool:
            chosen = nx.DiGraph((one, other) for one, other, kind in edges if kind in kinds)
            return not nx.is_directed_acyclic_graph(chosen)

        if len(part) == 1:
            continue
        found = []
        if is_cyclic("ww"):
            found += ["G0", "PL-1-cycle-exists"]
        else:
            if is_cyclic("ww", "wr"):
                found += ["G1c", "PL-2-cycle-exists"]
            if is_cyclic("ww", "realtime"):
                found += ["G0-realtime", "strong-PL-1-cycle-exists"]
            if not found:
                found += ["G1c-realtime", "strong-PL-2-cycle-exists"]
        for name in found:
            counts[name] = counts.get(name, 0) + 1
    return counts


@settings(max_examples=200, deadline=None)
@given(histories())
def test_components_are_named_and_counted_as_elle_does(history: History) -> None:
    assert circles(history) == literal(history)


def edges_of(pairs: list[tuple[int, int]]) -> Edges:
    table = np.array(pairs, np.int64).reshape(-1, 2)
    nothing = np.zeros(len(table), np.int64)
    return Edges(table[:, 0], table[:, 1], nothing, nothing)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25))
def test_a_cycle_is_told_for_each_component_and_is_the_shortest(
    pairs: list[tuple[int, int]],
) -> None:
    graph = nx.DiGraph(pair for pair in pairs if pair[0] != pair[1])
    components = [part for part in nx.strongly_connected_components(graph) if len(part) > 1]
    found = cycles(edges_of(pairs))

    assert len(found) == len(components)
    for cycle in found:
        nodes = [pairs[edge][0] for edge in cycle]
        assert [pairs[edge][1] for edge in cycle] == [*nodes[1:], nodes[0]]
        part = next(part for part in components if nodes[0] in part)
        girth = min(len(c) for c in nx.simple_cycles(graph.subgraph(part)))
        assert len(cycle) == girth
