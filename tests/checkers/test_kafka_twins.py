"""The kafka checker counts what its literal twin counts."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize("polled", ["[0,1]", "[1,2]"])
def test_a_value_whose_send_never_completed_is_not_unexpected(polled: str) -> None:
    ops = (
        '0 ok send [[":send",3,[0,1]]]',
        '1 invoke send [[":send",3,2]]',
        f'2 ok poll [[":poll",{{"3":[{polled}]}}]]',
    )
    assert "unexpected" not in judge(parse_history("\n".join(ops))).counts["jepsen"]
