"""The slave's commit log is a prefix of the master's, byte for byte.

Logs are compared by their dumps (``histories.op.LogDump``): checksums of whole blocks, of the
tail, and of the longer log's bytes up to where the shorter one ends. The last dump of each node
counts. The logs have diverged if a block that both have whole differs, if the tails differ, or if
the slave's log is the longer one.

A fault that set the master's log back may leave the slave ahead or different; our broker refuses
to feed such a slave, and the divergence is counted, not held against it. So is a damaged slave.
After the operator's resynchronisation there is no excuse any more.

    unconverged   the logs are still unequal when the convergence time since the last cure, and
                  since the last send, is long over
"""

from itertools import pairwise

import msgspec
import numpy as np

from checkers.case import Case
from checkers.contract import MS, FaultClass
from checkers.discarded import discarded
from checkers.findings import anomaly, verdict
from checkers.messages import NEVER
from checkers.verdict import Anomaly, Finding, Validity, Verdict
from histories.op import LogDump, OpType

__all__ = ["compare_logs", "last_dumps", "replicas"]


def replicas(case: Case) -> Verdict:
    """Judge whether the two logs are one, before the operator's command and after it."""
    found: list[Anomaly] = []
    counts: dict[str, int] = {}
    why: list[str] = []
    commands = [window.inject_row for window in case.windows if window.resync]
    for begin, end in pairwise([0, *commands, NEVER]):
        dumps = last_dumps(case, begin, end)
        master, slave = (dumps.get(node) for node in (case.contract.master, case.contract.slave))
        if master is None or slave is None:
            why += [f"commit logs: the {node}'s alone was dumped" for node in dumps]
            continue
        counts = {"master-end": master[1].end, "slave-end": slave[1].end}
        difference = compare_logs(master[1], slave[1])
        rows = (master[0], slave[0])
        if difference is not None and difference.unknown:
            why.append(f"commit logs: {difference.text}")
        elif difference is not None:
            found += _diverged(case, difference, rows)
        elif master[1].end != slave[1].end and _is_late(case, min(rows)):
            found += _unconverged(case, counts, rows)
    return verdict([*found, *discarded(case)], counts, why)


def _diverged(case: Case, difference: "Difference", rows: tuple[int, int]) -> list[Anomaly]:
    validity = Validity.VALID if _excused(case, min(rows)) else Validity.INVALID
    finding = Finding(difference.text, case.indices(*rows), {"at": difference.at})
    return anomaly("diverged", np.zeros(1, np.int64), lambda _: finding, validity)


def _unconverged(case: Case, ends: dict[str, int], rows: tuple[int, int]) -> list[Anomaly]:
    text = f"the master's log ends at {ends['master-end']}, the slave's at {ends['slave-end']}"
    finding = Finding(f"long after all cures {text}", case.indices(*rows), ends)
    return anomaly("unconverged", np.zeros(1, np.int64), lambda _: finding)


class Difference(msgspec.Struct, frozen=True):
    """Where two logs part, or why that cannot be told."""

    text: str
    at: int = 0
    unknown: bool = False


def compare_logs(master: LogDump, slave: LogDump) -> Difference | None:
    """Say how the slave's log is no prefix of the master's; None if it is one.

    >>> whole = LogDump(begin=0, end=8, block=4, crcs=[1, 2])
    >>> compare_logs(whole, LogDump(begin=0, end=4, block=4, crcs=[1])) is None
    True
    >>> compare_logs(whole, LogDump(begin=0, end=4, block=4, crcs=[9])).text
    'the logs differ in the block at 0'
    """
    if slave.end <= slave.begin:
        return None  # an empty log is a prefix of every log
    if slave.end > master.end:
        text = f"the slave's log ends at {slave.end}, beyond the master's at {master.end}"
        return Difference(text, master.end)
    block = master.block
    if block != slave.block or (master.begin - slave.begin) % block:
        return Difference("dumped in blocks that cannot be compared", unknown=True)

    begin = max(master.begin, slave.begin)
    ours = master.crcs[(begin - master.begin) // block :]
    theirs = slave.crcs[(begin - slave.begin) // block :]
    for place, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one != other:
            at = begin + place * block
            return Difference(f"the logs differ in the block at {at}", at)
    return _compare_tail(master, slave)


def _compare_tail(master: LogDump, slave: LogDump) -> Difference | None:
    tail_at = slave.begin + len(slave.crcs) * slave.block
    if tail_at == slave.end:
        return None
    crc = master.tail_crc if master.end == slave.end else master.at.get(str(slave.end))
    if crc is None:
        text = f"the master's dump has no checksum up to {slave.end}, where the slave's log ends"
        return Difference(text, tail_at, unknown=True)
    if crc != slave.tail_crc:
        return Difference(f"the logs differ between {tail_at} and {slave.end}", tail_at)
    return None


def last_dumps(case: Case, begin: int, end: int) -> dict[str, tuple[int, LogDump]]:
    """Give the last dump of each node between two rows."""
    dumps: dict[str, tuple[int, LogDump]] = {}
    rows = case.history.rows("dump", OpType.OK)
    for row in rows[(rows >= begin) & (rows < end)].tolist():
        op = case.history.op(row)
        if op.node is not None:
            dumps[op.node] = (row, msgspec.convert(op.value, LogDump))
    return dumps


def _excused(case: Case, row: int) -> bool:
    """Whether a fault set the master's log back, or damaged the slave's, and no one mended it."""
    contract = case.contract
    causes = [
        window.inject_row
        for window in case.windows
        if window.sets_back(contract)
        or (window.fault_class is FaultClass.DAMAGE and window.destroys(contract.slave))
    ]
    mended = [window.cured_row for window in case.windows if window.resync and window.bit]
    last_mend = max((at for at in mended if at < row), default=-1)
    return any(last_mend < at < row for at in causes)


def _is_late(case: Case, row: int) -> bool:
    """Whether the dump was made so late that the logs must be equal."""
    healed = max((window.cured_ns for window in case.windows), default=0)
    sends = case.history.rows("send")
    sent = int(case.time[sends].max(initial=0)) if len(sends) else 0
    if healed == NEVER:
        return False
    return int(case.time[row]) - max(healed, sent) > case.contract.convergence_ms * MS
