"""A node whose log was damaged may have a record that nobody can read; others may not."""

import pytest

from checkers.case import Case
from checkers.consumption import consumption
from checkers.contract import Contract
from checkers.offsets import offsets
from checkers.suite import Judgement, judge
from checkers.verdict import Validity
from histories.notation import parse_history

HOLE = """
    nemesis  info  bit-flip  fault=1 phase=inject class={fault_class} targets={node}
    nemesis  info  bit-flip  fault=1 phase=inject class={fault_class} targets={node} bit=true
    nemesis  info  bit-flip  fault=1 phase=cure class={fault_class} targets={node}
    nemesis  info  bit-flip  fault=1 phase=cure class={fault_class} targets={node} bit=true
    1  invoke  drain  @0  node=master
    1  ok      drain  0:a,2:c  @0  node=master min_offset=0 max_offset=3
"""


def judged(fault_class: str, node: str) -> Validity:
    text = HOLE.format(fault_class=fault_class, node=node)
    return offsets(Case(parse_history(text), Contract())).anomalies["hole"].validity


def test_damage_may_leave_a_hole_on_its_node() -> None:
    """Counted, and not held against the broker: the other node still has the record."""
    assert judged("damage", "master") is Validity.VALID


def test_damage_of_the_other_node_excuses_nothing() -> None:
    """The master's disk was sound."""
    assert judged("damage", "slave") is Validity.INVALID


def test_a_crash_excuses_no_hole() -> None:
    """A process that dies damages nothing."""
    assert judged("process", "master") is Validity.INVALID


COPY = """
    1  invoke  drain  @0  node=slave
    1  ok      drain  {slave}  @0  node=slave min_offset=0 max_offset={end}
"""


@pytest.mark.parametrize(("slave", "end"), [("0:a,2:c", 3), ("0:a,3:d", 4)])
def test_a_slave_may_copy_what_was_damaged_on_its_master(slave: str, end: int) -> None:
    """It enters a record by its bits, the master by its queue: one may have a hole alone."""
    text = HOLE.format(fault_class="damage", node="master") + COPY.format(slave=slave, end=end)

    found = offsets(Case(parse_history(text), Contract())).anomalies["hole"]

    assert (found.count, found.validity) == (2, Validity.VALID)


def test_a_master_copies_from_nobody() -> None:
    """A slave's damage explains nothing on the master, though both show the same."""
    text = HOLE.format(fault_class="damage", node="slave")
    text += COPY.format(slave="0:a,2:c", end=3)

    assert offsets(Case(parse_history(text), Contract())).anomalies["hole"].validity is (
        Validity.INVALID
    )


SKIP = """
    0  invoke  send  a  @0
    0  ok      send  a  @0/0
    0  invoke  send  b  @0
    0  ok      send  b  @0/1
    0  invoke  send  c  @0
    0  ok      send  c  @0/2
    nemesis  info  bit-flip  fault=1 phase=inject class={fault_class} targets={node}
    nemesis  info  bit-flip  fault=1 phase=inject class={fault_class} targets={node} bit=true
    1  invoke  pull  @0/0  node=slave
    1  ok      pull  0:a,2:c  @0/0  node=slave
    1  invoke  pull  @0/1  node=slave
    1  ok      pull  2:c  @0/1  node=slave
"""


@pytest.mark.parametrize(
    ("fault_class", "node", "validity"),
    [
        ("damage", "slave", Validity.VALID),
        ("damage", "master", Validity.VALID),
        ("process", "slave", Validity.INVALID),
    ],
)
def test_a_reader_may_pass_over_what_was_damaged(
    fault_class: str, node: str, validity: Validity
) -> None:
    """A bad record is given to nobody: neither between two others, nor at the beginning."""
    text = SKIP.format(fault_class=fault_class, node=node)

    found = consumption(Case(parse_history(text), Contract())).anomalies["pull-skip-inside"]

    assert (found.count, found.validity) == (2, validity)


WHOLE_BUT_FOR_ONE = """
    0  invoke  send  a  @0
    0  ok      send  a  @0/0  node=master physical_offset=0
    0  invoke  send  b  @0
    0  ok      send  b  @0/1  node=master physical_offset=100
    0  invoke  send  c  @0
    0  ok      send  c  @0/2  node=master physical_offset=200
    nemesis  info  bit-flip  fault=1 phase=inject class={fault_class} targets={node}
    nemesis  info  bit-flip  fault=1 phase=inject class={fault_class} targets={node} bit=true
    0  invoke  send  d  @0
    0  ok      send  d  @0/3  node=master physical_offset=300
    nemesis  info  bit-flip  fault=1 phase=cure class={fault_class} targets={node}
    nemesis  info  bit-flip  fault=1 phase=cure class={fault_class} targets={node} bit=true
    0  invoke  send  e  @0
    0  ok      send  e  @0/4  node=master physical_offset=400
    0  invoke  send  f  @0
    0  ok      send  f  @0/5  node=master physical_offset=500
    1  invoke  drain  @0  node=master
    1  ok      drain  {master}  @0  node=master min_offset=0 max_offset=6 certified=false
    1  invoke  drain  @0  node=slave
    1  ok      drain  {slave}  @0  node=slave min_offset=0 max_offset={slave_end} certified=true
"""
ASYNC = Contract.parse("ASYNC_MASTER+ASYNC_FLUSH")


def of_damaged(
    master: str = "0:a,2:c,3:d,4:e,5:f",
    slave: str = "0:a,1:b,2:c,3:d,4:e,5:f",
    *,
    slave_end: int = 6,
    fault_class: str = "damage",
    node: str = "master",
) -> Judgement:
    text = WHOLE_BUT_FOR_ONE.format(
        fault_class=fault_class, node=node, master=master, slave=slave, slave_end=slave_end
    )
    return judge(parse_history(text), ASYNC)


def test_a_drain_that_passed_over_a_bad_record_alone_has_read_all_that_there_is() -> None:
    """Else one flipped bit takes the proof from a whole night."""
    assert of_damaged().validity is Validity.VALID, of_damaged().why


@pytest.mark.parametrize("master", ["0:a,2:c,3:d,4:e", "1:b,3:d,4:e,5:f", "[]"])
def test_one_that_did_not_come_from_end_to_end_has_not(master: str) -> None:
    judgement = of_damaged(master)
    assert judgement.validity is Validity.UNKNOWN
    assert "T/0: no certified drain after the last cure on master" in judgement.why


@pytest.mark.parametrize(("fault_class", "node"), [("damage", "slave"), ("power", "master")])
def test_nor_has_one_of_a_node_whose_bits_are_sound(fault_class: str, node: str) -> None:
    judgement = of_damaged(fault_class=fault_class, node=node)
    assert judgement.anomalies["hole"].validity is Validity.INVALID
    assert "T/0: no certified drain after the last cure on master" in judgement.why


def test_a_bad_record_that_nobody_else_has_is_lost_as_the_contract_allows() -> None:
    """A power cut takes a suffix, all that lies behind, too; a bit is in one place."""
    judgement = of_damaged(slave="0:a", slave_end=1)
    lost = judgement.anomalies["allowed-loss"]
    assert (lost.count, lost.findings[0].data["value"]) == (1, "b")
    assert "lost" not in judgement.anomalies


def test_what_was_sent_after_the_cure_was_not_damaged() -> None:
    judgement = of_damaged("0:a,1:b,2:c,3:d,5:f", slave="0:a", slave_end=1)
    assert judgement.anomalies["lost"].findings[0].data["value"] == "e"


BAD_RECORD = """
    0  invoke  send  a  @0
    0  ok      send  a  @0/0  node=master
    0  invoke  send  b  @0
    0  ok      send  b  @0/1  node=master
    0  invoke  send  c  @0
    0  ok      send  c  @0/2  node=master
    nemesis  info  bit-flip  fault=1 phase=inject class={fault_class} targets=master
    nemesis  info  bit-flip  fault=1 phase=inject class={fault_class} targets=master bit=true
    0  invoke  send  d  @0
    0  ok      send  d  @0/3  node=master
    nemesis  info  bit-flip  fault=1 phase=cure class={fault_class} targets=master
    nemesis  info  bit-flip  fault=1 phase=cure class={fault_class} targets=master bit=true
    1  invoke  drain  @0  node=slave
    1  ok      drain  {slave}  @0  node=slave min_offset=0 max_offset={end} certified=true
    {master}
"""
BOUNDS = "@0 node=master min_offset=0 max_offset=4 certified=false"


def of_a_bad_record(
    master: dict[str, str], slave: str = "0:a,1:b,2:c,3:d", fault_class: str = "damage"
) -> Judgement:
    lines = []
    for ending, value in master.items():
        word = "fail" if ending.startswith("@0/") else "ok"
        lines += ["1 invoke drain @0 node=master", f"1 {word} drain {value} {ending}"]
    end = slave.count(":")
    text = BAD_RECORD.format(fault_class=fault_class, slave=slave, end=end, master="\n".join(lines))
    return judge(parse_history(text), ASYNC)


PART = "@0 node=master certified=false"
BLANK = "\\u0020"
ERROR = f'node=master error="expected{BLANK}records,{BLANK}got{BLANK}9{BLANK}bytes"'
FIRST = {f"@0/0 {ERROR}": "", BOUNDS: "1:b,2:c,3:d"}
INSIDE = {PART: "0:a", f"@0/1 {ERROR}": "", BOUNDS: "2:c,3:d"}
LAST = {PART: "0:a,1:b,2:c", f"@0/3 {ERROR}": "", BOUNDS: "[]"}


@pytest.mark.parametrize("master", [FIRST, INSIDE, LAST])
def test_a_drain_that_names_the_bad_record_has_read_all_that_there_is(
    master: dict[str, str],
) -> None:
    """Wherever it is: in the middle, or at an end of the queue."""
    judgement = of_a_bad_record(master)
    assert judgement.validity is Validity.VALID, judgement.why


def test_what_stands_behind_a_bad_record_is_missed() -> None:
    """The drain that went on behind it is proof enough."""
    judgement = of_a_bad_record(INSIDE | {BOUNDS: "3:d"}, slave="0:a,1:b")
    assert judgement.validity is Validity.UNKNOWN
    judgement = of_a_bad_record(INSIDE | {BOUNDS: "2:c"}, slave="0:a,1:b,2:c")
    assert judgement.validity is Validity.UNKNOWN


def test_a_drain_that_failed_for_another_reason_has_read_nothing() -> None:
    master = {PART: "0:a", "@0/1 node=master error=ClosedError": "", BOUNDS: "2:c,3:d"}
    assert of_a_bad_record(master).validity is Validity.UNKNOWN


def test_a_bad_record_on_a_sound_disk_is_no_excuse() -> None:
    judgement = of_a_bad_record(INSIDE, fault_class="process")
    assert judgement.validity is Validity.INVALID
