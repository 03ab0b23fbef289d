"""Two equal logs serve the same messages: what one node gives, the other gives as well.

    unserved    a message that the certified drain of one node alone holds; or what the
                slave denied a reader while its master was down (``refuge``)
    corrupted   a pull or a drain was answered with bytes that are no sound records; allowed after
                bits of the node were damaged, for no checksum covers all of a record

A slave is there to be read from when the master is gone (P10). Where the dumps say that both
nodes' logs are one, and nothing was written between drains and dumps, a message that only one
node gives is in the other's log and in no queue of it, or below where its queue begins. A node
may also have deleted old files, so what lies below its min offset is left out if a fault made
its disk look full, or its clock ahead.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.certificates import Certificate
from checkers.damage import damaged_before
from checkers.findings import anomaly, verdict
from checkers.messages import NEVER
from checkers.pulls import unreadable
from checkers.refuge import denied
from checkers.replicas import compare_logs, last_dumps
from checkers.verdict import Finding, Validity, Verdict
from checkers.windows import ages
from histories.history import NONE
from histories.op import OpType

__all__ = ["serving"]

Ints = NDArray[np.int64]


def serving(case: Case) -> Verdict:
    """Judge whether both nodes give the same messages."""
    found: list[tuple[int, int, Certificate, Certificate]] = []
    bad = unreadable(case.history, "pull", "drain")
    damaged = damaged_before(case, case.history.node[bad].astype(np.int64), bad)
    if _one_log(case):
        for one, other in _pairs(case):
            found += [(queue, offset, one, other) for queue, offset in _missing(case, one, other)]

    def tell(place: int) -> Finding:
        queue, offset, one, other = found[place]
        name = case.queue_name(queue)
        giver, node = (case.history.nodes[drain.node] for drain in (one, other))
        rows = case.indices(one.begin_row, one.row, other.begin_row, other.row)
        text = (
            f"{name} offset {offset}: {giver} gives it, and {node}, whose log ends alike, does not"
        )
        return Finding(text, rows, {"queue": name, "offset": offset, "node": node})

    def tell_denied(row: int) -> Finding:
        op, begin = case.history.op(row), int(case.history.pair[row])
        name, offset = (
            case.queue_name(int(case.history.queue[row])),
            int(case.history.offset[begin]),
        )
        what = f"answered {op.error}" if op.error else f"gave nothing from offset {offset} on"
        text = f"{name}: with the master down, {op.node} {what}, and had records by then"
        return Finding(text, case.indices(begin, row), {"queue": name, "node": op.node})

    def tell_unreadable(row: int) -> Finding:
        op = case.history.op(row)
        rows = case.indices(int(case.history.pair[row]), row)
        return Finding(f"{op.node} answered a {op.f} with {op.error}", rows, {"node": op.node})

    return verdict(
        [
            *anomaly("unserved", np.arange(len(found)), tell),
            *anomaly("unserved", denied(case), tell_denied),
            *anomaly("corrupted", bad[~damaged], tell_unreadable),
            *anomaly("corrupted", bad[damaged], tell_unreadable, Validity.VALID),
        ]
    )


def _one_log(case: Case) -> bool:
    """Whether both logs were one from the drains to the last dumps, and no operator mended them."""
    if any(window.resync for window in case.windows) or not _ended_alike(case):
        return False
    dumps = last_dumps(case, 0, NEVER)
    master, slave = dumps.get(case.contract.master), dumps.get(case.contract.slave)
    if master is None or slave is None or master[1].end != slave[1].end:
        return False
    difference = compare_logs(master[1], slave[1])
    if difference is not None and difference.unknown:
        # One begins within a block of the other. They end together, and nothing drove them apart.
        return not any(window.sets_back(case.contract) for window in case.windows)
    return slave[1].end > slave[1].begin and difference is None


def _ended_alike(case: Case) -> bool:
    """Whether both logs ended alike before the drains: a slave may catch up between two of them."""
    first = min((drain.begin_row for drain in case.certificates.drains), default=NEVER)
    ends: dict[str | None, object] = {}
    probes = case.history.rows("probe", OpType.OK)
    for row in probes[probes < first].tolist():
        op = case.history.op(row)
        ends[op.node] = op.value.get("end") if isinstance(op.value, dict) else None
    return len(set(ends.values())) <= 1


def _pairs(case: Case) -> Iterator[tuple[Certificate, Certificate]]:
    """Give each queue's last drain of one node with that of the other, both ways round."""
    contract, history = case.contract, case.history
    codes = [history.node_code(name) for name in (contract.master, contract.slave)]
    last = {(drain.node, drain.queue): drain for drain in case.certificates.drains}
    for node, queue in sorted(last):
        if node in codes:
            other = last.get((codes[1 - codes.index(node)], queue))
            if other is not None:
                yield last[node, queue], other


def _missing(case: Case, one: Certificate, other: Certificate) -> Iterator[tuple[int, int]]:
    """Give what one node gave and the other did not."""
    floor = NONE
    name = case.history.nodes[other.node]
    if any(ages(window, name) for window in case.windows):
        floor = other.min_offset
    if other.holed:
        return  # which queue a bad record is in, each node may see otherwise
    lacking = np.setdiff1d(_offsets(case, one), _offsets(case, other))
    for offset in lacking[lacking >= floor].tolist():
        yield one.queue, offset


def _offsets(case: Case, drain: Certificate) -> Ints:
    """Give the offsets at which a drain found messages."""
    offset = case.reads.offset[np.isin(case.reads.row, drain.rows)]
    known: Ints = offset[offset != NONE]
    return known
