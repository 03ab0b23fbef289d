"""SEND_OK is only said when the copies that it promises exist.

From a history alone five things prove that it was a lie:

    no slave     under SYNC_MASTER, a strong ack of a send that began after the HA link was proven
                 cut (or the slave proven down) and ended before the cure began
    too fast     under SYNC_MASTER, a strong ack sooner than the latency put on the HA link lets
                 the record travel there and the report back; under SYNC_FLUSH, sooner than every
                 fsync was made to take
    not there    the slave answered a pull, well after a strong ack under SYNC_MASTER and with
                 nothing wrong with it in between, as if it had never had the record
    not copied   the slave's own drain lacks the record of a strong ack under SYNC_MASTER, and
                 nothing took records from the slave since the send began
    not on disk  after a power cut of the master under SYNC_FLUSH its own drain lacks the record

And a slave takes no sends at all:

    slave-wrote  the slave answered a send with ok
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.certificates import Certificate
from checkers.contract import MS, SEND_OK, FaultClass
from checkers.findings import anomaly, verdict
from checkers.messages import NEVER
from checkers.shortfalls import shortfalls
from checkers.verdict import Anomaly, Finding, Verdict
from checkers.windows import Window, holds_down
from histories.history import NONE

__all__ = ["honesty"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FSYNC_DELAY = "fsync_delay_ms"
"""The control of a node's machine that makes its fsyncs slow (nemesis/catalogue/controls.py)."""

CLOCK_SLACK_NS = 2 * MS
"""A proxy may round a delay down by as much."""


def honesty(case: Case) -> Verdict:
    """Judge whether acks were true when they were given."""
    lies: dict[int, tuple[str, tuple[int, ...]]] = {}
    for rows, reason, proof in _lies(case):
        for row in rows.tolist():
            lies.setdefault(row, (reason, proof))
    rows = np.array(sorted(lies, key=lambda row: case.messages.end_row[row]), np.int64)

    def tell(row: int) -> Finding:
        reason, proof = lies[row]
        return _tell(case, row, reason, proof)

    found = [*anomaly("dishonest-status", rows, tell), *_written_to_slave(case)]
    return verdict(found, {f"{item.name}-count": item.count for item in found})


def _lies(case: Case) -> Iterator[tuple[Ints, str, tuple[int, ...]]]:
    """Give messages (rows of ``case.messages``) whose strong ack was no truth, why, and proof."""
    contract = case.contract
    strong = _strong(case)
    for window in case.windows:
        proof = tuple(row for row in (window.bitten_row, window.cure_row) if row != NEVER)
        if contract.sync_master and _parts_slave(case, window):
            text = f"the slave was out of reach ({window.name})"
            yield np.flatnonzero(strong & _within(case, window)), text, proof
        delay = _slave_delay_ms(case, window) if contract.sync_master else 0
        if delay:
            fast = strong & _within(case, window) & _took_less(case, delay)
            text = f"sooner than the {delay} ms that replication takes ({window.name})"
            yield np.flatnonzero(fast), text, proof
        stall = _fsync_delay_ms(case, window) if contract.sync_flush else 0
        if stall:
            fast = strong & _within(case, window) & _took_less(case, stall)
            text = f"sooner than the {stall} ms that fsync takes ({window.name})"
            yield np.flatnonzero(fast), text, proof
    if contract.sync_master:
        yield from _not_on_slave(case, strong)
        yield from _not_copied(case, strong)
    if contract.sync_flush:
        yield from _not_on_disk(case, strong)


def _strong(case: Case) -> Bools:
    messages = case.messages
    return messages.ok & np.isin(messages.status, [case.history.status_code(SEND_OK)])


def _within(case: Case, window: Window) -> Bools:
    """Tell which sends began after the fault was proven and ended before its cure began."""
    messages = case.messages
    if window.bit is not True:
        return np.zeros(len(messages), np.bool_)
    return (messages.begin_row > window.bitten_row) & (messages.end_row < window.cure_row)


def _took_less(case: Case, delay_ms: int) -> Bools:
    took = case.messages.end_ns - case.messages.begin_ns
    return took + CLOCK_SLACK_NS < delay_ms * MS


def _parts_slave(case: Case, window: Window) -> bool:
    if holds_down(window, case.contract.slave):
        return True
    return "mode" in window.options and case.contract.replication_link in window.targets


def _slave_delay_ms(case: Case, window: Window) -> int:
    """Give the least time in which a record can reach the slave and its report come back."""
    options = window.options
    if case.contract.replication_link not in window.targets or options.get("toxicity", 1) != 1:
        return 0
    latency: int = options.get("latency", options.get("latency_ms", 0))
    jitter: int = options.get("jitter", options.get("jitter_ms", 0))
    ways = 2 if options.get("stream", "both") == "both" else 1
    return max(0, ways * (latency - jitter))


def _fsync_delay_ms(case: Case, window: Window) -> int:
    """Give how much longer a fault made each fsync of the master take."""
    if case.contract.master not in window.targets:
        return 0
    delay = window.options.get("value") if window.options.get("control") == FSYNC_DELAY else 0
    return delay if isinstance(delay, int) else 0


def _not_on_slave(case: Case, strong: Bools) -> Iterator[tuple[Ints, str, tuple[int, ...]]]:
    """Find strong acks that a healthy slave's later answer contradicts."""
    pulls, contract = case.pulls, case.contract
    slave = case.history.node_code(contract.slave)
    if slave == NONE or any(window.sets_back(contract) for window in case.windows):
        return  # a slave that diverged has other records at the same offsets
    troubles = [
        window for window in case.windows if contract.slave in window.targets or window.resync
    ]
    # What is in the slave's page cache may be readable only once it is flushed there.
    slack_ns = contract.flush_bound_ns
    for ack, answer in shortfalls(case, slave, np.flatnonzero(strong), troubles, slack_ns):
        text = f"the slave later ended at {int(pulls.max_offset[answer])}"
        yield np.array([ack]), text, (int(pulls.begin_row[answer]), int(pulls.row[answer]))


def _not_copied(case: Case, strong: Bools) -> Iterator[tuple[Ints, str, tuple[int, ...]]]:
    """Find strong acks that the slave's own drain lacks, although the slave lost nothing since.

    This holds after the master was set back, too: from then on the slave is ahead, or different,
    and until an operator has mended that nobody may be told that it has anything.
    """
    messages, contract = case.messages, case.contract
    slave = case.history.node_code(contract.slave)
    taken = [window.cured_row for window in case.windows if window.destroys(contract.slave)]
    since = strong & (messages.begin_row > max(taken, default=NONE))
    for drain, held in _held(case, slave):
        wrong = since & ~held & (messages.queue == drain.queue)
        wrong &= (messages.end_row < drain.begin_row) & (messages.offset >= drain.min_offset)
        text = "the slave does not have it"
        yield np.flatnonzero(wrong), text, (drain.begin_row, drain.row)


def _held(case: Case, node: int) -> Iterator[tuple[Certificate, Bools]]:
    """Give every drain of a node, with the messages that it found.

    What a node shows after the operator's resynchronisation says nothing of what it had before.
    """
    mended = min((window.inject_row for window in case.windows if window.resync), default=NEVER)
    for drain in case.certificates.drains:
        if drain.node != node or drain.max_offset == NONE or drain.row > mended:
            continue
        held = np.zeros(len(case.messages), np.bool_)
        mine = case.reads.message[np.isin(case.reads.row, drain.rows)]
        held[mine[mine != NONE]] = True
        yield drain, held


def _not_on_disk(case: Case, strong: Bools) -> Iterator[tuple[Ints, str, tuple[int, ...]]]:
    """Find strong acks before a power cut of the master that its own drain lacks."""
    messages, contract = case.messages, case.contract
    cuts = [
        window
        for window in case.windows
        if window.fault_class is FaultClass.POWER and contract.master in window.targets
    ]
    wiped = any(
        window.destroys(contract.master) and window.fault_class is not FaultClass.POWER
        for window in case.windows
    )
    if not cuts or wiped:
        return
    master = case.history.node_code(contract.master)
    last = max(cuts, key=lambda window: window.inject_row)
    for drain, held in _held(case, master):
        wrong = strong & ~held & (messages.queue == drain.queue)
        wrong &= (messages.end_row < last.inject_row) & (messages.offset >= drain.min_offset)
        text = f"the master's disk lacks it after {last.name}"
        yield np.flatnonzero(wrong), text, (last.inject_row, drain.begin_row, drain.row)


def _tell(case: Case, row: int, reason: str, proof: tuple[int, ...]) -> Finding:
    messages = case.messages
    value = case.text(int(messages.value[row]))
    took = int(messages.end_ns[row] - messages.begin_ns[row]) / MS
    return Finding(
        f"{value} was answered SEND_OK after {took:.1f} ms, but {reason}",
        case.indices(int(messages.begin_row[row]), int(messages.end_row[row]), *proof),
        {"value": value, "reason": reason, "took_ms": round(took, 3)},
    )


def _written_to_slave(case: Case) -> list[Anomaly]:
    messages, slave = case.messages, case.history.node_code(case.contract.slave)
    rows = np.flatnonzero(messages.ok & (messages.node == slave) & (slave != NONE))

    def tell(row: int) -> Finding:
        value = case.text(int(messages.value[row]))
        at = case.indices(int(messages.begin_row[row]), int(messages.end_row[row]))
        return Finding(f"the slave accepted {value}", at, {"value": value})

    return anomaly("slave-wrote", rows, tell)
