"""A group starts again by what the node that it asks must know: told, or copied long enough ago."""

import pytest

from checkers.contract import Contract
from checkers.suite import judge
from histories.notation import parse_history

HISTORY = """
0 invoke send a @0
0 ok     send a @0/0
0 invoke send b @0
0 ok     send b @0/1
0 invoke send c @0
0 ok     send c @0/2
1 invoke pull @0/0 node=master group=g
1 ok     pull 0:a,1:b,2:c @0/0 node=master group=g next_offset=3
{before}
2 invoke assign [["T",0]] node={asked} group=g time={now}
2 ok     assign [["T",0]] node={asked} group=g time={now}
2 invoke pull @0/{start} node={asked} group=g time={now}
2 ok     pull @0/{start} node={asked} group=g time={now}
"""
COPY_MS = 1000
KILL = """
nemesis info {name} fault=1 phase=inject targets={targets} class={class_} time=100
nemesis info {name} fault=1 phase=inject targets={targets} class={class_} bit=true time=100
nemesis info {name} fault=1 phase=cure targets={targets} class={class_} time=150
nemesis info {name} fault=1 phase=cure targets={targets} class={class_} bit=true time=150
"""


def commit(node: str, offset: int, at_ms: int, outcome: str = "ok") -> str:
    words = f"commit @0/{offset} node={node} group=g time={at_ms}"
    return f"1 invoke {words}\n1 {outcome} {words}\n"


def fault(name: str, targets: str, class_: str) -> str:
    return KILL.format(name=name, targets=targets, class_=class_)


def verdict(
    before: str, asked: str, start: int, now_ms: int, anomaly: str = "commit-regressed"
) -> str:
    """Say how a start off a commit is judged; empty if nothing was found."""
    text = HISTORY.format(before=before, asked=asked, start=start, now=now_ms)
    lines = [_in_ns(line) for line in text.strip().splitlines() if line.strip()]
    judgement = judge(parse_history("\n".join(lines)), Contract(copy_ms=COPY_MS), "ours")
    found = judgement.anomalies.get(anomaly)
    return found.validity.word if found else ""


def _in_ns(line: str) -> str:
    head, _, at_ms = line.partition(" time=")
    return f"{head} time={int(at_ms or 0) * 1_000_000}"


@pytest.mark.parametrize(
    ("asked", "start", "now_ms", "expected"),
    [
        ("slave", 2, 200, ""),
        ("slave", 1, 200, "valid"),  # it may not have copied that yet
        ("slave", 1, 1300, "invalid"),
        ("slave", 2, 1300, ""),
        ("master", 1, 200, "invalid"),
    ],
)
def test_a_slave_knows_what_its_master_was_told_a_copy_ago(
    asked: str, start: int, now_ms: int, expected: str
) -> None:
    assert verdict(commit("master", 2, 200), asked, start, now_ms) == expected


@pytest.mark.parametrize(
    ("asked", "start", "now_ms", "expected"),
    [
        ("slave", 3, 2000, ""),
        ("slave", 2, 2000, "invalid"),  # defect 6: the master's copy has overwritten it
        ("master", 2, 2000, ""),  # A3: a master is not told what its slave is
        ("master", 1, 2000, "invalid"),
    ],
)
def test_a_slave_does_not_forget_what_it_was_told_itself(
    asked: str, start: int, now_ms: int, expected: str
) -> None:
    told = commit("master", 2, 200) + commit("slave", 3, 1500)
    assert verdict(told, asked, start, now_ms) == expected


def test_a_step_back_at_the_master_may_be_the_last_that_a_slave_hears() -> None:
    """A reset that was copied after the slave's own commit is followed (``broker/tables``)."""
    told = commit("master", 2, 100) + commit("master", 1, 1400) + commit("slave", 3, 1500)
    assert verdict(told, "slave", 1, 2000) == ""
    assert verdict(told, "slave", 0, 2000) == "invalid"
    long_ago = commit("master", 2, 100) + commit("master", 1, 200) + commit("slave", 3, 1500)
    assert verdict(long_ago, "slave", 1, 2000) == "invalid"


def test_a_commit_in_doubt_may_stand_whenever_it_was() -> None:
    told = commit("master", 1, 100, "info") + commit("slave", 3, 1500)
    assert verdict(told, "slave", 1, 2000) == ""


@pytest.mark.parametrize(
    ("name", "targets", "class_", "expected"),
    [
        ("kill-slave", "slave", "process", "valid"),
        ("partition-replication", "slave->master-ha", "link", "valid"),
        ("partition-client-master", "client->master", "link", "invalid"),
    ],
)
def test_nothing_is_certain_of_a_copy_around_a_fault(
    name: str, targets: str, class_: str, expected: str
) -> None:
    told = fault(name, targets, class_) + commit("master", 2, 200)
    assert verdict(told, "slave", 1, 5000) == expected


def pull(node: str, at_ms: int) -> str:
    words = f"@0/2 node={node} group=g"
    time = f"time={at_ms}"
    return f"1 invoke pull {words} {time}\n1 ok pull 2:c {words} next_offset=3 {time}\n"


@pytest.mark.parametrize(
    ("between", "pulled_from", "expected"),
    [
        ("", "slave", "valid"),  # its log is ahead of the master's since then
        ("", "master", "invalid"),
        ("resynchronise", "slave", "invalid"),  # the logs are one again
    ],
)
def test_what_was_pulled_from_a_slave_whose_master_was_set_back_is_of_another_log(
    between: str, pulled_from: str, expected: str
) -> None:
    """A master that lost its tail clamps what it is told to the end that it has now."""
    told = fault("set-back-master", "master", "disk")
    if between:
        command = fault(between, "slave", "other").replace("fault=1", "fault=2")
        told += command.replace("time=100", "time=200").replace("time=150", "time=250")
    told += pull(pulled_from, 300) + commit("master", 3, 400)
    assert verdict(told, "master", 1, 500) == expected


@pytest.mark.parametrize(
    ("between", "asked", "expected"),
    [
        ("", "slave", "valid"),  # it copied 3 before, and nothing since
        ("", "master", "invalid"),
        ("resynchronise", "slave", "invalid"),
    ],
)
def test_a_slave_whose_master_was_set_back_knows_what_it_knew(
    between: str, asked: str, expected: str
) -> None:
    told = commit("master", 3, 50) + fault("set-back-master", "master", "disk")
    if between:
        told += fault(between, "slave", "other").replace("fault=1", "fault=2")
    told += pull("master", 1000) + commit("master", 1, 1100)
    assert verdict(told, asked, 3, 5000, "commit-jumped") == expected
