"""A run that could not have found anything is unknown: one test for each way to that."""

import pytest

from checkers.suite import judge
from checkers.verdict import Validity
from histories.notation import parse_history
from tests.checkers.judging import judged

KILL = "nemesis info kill-slave fault=1 phase={} targets=slave"
GOOD = f"""
0 invoke send a @0
0 ok     send a @0/0 node=master
1 invoke pull @0/0 node=master
1 ok     pull 0:a @0/0 node=master
{KILL.format("inject")}
{KILL.format("inject")} bit=true
0 invoke send b @0
0 ok     send b @0/1 node=master
1 invoke pull @0/1 node=master
1 ok     pull 1:b @0/1 node=master
{KILL.format("cure")}
{KILL.format("cure")} bit=true
2 invoke drain @0 node=master
2 ok     drain 0:a,1:b @0 node=master certified=true min_offset=0 max_offset=2
2 invoke drain @0 node=slave
2 ok     drain 0:a,1:b @0 node=slave certified=true min_offset=0 max_offset=2
"""


def changed(*changes: tuple[str, str]) -> str:
    text = GOOD
    for old, new in changes:
        assert old in text, f"{old!r} is not in the history"
        text = text.replace(old, new)
    return text


def test_a_run_that_shows_what_it_must_is_valid() -> None:
    assert judged(GOOD).validity is Validity.VALID


UNCERTIFIED = "certified=false min_offset=0 max_offset=2"
CERTIFIED = "certified=true min_offset=0 max_offset=2"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([("ok     send", "info   send")], "no send was acknowledged"),
        ([("ok     pull", "fail   pull")], "no pull was answered"),
        ([("pull 0:a @0/0", "pull [] @0/0"), ("pull 1:b @0/1", "pull [] @0/1")],
         "no pull was given a message"),
        ([("1 ok     pull 1:b", "1 fail   pull 1:b")], "no pull was answered after a fault"),
        ([("2 invoke drain @0 node=slave\n", ""),
          (f"2 ok     drain 0:a,1:b @0 node=slave {CERTIFIED}\n", "")], "T/0: no certified drain"),
        ([("2 ok     drain 0:a,1:b @0 node=slave", "2 info   drain @0 node=slave")],
         "no certified drain after the last cure on slave"),
        ([("ok     drain", "fail   drain")], "on master, slave"),
        ([(CERTIFIED, UNCERTIFIED)], "no certified drain"),
        ([("phase=inject targets=slave bit=true", "phase=inject targets=slave bit=false")],
         "not proven to have bitten"),
        ([("phase=inject targets=slave bit=true", "phase=inject targets=slave")],
         "not proven to have bitten"),
        ([(f"{KILL.format('cure')} bit=true\n", "")], "not known to have been cured"),
        ([("phase=cure targets=slave bit=true", "phase=cure targets=slave bit=false")],
         "could not be cured"),
        ([(f"{KILL.format('cure')}\n", ""), (f"{KILL.format('cure')} bit=true\n", "")],
         "never cured"),
        ([("0 invoke send b @0\n0 ok     send b @0/1 node=master\n", ""),
          ("1 ok     pull 1:b", "1 ok     pull []"), ("0:a,1:b", "0:a"),
          ("max_offset=2", "max_offset=1")], "no send was attempted while a fault was on"),
        ([("0 ok     send b @0/1 node=master", "0 info   send b @0")],
         "writes were possible, but no send was ok while it was on"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_was_not_shown_makes_the_verdict_unknown(
    changes: list[tuple[str, str]], reason: str
) -> None:
    judgement = judged(changed(*changes))
    assert judgement.validity is Validity.UNKNOWN, judgement.anomalies
    assert any(reason in why for why in judgement.why), judgement.why


def test_an_empty_drain_after_acknowledgements_is_a_loss_and_no_vacuity() -> None:
    empty = changed(("drain 0:a,1:b", "drain []"), ("max_offset=2", "max_offset=0"))
    assert judged(empty).validity is Validity.INVALID


def test_an_empty_drain_of_an_empty_queue_proves_nothing() -> None:
    text = "2 invoke drain @0 node=master\n2 ok drain [] @0 node=master certified=true"
    assert judged(text + " min_offset=0 max_offset=0").validity is Validity.UNKNOWN


def test_an_empty_history_is_unknown() -> None:
    assert judged("").validity is Validity.UNKNOWN


@pytest.mark.parametrize(
    ("proof", "others", "expected"),
    [
        ("NothingToHitError:no-log", "kill-slave", Validity.VALID),
        ("NothingToHitError:no-log", "kill-master", Validity.UNKNOWN),  # none of its name bit
        ("TargetError:no-answer", "kill-slave", Validity.UNKNOWN),
    ],
)
def test_a_fault_that_found_nothing_to_hit_did_not_happen(
    proof: str, others: str, expected: Validity
) -> None:
    missed = "nemesis info kill-slave fault=2 phase={} targets=slave"
    lines = [
        missed.format("inject"),
        f"{missed.format('inject')} bit=false proof={proof}",
        missed.format("cure"),
        f"{missed.format('cure')} bit=true",
    ]
    text = changed((f"{KILL.format('cure')}\n", "\n".join([*lines, KILL.format("cure"), ""])))
    text = text.replace("kill-slave fault=1", f"{others} fault=1")
    assert judged(text).validity is expected, judged(text).why


def test_a_run_without_the_faults_that_were_asked_for_is_unknown() -> None:
    calm = parse_history("\n".join(line for line in GOOD.splitlines() if "nemesis" not in line))
    assert judge(calm).validity is Validity.VALID
    judgement = judge(calm, faults_expected=True)
    assert judgement.validity is Validity.UNKNOWN
    assert "no fault was injected" in judgement.why


@pytest.mark.parametrize(
    ("workload", "text", "reason"),
    [
        ("queue", "0 invoke enqueue 1\n0 info enqueue 1\n1 ok drain []", "no enqueue was ok"),
        ("queue", "0 invoke enqueue 1\n0 ok enqueue 1", "no dequeue or drain was ok"),
        ("set", "0 invoke add 1\n0 info add 1\n1 ok read []", "no add was ok"),
        ("set", "0 invoke add 1\n0 ok add 1", "no read was ok"),
        ("nats", "0 invoke publish 0-1\n0 info publish 0-1\n1 ok fetch []", "no publish was ok"),
        ("nats", "0 invoke publish 0-1\n0 ok publish 0-1", "no fetch or next-message was ok"),
        ("kafka", '0 ok send [[":send",3,[0,1]]]', "no poll or txn was ok"),
        ("kafka", '0 ok poll [[":poll",{}]]', "no send or txn was ok"),
        ("kafka", "", "no send or txn was ok"),
    ],
)  # fmt: skip
def test_a_foreign_history_in_which_nobody_wrote_or_read_is_unknown(
    workload: str, text: str, reason: str
) -> None:
    judgement = judge(parse_history(text), workload=workload)
    assert judgement.validity is Validity.UNKNOWN, judgement.anomalies
    assert reason in judgement.why
