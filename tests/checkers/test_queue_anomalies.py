"""Lost, unexpected, aborted, corrupted, duplicated and their kin, each in its smallest history."""

import pytest

from checkers.verdict import Validity
from tests.checkers.judging import LAX, STRICT, found, judged

SENT_A = """
0 invoke send a @0
0 ok     send a @0/0
"""
EMPTY_DRAIN = """
1 invoke drain @0
1 ok     drain @0
"""


def test_a_message_that_is_acknowledged_and_drained_is_valid() -> None:
    judgement = judged(SENT_A + "1 invoke drain @0\n1 ok drain 0:a @0")
    assert judgement.validity is Validity.VALID
    assert not judgement.anomalies


def test_an_acknowledged_message_that_no_drain_shows_is_lost() -> None:
    judgement = judged(SENT_A + EMPTY_DRAIN)
    assert judgement.validity is Validity.INVALID
    lost = judgement.anomalies["lost"]
    assert (lost.count, lost.promise) == (1, "P1")
    assert lost.findings[0].ops == (0, 1, 2, 3)
    assert lost.findings[0].data["value"] == "a"


def test_a_message_in_doubt_that_no_drain_shows_is_not_lost() -> None:
    assert found("0 invoke send a @0\n0 info send a @0\n0 invoke send b @0\n0 ok send b @0/0"
                 "\n1 invoke drain @0\n1 ok drain 0:b @0") == {}  # fmt: skip


def test_without_a_drain_a_missing_message_is_unseen_and_the_verdict_unknown() -> None:
    judgement = judged(SENT_A)
    assert judgement.validity is Validity.UNKNOWN
    assert judgement.anomalies["unseen"].validity is Validity.UNKNOWN
    assert "lost" not in judgement.anomalies


def test_a_drain_without_certificate_proves_no_loss() -> None:
    drain = "1 invoke drain @0\n1 ok drain @0 certified=false min_offset=0 max_offset=0"
    judgement = judged(SENT_A + drain)
    assert judgement.validity is Validity.UNKNOWN
    assert "lost" not in judgement.anomalies


def test_a_message_acknowledged_after_the_drain_began_is_not_lost() -> None:
    text = """
    1 invoke drain @0
    0 invoke send a @0
    0 ok     send a @0/0
    1 ok     drain @0
    """
    assert "lost" not in found(text)
    assert judged(text).validity is Validity.UNKNOWN


def test_a_message_on_one_of_two_nodes_is_not_lost() -> None:
    """The union counts: what the master lost the slave may still hold."""
    text = """
    0 invoke send a @0
    0 ok     send a @0/0 node=master
    1 invoke drain @0 node=master
    1 ok     drain @0 node=master certified=true min_offset=0 max_offset=0
    1 invoke drain @0 node=slave
    1 ok     drain 0:a @0 node=slave certified=true min_offset=0 max_offset=1
    """
    assert "lost" not in found(text)


def test_a_node_that_was_not_drained_may_hold_what_is_missing() -> None:
    text = """
    0 invoke send a @0
    0 ok     send a @0/0 node=master
    2 invoke pull @0 node=slave
    2 ok     pull @0 node=slave
    1 invoke drain @0 node=master
    1 ok     drain @0 node=master certified=true min_offset=0 max_offset=0
    """
    judgement = judged(text)
    assert "lost" not in judgement.anomalies
    assert judgement.validity is Validity.UNKNOWN
    assert any("slave" in reason for reason in judgement.why)


def test_a_message_that_was_read_once_and_is_gone_from_the_log_is_lost() -> None:
    """A log keeps what was read: P1 says that it can be read again."""
    text = """
    0 invoke send a @0
    0 ok     send a @0/0 node=master
    2 invoke pull @0 node=master
    2 ok     pull 0:a @0 node=master
    1 invoke drain @0 node=master
    1 ok     drain @0 node=master certified=true min_offset=0 max_offset=0
    """
    assert found(text)["lost"] == "invalid"


def test_a_value_that_nobody_sent_is_unexpected() -> None:
    assert found("1 invoke pull @0\n1 ok pull 0:x @0")["unexpected"] == "invalid"


def test_a_value_read_in_another_queue_is_unexpected_there_and_lost_here() -> None:
    text = SENT_A + EMPTY_DRAIN + "1 invoke drain @1\n1 ok drain 0:a @1"
    assert found(text) == {"lost": "invalid", "unexpected": "invalid"}


def test_a_value_read_before_its_send_completed_is_expected() -> None:
    text = """
    0 invoke send a @0
    1 invoke pull @0
    1 ok     pull 0:a @0
    0 ok     send a @0/0
    1 invoke drain @0
    1 ok     drain 0:a @0
    """
    assert found(text) == {}


def test_a_changed_checksum_is_corruption_and_an_equal_one_is_not() -> None:
    text = """
    0 invoke send a @0 crc=7
    0 ok     send a @0/0 crc=7
    1 invoke drain @0
    1 ok     drain 0:a:{crc} @0
    """
    assert found(text.format(crc=8)) == {"corrupted": "invalid"}
    assert found(text.format(crc=7)) == {}


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [("fail", {"aborted": "invalid"}), ("info", {"recovered": "valid"})],
)
def test_what_was_refused_must_stay_away_and_what_is_in_doubt_need_not(
    outcome: str, expected: dict[str, str]
) -> None:
    text = f"""
    0 invoke send a @0
    0 {outcome} send a @0
    0 invoke send b @0
    0 ok     send b @0/1
    1 invoke drain @0
    1 ok     drain 0:a,1:b @0
    """
    assert found(text) == expected


def test_a_send_that_never_ended_may_be_read() -> None:
    text = "0 invoke send a @0\n2 invoke send b @0\n2 ok send b @0/1\n1 invoke drain @0\n"
    assert found(text + "1 ok drain 0:a,1:b @0") == {"recovered": "valid"}


@pytest.mark.parametrize(("attempts", "validity"), [(1, "invalid"), (2, "valid")])
def test_two_records_need_two_attempts(attempts: int, validity: str) -> None:
    text = f"""
    0 invoke send a @0
    0 ok     send a @0/1 attempts={attempts}
    1 invoke drain @0
    1 ok     drain 0:a,1:a @0
    """
    assert found(text) == {"duplicated": validity}


def test_a_send_that_never_ended_may_have_been_tried_any_number_of_times() -> None:
    text = "0 invoke send a @0\n2 invoke send b @0\n2 ok send b @0/2\n1 invoke drain @0\n"
    assert found(text + "1 ok drain 0:a,1:a,2:b @0") == {
        "duplicated": "valid",
        "recovered": "valid",
    }


def test_the_same_offset_read_twice_is_redelivered_not_duplicated() -> None:
    text = (
        SENT_A
        + """
    1 invoke assign [["T",0]]
    1 ok     assign [["T",0]]
    1 invoke pull @0/0
    1 ok     pull 0:a @0/0
    1 invoke assign [["T",0]]
    1 ok     assign [["T",0]]
    1 invoke pull @0/0
    1 ok     pull 0:a @0/0
    2 invoke drain @0
    2 ok     drain 0:a @0
    """
    )
    assert found(text) == {"redelivered": "valid"}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("1 group=g", "2 group=g", {"redelivered": "valid"}),
        ("1 group=g", "2 group=h", {}),
        ("1 group=g", "2 ", {}),
        ("1 ", "2 ", {}),
    ],
)
def test_only_a_group_that_had_a_message_before_has_it_again(
    first: str, second: str, expected: dict[str, str]
) -> None:
    """Two groups each get every message, and so do two readers that are in none."""
    pulls = ""
    for reader in (first, second):
        process, group = reader.split(" ")
        pulls += f"{process} invoke pull @0/0 {group}\n{process} ok pull 0:a @0/0 {group}\n"
    text = SENT_A + pulls + "3 invoke drain @0\n3 ok drain 0:a @0"
    assert found(text) == expected


def test_a_redelivery_is_proven_by_what_the_group_itself_had() -> None:
    text = SENT_A + "".join(
        f"{process} invoke pull @0/0 group={group}\n{process} ok pull 0:a @0/0 group={group}\n"
        for process, group in ((1, "g"), (2, "h"), (3, "h"))
    )
    assert judged(text).anomalies["redelivered"].findings[0].ops == (0, 1, 4, 5, 6, 7)


POWER_CUT = """
0 invoke send a @0
0 ok     send a @0/0 node=master status=SEND_OK
nemesis info power-cut-master fault=1 phase=inject targets=master class={kind} stops_writes=true
nemesis info power-cut-master fault=1 phase=inject targets=master class={kind} stops_writes=true bit=true
nemesis info power-cut-master fault=1 phase=cure targets=master class={kind} stops_writes=true
nemesis info power-cut-master fault=1 phase=cure targets=master class={kind} stops_writes=true bit=true
0 invoke send b @0
0 ok     send b @0/0 node=master status=SEND_OK
1 invoke drain @0 node=master
1 ok     drain 0:b @0 node=master certified=true min_offset=0 max_offset=1
"""  # noqa: E501 - one op a line


@pytest.mark.parametrize(
    ("mode", "kind", "name"),
    [
        ("ASYNC_MASTER+ASYNC_FLUSH", "power", "allowed-loss"),
        ("ASYNC_MASTER+SYNC_FLUSH", "power", "lost"),
        ("SYNC_MASTER+ASYNC_FLUSH", "power", "lost"),
        ("SYNC_MASTER+SYNC_FLUSH", "power", "lost"),
        ("ASYNC_MASTER+ASYNC_FLUSH", "disk", "allowed-loss"),
        ("ASYNC_MASTER+SYNC_FLUSH", "disk", "allowed-loss"),
        ("SYNC_MASTER+SYNC_FLUSH", "disk", "lost"),
        ("ASYNC_MASTER+ASYNC_FLUSH", "process", "lost"),
        ("ASYNC_MASTER+ASYNC_FLUSH", "link", "lost"),
    ],
)
def test_the_mode_decides_what_a_fault_of_the_master_may_take(
    mode: str, kind: str, name: str
) -> None:
    """The table of single faults of guarantees.md, row by row, for a loss right before it."""
    losses = {"lost", "allowed-loss"} & set(found(POWER_CUT.format(kind=kind), mode))
    assert losses == {name}


@pytest.mark.parametrize(
    ("status", "mode", "name"),
    [
        ("FLUSH_DISK_TIMEOUT", "ASYNC_MASTER+SYNC_FLUSH", "allowed-loss"),
        ("FLUSH_SLAVE_TIMEOUT", "SYNC_MASTER+ASYNC_FLUSH", "allowed-loss"),
        ("SLAVE_NOT_AVAILABLE", "SYNC_MASTER+SYNC_FLUSH", "allowed-loss"),
        ("FLUSH_DISK_TIMEOUT", "SYNC_MASTER+SYNC_FLUSH", "lost"),
    ],
)
def test_a_weak_status_weakens_its_own_axis(status: str, mode: str, name: str) -> None:
    text = POWER_CUT.format(kind="power").replace("status=SEND_OK", f"status={status}", 1)
    assert {"lost", "allowed-loss"} & set(found(text, mode)) == {name}


def test_what_is_long_flushed_survives_a_power_cut() -> None:
    """The bound comes from the contract: a broker that never flushes is not excused."""
    late = POWER_CUT.format(kind="power").replace("bit=true", "bit=true time=20000000000", 1)
    late = late.replace("phase=inject", "phase=inject time=19000000000", 1)
    assert found(late, LAX)["lost"] == "invalid"


def test_a_loss_that_leaves_a_survivor_behind_is_not_a_suffix() -> None:
    text = """
    0 invoke send a @0
    0 ok     send a @0/0 node=master
    0 invoke send b @0
    0 ok     send b @0/1 node=master
    nemesis info power-cut-master fault=1 phase=inject targets=master class=power bit=true
    nemesis info power-cut-master fault=1 phase=cure targets=master class=power bit=true
    1 invoke drain @0 node=master
    1 ok     drain 1:b @0 node=master certified=true min_offset=0 max_offset=2
    """
    judgement = judged(text, LAX)
    assert judgement.anomalies["lost"].validity is Validity.INVALID
    assert "not a suffix" in judgement.anomalies["lost"].findings[0].text


def test_a_lost_message_has_its_place_in_the_sequence_of_its_producer() -> None:
    sends = "".join(f"0 invoke send 0-{n} @0\n0 ok send 0-{n} @0/{n}\n" for n in range(5))
    text = sends + "1 invoke drain @0\n1 ok drain 1:0-1,3:0-3 @0"
    findings = judged(text).anomalies["lost"].findings
    assert [finding.data["part"] for finding in findings] == ["prefix", "middle", "suffix"]
    assert judged(text).counts["lost-by-part"] == {"prefix": 1, "middle": 1, "suffix": 1}
    assert judged(text).counts["lost-by-fault"] == {"no fault": 3}


def test_losses_are_counted_by_the_fault_to_blame() -> None:
    counts = judged(POWER_CUT.format(kind="process")).counts
    assert counts["lost-by-fault"] == {"power-cut-master (1)": 1}
    assert "lost-by-fault" not in judged(SENT_A + "1 invoke drain @0\n1 ok drain 0:a @0").counts


def test_renaming_and_order_of_queues_do_not_matter() -> None:
    text = "0 invoke send a @7\n0 ok send a @7/0\n1 invoke drain @7\n1 ok drain @7"
    assert found(text) == found(SENT_A + EMPTY_DRAIN) == {"lost": "invalid"}


def test_the_strictest_mode_is_the_default() -> None:
    assert judged(SENT_A + EMPTY_DRAIN, STRICT).to_json()["validity"] == "invalid"


PARTS = """
0 invoke send a @0
0 ok     send a @0/0 node=master
0 invoke send b @0
0 ok     send b @0/1 node=master
0 invoke send c @0
0 ok     send c @0/2 node=master
1 invoke drain @0 node=master
1 ok     drain {first} @0 node=master certified=false
1 invoke drain @0 node=master
1 ok     drain 2:c @0 node=master certified=true min_offset=0 max_offset=3
"""


def test_a_long_queue_is_drained_in_parts_and_the_last_one_certifies_them_all() -> None:
    assert found(PARTS.format(first="0:a,1:b")) == {}


def test_the_last_part_may_find_nothing_left() -> None:
    """The queue is exactly as long as some parts; then those must have come to its end."""
    nothing_left = PARTS.replace("drain 2:c", "drain []")
    assert found(nothing_left.format(first="0:a,1:b,2:c")) == {}
    assert found(nothing_left.format(first="0:a,1:b"))["lost"] == "invalid"


def test_parts_that_do_not_join_leave_a_hole_and_a_loss() -> None:
    assert found(PARTS.format(first="0:a")) == {"hole": "invalid", "lost": "invalid"}
