"""What may be wrong with offsets, order and the two logs, each in its smallest history."""

import zlib
from typing import Any

import pytest

from checkers.case import Case
from checkers.contract import Contract
from checkers.replicas import compare_logs, replicas
from checkers.verdict import Validity
from histories.history import History
from histories.op import FaultRecord, LogDump, Op
from tests.checkers.judging import LAX, case_of, found, judged

TWO_AT_ZERO = """
0 invoke send a @0
0 ok     send a @0/0
{fault}
0 invoke send b @0
0 ok     send b @0/0
1 invoke drain @0
1 ok     drain 0:b @0
"""
POWER = """
nemesis info power-cut-master fault=1 phase=inject targets=master class=power bit=true
nemesis info power-cut-master fault=1 phase=cure targets=master class=power bit=true
"""
KILL = POWER.replace("power", "kill").replace("class=kill", "class=process")


def test_two_acks_for_one_offset_are_a_reuse_and_an_inconsistency() -> None:
    text = TWO_AT_ZERO.format(fault="")
    assert found(text)["offset-reused"] == "invalid"
    assert found(text)["inconsistent-offset"] == "invalid"


def test_an_offset_freed_by_an_allowed_loss_may_be_reused() -> None:
    anomalies = found(TWO_AT_ZERO.format(fault=POWER), LAX)
    assert anomalies["offset-reused"] == "valid"
    assert anomalies["inconsistent-offset"] == "valid"
    assert anomalies["allowed-loss"] == "valid"


@pytest.mark.parametrize(("fault", "mode"), [(KILL, LAX), (POWER, "ASYNC_MASTER+SYNC_FLUSH")])
def test_a_fault_that_frees_nothing_excuses_no_reuse(fault: str, mode: str) -> None:
    assert found(TWO_AT_ZERO.format(fault=fault), mode)["offset-reused"] == "invalid"


def test_two_readers_that_see_two_values_at_one_offset_disagree() -> None:
    text = """
    0 invoke send a @0
    0 info   send a @0
    1 invoke send b @0
    1 info   send b @0
    2 invoke pull @0 node=master
    2 ok     pull 0:a @0 node=master
    3 invoke pull @0 node=slave
    3 ok     pull 0:b @0 node=slave
    """
    anomalies = found(text)
    assert anomalies["inconsistent-offset"] == "invalid"
    assert "offset-reused" not in anomalies


def test_what_a_reader_saw_counts_as_fsynced_under_sync_flush() -> None:
    """Guarantees, defect 7: readable before it is flushed, then gone, its offset given away."""
    text = f"""
    0 invoke send a @0
    0 info   send a @0
    2 invoke pull @0 node=master
    2 ok     pull 0:a @0 node=master
    {POWER}
    1 invoke send b @0
    1 ok     send b @0/0 node=master
    """
    assert found(text, "ASYNC_MASTER+SYNC_FLUSH")["inconsistent-offset"] == "invalid"
    assert found(text, LAX)["inconsistent-offset"] == "valid"


def test_one_offset_in_two_queues_is_two_offsets() -> None:
    text = "0 invoke send a @0\n0 ok send a @0/0\n0 invoke send b @1\n0 ok send b @1/0\n"
    assert "inconsistent-offset" not in found(text)


def test_a_drain_that_jumps_has_found_a_hole() -> None:
    text = """
    0 invoke send a @0
    0 ok     send a @0/0
    0 invoke send b @0
    0 ok     send b @0/2
    1 invoke drain @0
    1 ok     drain 0:a,2:b @0
    """
    assert found(text) == {"hole": "invalid"}


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ("min_offset=1 max_offset=3", {}),
        ("min_offset=0 max_offset=3", {"hole": "invalid"}),
        ("min_offset=1 max_offset=4", {"hole": "invalid"}),
    ],
)
def test_a_certified_drain_must_fill_its_bounds(bounds: str, expected: dict[str, str]) -> None:
    text = f"""
    0 invoke send a @0
    0 ok     send a @0/1
    0 invoke send b @0
    0 ok     send b @0/2
    1 invoke drain @0
    1 ok     drain 1:a,2:b @0 certified=true {bounds}
    """
    assert found(text) == expected


WATERMARK = """
0 invoke send a @0
0 ok     send a @0/0
2 invoke pull @0 node={first}
2 ok     pull 0:a @0 node={first} min_offset=0 max_offset=1
{fault}
3 invoke pull @0 node={second}
3 ok     pull @0 node={second} min_offset=0 max_offset=0
"""


@pytest.mark.parametrize(
    ("first", "second", "fault", "is_found"),
    [
        ("master", "master", "", True),
        ("slave", "slave", "", True),
        ("master", "slave", "", False),  # the slave may lag
        ("master", "master", KILL, True),
        ("master", "master", POWER, False),
    ],
)
def test_a_queue_gets_shorter_only_by_a_fault_of_its_node(
    first: str, second: str, fault: str, *, is_found: bool
) -> None:
    text = WATERMARK.format(first=first, second=second, fault=fault)
    assert ("watermark-regressed" in found(text, LAX)) is is_found


def test_a_drain_that_does_not_say_where_its_messages_stand_has_no_holes() -> None:
    text = """
    0 invoke send a @0
    0 ok     send a @0/0
    1 invoke drain @0 node=master
    1 ok     drain a @0 node=master certified=true min_offset=0 max_offset=1
    """
    assert found(text) == {}
    assert found(text.replace("drain a", "drain []")) == {"hole": "invalid", "lost": "invalid"}


SHORT = """
0 invoke send a @0
0 ok     send a @0/0 node=master status={status}
{fault}
1 invoke pull @0/0 node={node} time={time}
1 ok     pull [] @0/0 node={node} time={time} min_offset=0 max_offset=0
"""


@pytest.mark.parametrize(
    ("status", "fault", "node", "seconds", "is_found"),
    [
        ("SEND_OK", "", "master", 2, True),
        ("SEND_OK", "", "master", 0.5, False),  # a node that is well may need as long
        ("SEND_OK", KILL, "master", 2, True),
        ("SEND_OK", POWER, "master", 2, False),
        ("FLUSH_DISK_TIMEOUT", "", "master", 2, False),
        ("SEND_OK", "", "slave", 2, False),
    ],
)
def test_a_master_shows_what_it_acknowledged(
    status: str, fault: str, node: str, seconds: float, *, is_found: bool
) -> None:
    at = int(seconds * 1e9)
    text = SHORT.format(status=status, fault=fault, node=node, time=at)
    anomalies = judged(text, LAX).anomalies
    assert ("watermark-regressed" in anomalies) is is_found
    if is_found:
        (finding,) = anomalies["watermark-regressed"].findings
        assert (finding.data["was"], finding.data["is"]) == (1, 0)


def test_pulls_under_way_together_may_see_either_end() -> None:
    text = """
    2 invoke pull @0 node=master
    3 invoke pull @0 node=master
    2 ok     pull @0 node=master max_offset=5
    3 ok     pull @0 node=master max_offset=4
    """
    assert "watermark-regressed" not in found(text)


MISORDERED = """
0 invoke send a @0
{first}
{process} invoke send b @0
{process} ok     send b @0/0
{second}
"""


@pytest.mark.parametrize(("process", "in_session"), [(0, 1), (5, 0)])
def test_a_later_send_with_a_smaller_offset_is_misordered(process: int, in_session: int) -> None:
    text = MISORDERED.format(process=process, first="0 ok send a @0/1", second="")
    judgement = judged(text)
    assert judgement.anomalies["misordered"].validity is Validity.INVALID
    assert judgement.anomalies["misordered"].findings[0].ops == (0, 1, 2, 3)
    assert judgement.counts["misordered-in-session-count"] == in_session


def test_concurrent_sends_may_take_any_order() -> None:
    text = MISORDERED.format(process=5, first="", second="0 ok send a @0/1")
    assert "misordered" not in found(text)


def test_order_starts_again_after_a_loss() -> None:
    text = MISORDERED.format(process=5, first=f"0 ok send a @0/1\n{POWER}", second="")
    assert "misordered" not in found(text, LAX)


def test_a_send_in_doubt_may_land_in_any_later_lineage() -> None:
    """A ghost write: b was given up, and arrives after the power cut, at a low offset."""
    text = f"""
    0 invoke send a @0
    0 ok     send a @0/3
    1 invoke send b @0
    1 info   send b @0
    {POWER}
    2 invoke pull @0
    2 ok     pull 0:b @0
    """
    assert "misordered" not in found(text, LAX)


def test_a_place_in_another_queue_is_no_place_in_this_one() -> None:
    """The first try of a, which named no queue, went to queue 1; the second was heard of last."""
    text = """
    1 invoke send b @0
    1 ok     send b @0/5
    0 invoke send a
    0 info   send a @0 attempts=2
    2 invoke pull   @1
    2 ok     pull 3:a @1
    """
    assert found(text)["recovered"] == "valid"
    assert "misordered" not in found(text)


def dump_of(data: bytes, other_end: int = 0, block: int = 4) -> LogDump:
    whole = len(data) // block * block
    return LogDump(
        begin=0,
        end=len(data),
        block=block,
        crcs=[zlib.crc32(data[at : at + block]) for at in range(0, whole, block)],
        tail_crc=zlib.crc32(data[whole:]),
        at={str(other_end): zlib.crc32(data[other_end // block * block : other_end])},
    )


@pytest.mark.parametrize("length", range(11))
def test_every_prefix_is_one_and_every_changed_byte_shows(length: int) -> None:
    data = b"0123456789"
    master = dump_of(data, length)
    assert compare_logs(master, dump_of(data[:length])) is None
    for at in range(length):
        changed = data[:at] + b"x" + data[at + 1 : length]
        difference = compare_logs(master, dump_of(changed))
        assert difference is not None
        assert not difference.unknown


def test_a_longer_slave_has_diverged() -> None:
    difference = compare_logs(dump_of(b"0123"), dump_of(b"01234567"))
    assert difference is not None
    assert "beyond" in difference.text


def test_logs_without_a_common_checksum_cannot_be_told_apart() -> None:
    difference = compare_logs(dump_of(b"0123456789", 3), dump_of(b"012345"))
    assert difference is not None
    assert difference.unknown


def dumped(master: bytes, slave: bytes, *faults: FaultRecord) -> Case:
    ops: list[dict[str, Any]] = [
        {"process": "nemesis", "type": "info", "f": fault.name, "fault": fault} for fault in faults
    ]
    for node, data, other in (("master", master, slave), ("slave", slave, master)):
        dump = dump_of(data, len(other))
        value = {name: getattr(dump, name) for name in dump.__struct_fields__}
        ops.append({"process": 1, "type": "invoke", "f": "dump", "node": node})
        ops.append({"process": 1, "type": "ok", "f": "dump", "node": node, "value": value})
    history = History.from_ops(Op(index=n, time=n, **op) for n, op in enumerate(ops))
    return Case(history, Contract.parse(LAX))


def power_cut(name: str = "power-cut-master", *, phase: str = "inject") -> FaultRecord:
    return FaultRecord(
        id=1, name=name, fault_class="power", phase=phase, targets=["master"], bit=True
    )


def test_logs_that_differ_have_diverged_unless_the_master_was_set_back() -> None:
    verdict = replicas(dumped(b"0123", b"01x3"))
    assert verdict.anomalies["diverged"].promise == "P7"
    assert verdict.validity is Validity.INVALID
    allowed = replicas(dumped(b"0123", b"01x3", power_cut(), power_cut(phase="cure")))
    assert allowed.anomalies["diverged"].validity is Validity.VALID


def test_after_the_operators_command_there_is_no_excuse() -> None:
    resync = FaultRecord(
        id=2, name="resync", fault_class="other", phase="inject", targets=["slave"], bit=True
    )
    cured = FaultRecord(
        id=2, name="resync", fault_class="other", phase="cure", targets=["slave"], bit=True
    )
    faults = (power_cut(), power_cut(phase="cure"), resync, cured)
    assert replicas(dumped(b"0123", b"01x3", *faults)).validity is Validity.INVALID


def test_a_slave_that_is_behind_is_only_late_long_after_the_cure() -> None:
    assert replicas(dumped(b"01234567", b"0123")).validity is Validity.VALID
    text = """
    0 invoke send a @0
    0 ok     send a @0/0
    1 invoke dump node=master time={at}
    1 ok     dump {{"begin":0,"end":8,"block":4,"crcs":[1,2]}} node=master time={at}
    1 invoke dump node=slave time={at}
    1 ok     dump {{"begin":0,"end":4,"block":4,"crcs":[1]}} node=slave time={at}
    """
    late, early = 40_000_000_000, 20_000_000_000
    assert "unconverged" in replicas(case_of(text.format(at=late))).anomalies
    assert "unconverged" not in replicas(case_of(text.format(at=early))).anomalies


def test_one_log_alone_cannot_be_compared() -> None:
    """The other node's dump failed: nobody knows whether it is a prefix."""
    verdict = replicas(
        case_of("""
    1 invoke dump node=master
    1 ok     dump {"begin":0,"end":4,"block":4,"crcs":[1]} node=master
    1 invoke dump node=slave
    1 fail   dump node=slave
    """)
    )
    assert verdict.why == ("commit logs: the master's alone was dumped",)
