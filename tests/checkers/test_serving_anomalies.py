"""What a node must give to its readers, what it may not claim, and where it must send them."""

from typing import Any

from checkers.contract import Contract
from checkers.suite import judge
from histories.history import History
from histories.op import FaultRecord, LogDump, Op

TOPIC = "t"
LOG = LogDump(begin=0, end=8, block=4, crcs=[1, 2])


def send(value: str, offset: int, **more: Any) -> list[dict[str, Any]]:
    common = {"process": 0, "f": "send", "value": value, "topic": TOPIC, "queue": 0}
    ack = {"queue_offset": offset, "status": "SEND_OK", "node": "master"}
    return [{"type": "invoke", **common}, {"type": "ok", **common, **ack, **more}]


def drain(node: str, values: dict[int, str], begin: int = 0, end: int = 2) -> list[dict[str, Any]]:
    common = {"process": 9, "f": "drain", "topic": TOPIC, "queue": 0, "node": node}
    read = [[offset, value, None] for offset, value in values.items()]
    bounds = {"min_offset": begin, "max_offset": end, "certified": True}
    return [{"type": "invoke", **common}, {"type": "ok", **common, **bounds, "value": read}]


def dump(node: str, log: LogDump) -> list[dict[str, Any]]:
    value = {name: getattr(log, name) for name in log.__struct_fields__}
    common = {"process": 9, "f": "dump", "node": node}
    return [{"type": "invoke", **common}, {"type": "ok", **common, "value": value}]


def pull(node: str, asked: int, end: int, go_on: int) -> list[dict[str, Any]]:
    common = {"process": 1, "f": "pull", "topic": TOPIC, "queue": 0, "node": node}
    common["queue_offset"] = asked
    bounds = {"min_offset": 0, "max_offset": end, "next_offset": go_on}
    return [{"type": "invoke", **common}, {"type": "ok", **common, **bounds, "value": []}]


def fault(name: str, kind: str, *targets: str) -> list[dict[str, Any]]:
    records = [
        FaultRecord(id=1, name=name, fault_class=kind, phase=phase, targets=list(targets), bit=True)
        for phase in ("inject", "inject", "cure", "cure")
    ]
    return [{"process": "nemesis", "type": "info", "f": name, "fault": one} for one in records]


def invalid(*ops: list[dict[str, Any]], mode: str = "SYNC_MASTER+SYNC_FLUSH") -> list[str]:
    flat = [op for some in ops for op in some]
    history = History.from_ops(Op(index=n, time=n * 1_000_000, **op) for n, op in enumerate(flat))
    judgement = judge(history, Contract.parse(mode), "ours")
    assert not any("crashed" in reason for reason in judgement.why), judgement.why
    return [name for name, found in judgement.anomalies.items() if found.validity.word == "invalid"]


def probe(node: str, end: int) -> list[dict[str, Any]]:
    common = {"process": 9, "f": "probe", "node": node}
    value = {"end": end, "flushed": end}
    return [{"type": "invoke", **common}, {"type": "ok", **common, "value": value}]


BOTH = {0: "a", 1: "b"}
SENT = [*send("a", 0), *send("b", 1)]
DUMPS = [*dump("master", LOG), *dump("slave", LOG)]


def test_two_equal_logs_that_give_the_same_are_valid() -> None:
    assert invalid(SENT, drain("master", BOTH), drain("slave", BOTH), DUMPS) == []


def test_a_slave_that_begins_later_than_its_log_does_not_serve_it() -> None:
    """RocketMQ's slave that was fed from the last file only (P10)."""
    late = drain("slave", {1: "b"}, begin=1)
    ops = (SENT, drain("master", BOTH), late, DUMPS)
    assert invalid(*ops, mode="ASYNC_MASTER+ASYNC_FLUSH") == ["unserved"]


def test_a_slave_whose_log_begins_within_a_block_is_judged_by_where_it_ends() -> None:
    """Files are smaller than blocks, so the logs cannot be compared byte by byte."""
    part = LogDump(begin=2, end=8, block=4, crcs=[7], tail_crc=8)
    ops = (SENT, drain("master", BOTH), drain("slave", {1: "b"}, begin=1))
    assert "unserved" in invalid(*ops, dump("master", LOG), dump("slave", part))


def test_a_node_whose_disk_was_full_may_have_deleted_old_files() -> None:
    late = drain("slave", {1: "b"}, begin=1)
    full = fault("disk-full-slave", "other", "slave")
    ops = (SENT, full, send("c", 2), drain("master", BOTH), late, DUMPS)
    assert "unserved" not in invalid(*ops)


def test_logs_that_differ_are_another_matter() -> None:
    shorter = [*dump("master", LOG), *dump("slave", LogDump(begin=0, end=4, block=4, crcs=[1]))]
    ops = (SENT, drain("master", BOTH), drain("slave", {0: "a"}, end=1), shorter)
    assert "unserved" not in invalid(*ops)


def test_send_ok_that_the_slave_never_had_was_a_lie() -> None:
    """Also after the master was set back, when a slave that is ahead must not be counted."""
    set_back = fault("power-cut-master", "power", "master")
    ops = (set_back, SENT, drain("master", BOTH), drain("slave", {0: "a"}, end=1))
    assert "dishonest-status" in invalid(*ops, mode="SYNC_MASTER+ASYNC_FLUSH")
    assert "dishonest-status" not in invalid(*ops, mode="ASYNC_MASTER+ASYNC_FLUSH")


def test_a_slave_that_lost_its_disk_need_not_have_what_was_acknowledged_before() -> None:
    lost = fault("disk-lost-slave", "disk", "slave")
    ops = (SENT, lost, drain("master", BOTH), drain("slave", {0: "a"}, end=1))
    assert "dishonest-status" not in invalid(*ops)


def test_a_reader_beyond_the_end_goes_to_the_end_and_not_to_zero() -> None:
    assert invalid(SENT, pull("master", 5, 2, 2)) == []
    assert "nonmonotonic-pull" in invalid(SENT, pull("master", 5, 2, 0))
    assert "nonmonotonic-pull" in invalid(SENT, pull("slave", 5, 2, 0))
    assert "nonmonotonic-pull" in invalid(SENT, pull("slave", 5, 2, 4))


def test_a_reader_beyond_the_end_of_a_slave_may_wait_there_while_no_offset_is_used_again() -> None:
    """A slave of RocketMQ 4.9.3 says so by its defaults, and a slave that is behind catches up."""
    assert invalid(SENT, pull("slave", 5, 2, 5)) == []
    assert "nonmonotonic-pull" in invalid(SENT, pull("master", 5, 2, 5))
    of_slave, of_master = (fault(f"disk-lost-{node}", "disk", node) for node in ("slave", "master"))
    assert "nonmonotonic-pull" not in invalid(SENT, of_slave, pull("slave", 5, 2, 5))
    assert "nonmonotonic-pull" in invalid(SENT, of_master, pull("slave", 5, 2, 5))


def test_a_slave_may_not_be_longer_than_its_master_is_later() -> None:
    assert "watermark-regressed" in invalid(SENT, pull("slave", 3, 3, 3), pull("master", 2, 2, 2))
    assert "watermark-regressed" not in invalid(
        SENT, pull("master", 2, 2, 2), pull("slave", 3, 3, 3)
    )


def test_a_slave_may_be_longer_than_a_master_that_lost_its_tail() -> None:
    cut = fault("power-cut-master", "power", "master")
    ops = (SENT, cut, pull("slave", 3, 3, 3), pull("master", 2, 2, 2))
    assert "watermark-regressed" not in invalid(*ops, mode="ASYNC_MASTER+ASYNC_FLUSH")


def test_an_answer_that_is_no_record_is_a_corrupted_message() -> None:
    begin, _ = pull("slave", 0, 2, 2)
    error = ["RemoteProtocolError", "expected records, got 20 bytes: expected body CRC 0x1"]
    failed = [begin, {**begin, "type": "fail", "error": error}]
    assert "corrupted" in invalid(SENT, failed)
    gone = [begin, {**begin, "type": "fail", "error": ["ClosedError", "the connection ended"]}]
    assert "corrupted" not in invalid(SENT, gone)


def test_a_record_whose_bits_were_damaged_is_no_lie_of_the_broker() -> None:
    """A flipped bit may say that a body is compressed, and no checksum covers that."""
    begin, _ = pull("slave", 0, 2, 2)
    error = ["RemoteProtocolError", "expected records, got 9470 bytes: incorrect header check"]
    failed = [begin, {**begin, "type": "fail", "error": error}]
    for node, kind in (("slave", "damage"), ("master", "damage")):
        assert "corrupted" not in invalid(SENT, fault("bit-flip", kind, node), failed)
    assert "corrupted" in invalid(SENT, fault("kill", "process", "slave"), failed)
    assert "corrupted" in invalid(SENT, failed, fault("bit-flip", "damage", "slave"))


def commit(node: str, offset: int) -> list[dict[str, Any]]:
    common = {"process": 1, "f": "commit", "topic": TOPIC, "queue": 0, "node": node, "group": "g"}
    common["queue_offset"] = offset
    return [{"type": "invoke", **common}, {"type": "ok", **common}]


def started(node: str, offset: int) -> list[dict[str, Any]]:
    assign = {"process": 1, "f": "assign", "value": [[TOPIC, 0]], "node": node, "group": "g"}
    first = [{**op, "group": "g"} for op in pull(node, offset, 3, offset)]
    return [{"type": "invoke", **assign}, {"type": "ok", **assign}, *first]


def test_a_master_that_never_heard_of_a_commit_to_the_slave_goes_by_its_own() -> None:
    """A3: a group that went to a slave that lags starts at the master where it was there."""
    read = [{**op, "group": "g"} for op in pull("master", 2, 3, 2)]
    to_both = (read, commit("master", 2), commit("slave", 1))
    assert "commit-jumped" not in invalid(SENT, *to_both, started("master", 2))
    assert "commit-jumped" in invalid(SENT, *to_both, started("master", 3))


def test_a_slave_that_was_behind_when_it_was_drained_may_have_caught_up_since() -> None:
    """Its link was dead and looked alive: both logs stood still, and not at one place."""
    drains = [*drain("master", BOTH), *drain("slave", {0: "a"}, end=1)]
    alike = [*probe("master", 8), *probe("slave", 8)]
    behind = [*probe("master", 8), *probe("slave", 4)]
    assert "unserved" in invalid(SENT, alike, drains, DUMPS)
    assert "unserved" not in invalid(SENT, behind, drains, DUMPS)
