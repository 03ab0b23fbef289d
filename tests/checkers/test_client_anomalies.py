"""What may be wrong with pulls, commits, statuses and outages, each in its smallest history."""

from random import Random

import msgspec
import pytest

from checkers.availability import outages
from checkers.impact import impact
from checkers.verdict import Validity
from nemesis.registry import PACKAGES
from nemesis.topology import Topology
from tests.checkers.judging import LAX, STRICT, case_of, found, judged

THREE = """
0 invoke send a @0
0 ok     send a @0/0 node=master status=SEND_OK
0 invoke send b @0
0 ok     send b @0/1 node=master status=SEND_OK
0 invoke send c @0
0 ok     send c @0/2 node=master status=SEND_OK
"""
ASSIGN = '1 invoke assign [["T",0]]\n1 ok assign [["T",0]]\n'


def pulls(*entries: str, between: str = "", node: str = "master") -> str:
    lines = [
        f"1 invoke pull @0 node={node}\n1 ok pull {entry} @0 node={node}\n" for entry in entries
    ]
    return THREE + between.join(lines)


@pytest.mark.parametrize(
    ("entries", "name"),
    [
        (["0:a,2:c"], "pull-skip-inside"),
        (["0:a", "2:c"], "pull-skip"),
        (["1:b,0:a"], "nonmonotonic-pull-inside"),
        (["0:a,0:a"], "nonmonotonic-pull-inside"),
        (["1:b", "0:a"], "nonmonotonic-pull"),
        (["1:b", "1:b"], "nonmonotonic-pull"),
    ],
)
def test_a_consumer_neither_skips_nor_goes_back(entries: list[str], name: str) -> None:
    anomalies = found(pulls(*entries))
    steps = {key for key in anomalies if "pull" in key}
    assert steps == {name}
    assert anomalies[name] == "invalid"


@pytest.mark.parametrize("entries", [["0:a,1:b,2:c"], ["0:a", "1:b", "2:c"], ["1:b", "2:c"]])
def test_reading_on_is_fine_from_wherever_one_began(entries: list[str]) -> None:
    assert not {key for key in found(pulls(*entries)) if "pull" in key}


@pytest.mark.parametrize(
    ("asked", "answer", "bounds", "is_found"),
    [
        (0, "2:c", "min_offset=0 max_offset=3", True),
        (0, "2:c", "", True),
        (1, "2:c", "min_offset=0 max_offset=3", True),
        (2, "2:c", "min_offset=0 max_offset=3", False),
        (0, "0:a,1:b,2:c", "min_offset=0 max_offset=3", False),
        (0, "2:c", "min_offset=2 max_offset=3", False),
        (0, "[]", "min_offset=0 max_offset=3", False),
    ],
)
def test_a_pull_begins_where_it_asked_to(
    asked: int, answer: str, bounds: str, *, is_found: bool
) -> None:
    text = f"{THREE}1 invoke pull @0/{asked} node=master\n1 ok pull {answer} @0/{asked} node=master"
    anomalies = judged(f"{text} {bounds}").anomalies
    assert ("pull-skip-inside" in anomalies) is is_found
    if is_found:
        finding = anomalies["pull-skip-inside"].findings[0]
        assert finding.data["skipped"] == ["a", "b"][asked:]
        assert finding.data["from"] == asked


def test_an_offset_that_nobody_knows_is_not_skipped() -> None:
    text = THREE.replace("@0/1", "@0/5").replace("@0/2", "@0/6") + pulls("0:a", "5:b")[len(THREE) :]
    assert not {key for key in found(text) if "pull" in key}


def test_an_assign_begins_a_new_epoch() -> None:
    assert not {key for key in found(pulls("2:c", "0:a", between=ASSIGN)) if "pull" in key}


def test_going_back_after_a_change_of_node_is_counted_and_skipping_is_not_allowed() -> None:
    back = pulls("1:b") + "1 invoke pull @0 node=slave\n1 ok pull 0:a @0 node=slave\n"
    assert found(back)["nonmonotonic-pull"] == "valid"
    ahead = pulls("0:a") + "1 invoke pull @0 node=slave\n1 ok pull 2:c @0 node=slave\n"
    assert found(ahead)["pull-skip"] == "invalid"


def test_what_retention_deleted_is_not_skipped() -> None:
    text = pulls("0:a") + "1 invoke pull @0\n1 ok pull 2:c @0 node=master min_offset=2\n"
    assert "pull-skip" not in found(text)


COMMITTED = (
    THREE
    + """
1 invoke assign [["T",0]]
1 ok     assign [["T",0]]
1 invoke pull @0/0 node=master group=g
1 ok     pull 0:a,1:b @0/0 node=master group=g next_offset=2
1 invoke commit @0/2 node={node} group=g
1 {outcome} commit @0/2 node={node} group=g
{fault}
2 invoke assign [["T",0]] node=master group=g
2 ok     assign [["T",0]] node=master group=g
2 invoke pull @0/{start} node=master group=g
2 ok     pull @0/{start} node=master group=g
"""
)
KILL = """
nemesis info kill-master fault=1 phase=inject targets=master bit=true
nemesis info kill-master fault=1 phase=cure targets=master bit=true
"""


@pytest.mark.parametrize(
    ("start", "outcome", "node", "fault", "expected"),
    [
        (2, "ok", "master", "", {}),
        (1, "ok", "master", "", {"commit-regressed": "invalid"}),
        (3, "ok", "master", "", {"commit-jumped": "invalid"}),
        (1, "info", "master", "", {}),
        (1, "ok", "slave", "", {"commit-regressed": "valid"}),
        (1, "ok", "master", KILL, {"commit-regressed": "valid"}),
    ],
)
def test_a_group_starts_again_where_it_committed(
    start: int, outcome: str, node: str, fault: str, expected: dict[str, str]
) -> None:
    text = COMMITTED.format(start=start, outcome=outcome, node=node, fault=fault)
    assert {k: v for k, v in found(text).items() if k.startswith("commit")} == expected


def test_a_commit_of_a_log_that_was_lost_meanwhile_does_not_stand() -> None:
    """The committer pulled before the fault and commits after it: its offset exists no more."""
    text = COMMITTED.format(start=1, outcome="ok", node="master", fault="")
    lost = KILL.replace("kill-master", "disk-lost-master")
    assert found(text)["commit-regressed"] == "invalid"
    text = text.replace("1 invoke commit", f"{lost}1 invoke commit")
    assert found(text)["commit-regressed"] == "valid"


def test_a_group_must_not_commit_beyond_what_it_was_given() -> None:
    text = COMMITTED.format(start=3, outcome="ok", node="master", fault="")
    text = text.replace("commit @0/2", "commit @0/3")
    assert found(text)["commit-jumped"] == "invalid"


CUT = """
nemesis info partition-replication fault=1 phase=inject targets=slave->master-ha class=link options={options}
nemesis info partition-replication fault=1 phase=inject targets=slave->master-ha class=link options={options} bit={bit}
0 invoke send a @0
0 ok     send a @0/0 node=master status={status} {time}
nemesis info partition-replication fault=1 phase=cure targets=slave->master-ha class=link options={options}
nemesis info partition-replication fault=1 phase=cure targets=slave->master-ha class=link options={options} bit=true
1 invoke drain @0 node=master
1 ok     drain 0:a @0 node=master certified=true min_offset=0 max_offset=1
"""  # noqa: E501 - one op a line


@pytest.mark.parametrize(
    ("mode", "status", "bit", "is_found"),
    [
        (STRICT, "SEND_OK", "true", True),
        (STRICT, "SLAVE_NOT_AVAILABLE", "true", False),
        (STRICT, "SEND_OK", "false", False),
        ("ASYNC_MASTER+SYNC_FLUSH", "SEND_OK", "true", False),
    ],
)
def test_send_ok_without_a_slave_is_a_lie_where_the_master_waits_for_it(
    mode: str, status: str, bit: str, *, is_found: bool
) -> None:
    text = CUT.format(options='{"mode":"refuse"}', bit=bit, status=status, time="")
    assert ("dishonest-status" in found(text, mode)) is is_found


def test_send_ok_under_way_when_the_link_was_cut_may_be_true() -> None:
    cut = CUT.format(options='{"mode":"refuse"}', bit="true", status="SEND_OK", time="")
    lines = cut.strip().splitlines()
    lines.insert(0, lines.pop(2))
    assert "dishonest-status" not in found("\n".join(lines))


@pytest.mark.parametrize(("took_ms", "is_found"), [(50, True), (250, False)])
def test_send_ok_cannot_be_faster_than_the_link_to_the_slave(
    took_ms: int, *, is_found: bool
) -> None:
    """100 ms each way: 200 ms at least."""
    options = '{"latency":100,"jitter":0,"stream":"both","toxic":"latency"}'
    end = (2 + took_ms) * 1_000_000
    text = CUT.format(options=options, bit="true", status="SEND_OK", time=f"time={end}")
    text = text.replace("phase=cure targets", "phase=cure time=900000000 targets")
    assert ("dishonest-status" in found(text)) is is_found


@pytest.mark.parametrize(
    ("node", "mode", "took_ms", "is_found"),
    [
        ("master", "ASYNC_MASTER+SYNC_FLUSH", 40, True),
        ("master", "ASYNC_MASTER+SYNC_FLUSH", 2100, False),
        ("master", "ASYNC_MASTER+ASYNC_FLUSH", 40, False),
        ("slave", "ASYNC_MASTER+SYNC_FLUSH", 40, False),
    ],
)
def test_send_ok_cannot_be_faster_than_an_fsync_that_was_made_slow(
    node: str, mode: str, took_ms: int, *, is_found: bool
) -> None:
    """Said as the nemesis says it: by the name of a control, and its value from 50 to 2000 ms."""
    fault = PACKAGES[f"slow-fsync-{node}"].draw(Random(1), Topology())
    options = msgspec.json.encode(fault.options).decode()
    end = (2 + took_ms) * 1_000_000
    text = CUT.format(options=options, bit="true", status="SEND_OK", time=f"time={end}")
    text = text.replace("slave->master-ha class=link", f"{node} class=other")
    text = text.replace("phase=cure targets", "phase=cure time=9000000000 targets")
    assert ("dishonest-status" in found(text, mode)) is is_found


def test_a_strong_ack_missing_from_the_masters_disk_was_a_lie() -> None:
    text = """
    0 invoke send a @0
    0 ok     send a @0/0 node=master status=SEND_OK
    nemesis info power-cut-master fault=1 phase=inject targets=master class=power bit=true
    nemesis info power-cut-master fault=1 phase=cure targets=master class=power bit=true
    1 invoke drain @0 node=master
    1 ok     drain @0 node=master certified=true min_offset=0 max_offset=0
    1 invoke drain @0 node=slave
    1 ok     drain 0:a @0 node=slave certified=true min_offset=0 max_offset=1
    """
    assert found(text)["dishonest-status"] == "invalid"
    assert "dishonest-status" not in found(text, "SYNC_MASTER+ASYNC_FLUSH")


@pytest.mark.parametrize(("seconds", "is_found"), [(60, True), (5, False)])
def test_a_slave_that_never_had_a_strong_ack_gives_it_away(seconds: int, *, is_found: bool) -> None:
    at = seconds * 1_000_000_000
    text = (
        THREE
        + f"""
    1 invoke pull @0/0 node=slave time={at}
    1 ok     pull 0:a @0/0 node=slave time={at} min_offset=0 max_offset=1
    """
    )
    assert ("dishonest-status" in found(text)) is is_found
    assert "dishonest-status" not in found(text, LAX)


def test_a_send_that_the_slave_takes_is_named() -> None:
    text = "0 invoke send a @0\n0 ok send a @0/0 node=slave status=SEND_OK"
    assert found(text)["slave-wrote"] == "invalid"


OUTAGE = """
0 invoke send a @0
0 ok     send a @0/0 node=master
nemesis info kill-master fault=1 phase=inject targets=master stops_writes=true
nemesis info kill-master fault=1 phase=inject targets=master stops_writes=true bit=true
0 invoke send b @0
0 fail   send b @0
0 invoke send c @0
0 fail   send c @0
nemesis info kill-master fault=1 phase=cure targets=master stops_writes=true
nemesis info kill-master fault=1 phase=cure targets=master stops_writes=true bit=true
0 invoke send d @0
0 ok     send d @0/1 node=master
1 invoke drain @0 node=master
1 ok     drain 0:a,1:d @0 node=master certified=true min_offset=0 max_offset=2
"""


def test_the_outage_runs_from_the_first_failed_invoke_to_the_next_ok() -> None:
    outage = outages(case_of(OUTAGE))[0]
    assert (outage.begin_ms, outage.end_ms, outage.rto_ms) == (4.0, 11.0, 7.0)
    assert not outage.recovered_in_window
    assert outage.heal_to_ok_ms == 3.0
    assert judged(OUTAGE).validity is Validity.VALID


def test_a_fault_that_hurts_no_send_has_no_outage() -> None:
    calm = OUTAGE.replace("fail ", "ok   ")
    assert outages(case_of(calm))[0].rto_ms == 0.0


def test_sends_that_never_work_again_break_convergence() -> None:
    late = f"time={60_000_000_000}"
    text = OUTAGE.replace("0 ok     send d @0/1", "0 fail   send d @0").replace(
        "0 invoke send d @0", f"0 invoke send d @0 {late}"
    )
    text = text.replace("send d @0 node=master", f"send d @0 node=master {late}")
    assert found(text)["unconverged"] == "invalid"


def test_what_a_fault_took_is_its_rpo() -> None:
    text = """
    0 invoke send a @0
    0 ok     send a @0/0 node=master physical_offset=0
    0 invoke send b @0
    0 ok     send b @0/1 node=master physical_offset=100
    nemesis info power-cut-master fault=7 phase=inject targets=master class=power bit=true
    nemesis info power-cut-master fault=7 phase=cure targets=master class=power bit=true
    0 invoke send c @0
    0 ok     send c @0/1 node=master physical_offset=130
    1 invoke drain @0 node=master
    1 ok     drain 0:a,1:c @0 node=master certified=true min_offset=0 max_offset=2
    """
    row = impact(case_of(text, LAX))[0]
    assert (row["id"], row["rpo_count"], row["rpo_bytes"], row["rpo_ms"]) == (7, 1, 30, 1.0)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("bit=true", "bit=false", "not proven to have bitten"),
        ("phase=cure targets=master stops_writes=true bit=true",
         "phase=cure targets=master stops_writes=true bit=false", "could not be cured"),
        ("0 ok     send d @0/1 node=master", "0 info   send d @0", "no ok send both before"),
    ],
)  # fmt: skip
def test_a_run_that_could_not_find_anything_is_unknown(old: str, new: str, reason: str) -> None:
    judgement = judged(OUTAGE.replace(old, new))
    assert judgement.validity is Validity.UNKNOWN
    assert any(reason in why for why in judgement.why)


def test_a_fault_that_leaves_writes_possible_needs_an_ok_send_inside() -> None:
    text = OUTAGE.replace(" stops_writes=true", "").replace("kill-master", "slow-client")
    judgement = judged(text)
    assert judgement.validity is Validity.UNKNOWN
    assert any("writes were possible" in why for why in judgement.why)


def test_a_window_in_which_nobody_sent_proves_nothing() -> None:
    lines = [line for line in OUTAGE.splitlines() if "send b" not in line and "send c" not in line]
    assert any("no send was attempted" in why for why in judged("\n".join(lines)).why)


def test_a_fault_lasts_until_the_cure_that_worked() -> None:
    text = """
    nemesis info partition fault=1 phase=inject targets=slave->master-ha bit=true
    nemesis info partition fault=1 phase=inject targets=slave->master-ha bit=true
    nemesis info partition fault=1 phase=cure targets=slave->master-ha
    nemesis info partition fault=1 phase=cure targets=slave->master-ha bit=false
    0 invoke send a @0
    0 ok     send a @0/0
    nemesis info partition fault=1 phase=cure targets=slave->master-ha bit=true
    """
    (window,) = case_of(text).windows
    assert (window.cure_row, window.cured_row, window.cure_bit) == (2, 6, True)
