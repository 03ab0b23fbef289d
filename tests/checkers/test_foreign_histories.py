"""Histories of Jepsen's queue, set, NATS and Kafka workloads, judged by Jepsen's definitions."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkers.suite import judge, workload_of
from checkers.verdict import Validity
from histories.history import History
from histories.notation import parse_history
from histories.op import Op
from tests.checkers.judging import found, judged


def test_every_element_of_an_ok_drain_is_dequeued() -> None:
    text = """
    0 invoke enqueue 17
    0 ok     enqueue 17
    1 invoke enqueue 18
    1 info   enqueue 18
    2 invoke enqueue 20
    2 fail   enqueue 20
    3 invoke dequeue
    3 ok     dequeue 17
    3 invoke drain
    3 ok     drain 18,17,19,20
    """
    counts = judged(text).counts
    assert {name: n for name, n in counts.items() if name.endswith("-count")} == {
        "attempt-count": 3,
        "acknowledged-count": 1,
        "ok-count": 3,
        "lost-count": 0,
        "unexpected-count": 1,
        "duplicated-count": 1,
        "recovered-count": 2,
        "aborted-count": 1,
    }
    assert found(text) == {
        "aborted": "invalid",
        "duplicated": "valid",
        "recovered": "valid",
        "unexpected": "invalid",
    }


@pytest.mark.parametrize(
    ("drain", "lost", "validity"),
    [
        ("1 invoke drain\n1 ok drain []", "invalid", Validity.INVALID),
        ("1 invoke drain\n1 info drain", "unknown", Validity.UNKNOWN),
        ("", "unknown", Validity.UNKNOWN),
    ],
)
def test_a_loss_is_certain_only_after_an_ok_drain(
    drain: str, lost: str, validity: Validity
) -> None:
    text = f"0 invoke enqueue 1\n0 ok enqueue 1\n{drain}"
    assert found(text) == {"lost": lost}
    assert judged(text).validity is validity


def test_the_drain_that_began_last_is_what_counts_though_another_ended_later() -> None:
    """One that was under way all the time need not hold what came meanwhile; the other must."""
    overlapping = """
    0 invoke drain
    1 invoke enqueue 1
    1 ok     enqueue 1
    2 invoke drain
    2 ok     drain []
    0 ok     drain []
    """
    assert judged(overlapping).anomalies["lost"].validity is Validity.INVALID
    alone = "\n".join(line for line in overlapping.splitlines() if "2 " not in line)
    assert judged(alone).anomalies["lost"].validity is Validity.UNKNOWN


@pytest.mark.parametrize(
    ("put", "look"), [("enqueue", "drain"), ("add", "read"), ("publish", "fetch")]
)
def test_what_is_put_in_when_the_last_look_has_begun_need_not_be_seen(put: str, look: str) -> None:
    """A history that was cut short, or clients that went on: nobody looked again."""
    late = f"""
    0 invoke {put} 0-1
    0 ok     {put} 0-1
    1 invoke {look}
    0 invoke {put} 0-2
    0 ok     {put} 0-2
    1 ok     {look} ["0-1"]
    """
    judgement = judged(late)
    assert judgement.validity is Validity.UNKNOWN
    assert judgement.verdicts
    lost = judged(late.replace('["0-1"]', "[]")).anomalies["lost"]
    assert (lost.validity, lost.findings[0].data["value"]) == (Validity.INVALID, "0-1")


steps = st.lists(
    st.tuples(st.sampled_from(["ok", "info", "fail", "dequeue"]), st.integers(0, 3)), max_size=14
)


@given(steps)
def test_the_counts_are_those_of_jepsens_multisets(drawn: list[tuple[str, int]]) -> None:
    ops: list[dict[str, object]] = []
    attempts, enqueues, dequeues = Counter[int](), Counter[int](), Counter[int]()
    for process, (what, value) in enumerate(drawn):
        f = "dequeue" if what == "dequeue" else "enqueue"
        ops.append({"process": process, "type": "invoke", "f": f, "value": value})
        ended = "ok" if f == "dequeue" else what
        ops.append({"process": process, "type": ended, "f": f, "value": value})
        dequeues[value] += f == "dequeue"
        attempts[value] += f == "enqueue"
        enqueues[value] += what == "ok"
    ops.append({"process": 99, "type": "ok", "f": "drain", "value": []})
    history = History.from_ops(Op(index=n, **op) for n, op in enumerate(ops))  # type: ignore[arg-type]
    counts = judge(history, workload="queue").counts
    came = dequeues & attempts
    unexpected = Counter({v: n for v, n in dequeues.items() if not attempts[v]})
    assert counts["ok-count"] == came.total()
    assert counts["lost-count"] == (enqueues - dequeues).total()
    assert counts["unexpected-count"] == unexpected.total()
    assert counts["duplicated-count"] == (dequeues - attempts - unexpected).total()
    assert counts["recovered-count"] == (came - enqueues).total()


def test_a_set_must_hold_what_was_added() -> None:
    text = """
    0 invoke add 1
    0 ok     add 1
    0 invoke add 2
    0 info   add 2
    0 invoke add 3
    0 ok     add 3
    1 invoke read
    1 ok     read [2,3,9]
    """
    assert found(text) == {"lost": "invalid", "recovered": "valid", "unexpected": "invalid"}
    assert judged(text).counts["lost-count"] == 1


def test_an_element_that_was_read_and_vanished_is_lost_though_its_add_was_in_doubt() -> None:
    text = """
    0 invoke add 1
    0 info   add 1
    1 invoke read
    1 ok     read [1]
    1 invoke read
    1 ok     read []
    """
    assert found(text)["lost"] == "invalid"
    assert judged(text).counts["set-full"]["lost-count"] == 1


def test_nats_tells_where_in_its_producers_sequence_a_loss_stands() -> None:
    sends = "".join(f"0 invoke publish 0-{n}\n0 ok publish 0-{n}\n" for n in range(5))
    text = sends + '1 invoke fetch\n1 ok fetch ["0-1","0-3"]'
    assert judged(text).counts["lost"] == {"prefix": 1, "middle": 1, "suffix": 1}


def kafka(*lines: str) -> History:
    return parse_history("\n".join(lines))


SENDS = (
    '0 invoke send [[":send",3,711]]',
    '0 ok send [[":send",3,[0,711]]]',
    '0 invoke send [[":send",3,712]]',
    '0 {outcome} send [[":send",3,{second}]]',
)


@pytest.mark.parametrize(
    ("outcome", "second", "polled", "expected"),
    [
        ("ok", "[1,712]", "[0,711],[1,712]", {}),
        ("ok", "[0,712]", "[0,711],[0,712]", {"inconsistent-offsets", "int-nonmonotonic-poll",
                                              "nonmonotonic-send"}),
        ("ok", "[1,712]", "[0,711]", {"unseen"}),
        ("fail", "712", "[0,711],[1,712]", {"G1a"}),
        ("ok", "[1,712]", "[1,712]", {"lost-write", "unseen"}),
        ("ok", "[1,712]", "[0,711],[1,712],[2,712]", {"duplicate", "int-nonmonotonic-poll"}),
        ("ok", "[1,712]", "[1,712],[0,711]", {"int-nonmonotonic-poll"}),
        ("ok", "[1,712]", "[0,711],[1,712],[2,9]", {"unexpected"}),
    ],
)  # fmt: skip
def test_kafka_anomalies_have_jepsens_names(
    outcome: str, second: str, polled: str, expected: set[str]
) -> None:
    lines = [line.format(outcome=outcome, second=second) for line in SENDS]
    poll = ('1 invoke poll [[":poll"]]', f'1 ok poll [[":poll",{{"3":[{polled}]}}]]')
    history = kafka(*lines, *poll)
    assert workload_of(history) == "kafka"
    judgement = judge(history)
    assert not any("crashed" in reason for reason in judgement.why), judgement.why
    assert set(judgement.counts["jepsen"]) == set(expected)


def test_a_consumer_that_subscribes_may_skip_and_one_that_assigns_may_not() -> None:
    def lines(f: str) -> list[str]:
        return [
            *(f'0 ok send [[":send",3,[{n},{n}]]]' for n in range(3)),
            f"1 ok {f} [3]",
            '1 ok poll [[":poll",{"3":[[0,0]]}]]',
            '1 ok poll [[":poll",{"3":[[2,2]]}]]',
            '2 ok poll [[":poll",{"3":[[1,1]]}]]',
        ]

    assert judge(kafka(*lines("assign"))).anomalies["pull-skip"].validity is Validity.INVALID
    assert judge(kafka(*lines("subscribe"))).anomalies["pull-skip"].validity is Validity.VALID


def test_an_unknown_workload_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="expected one of ours, queue"):
        judge(parse_history("0 invoke enqueue 1"), workload="quue")
