"""A group starts again where it committed, and commits nothing that it has not been given.

    commit-regressed   an assign after an ok commit, and the first pull starts below every offset
                       that the commit may have left
    commit-jumped      it starts above all of them; or a commit was beyond all that the group had
                       been given, or had asked for, in that queue

Which offset stands committed is not always certain: the last ok commit before the assign, or one
that was under way or in doubt meanwhile. The start is judged against all of these. Going back is
allowed after a fault of a node, for a master that died had its table on disk a few seconds ago,
and down to what the node that was asked may have known (``standing``): a master is not told what
the slave is, and a slave's table is a copy as old as the last synchronisation.
A commit may also be of a log that was lost meanwhile: who commits learned the offset before the
fault, the queue has become shorter, and the group starts at its end. So the time in which a fault
excuses begins with the committer's last pull; and what a slave gave or knows whose master was set
back, and whose log nobody has mended, is of that other log at any time.
"""

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.findings import anomaly, verdict
from checkers.standing import Ledger, ledgers_of, of_a_node
from checkers.verdict import Finding, Validity, Verdict
from histories.history import NONE
from histories.op import OpType

__all__ = ["commits"]

Ints = NDArray[np.int64]


def commits(case: Case) -> Verdict:
    """Judge where groups start, and what they commit."""
    regressed: list[tuple[Finding, Validity]] = []
    jumped: list[tuple[Finding, Validity]] = []
    ledgers = ledgers_of(case)
    for start in _starts(case):
        pull = start[-1]
        ledger = ledgers.get((int(case.pulls.group[pull]), int(case.pulls.queue[pull])))
        found = None if ledger is None else _judge_start(case, ledger, *start)
        if found is not None:
            name, finding, validity = found
            (regressed if name == "commit-regressed" else jumped).append((finding, validity))
    jumped += [(finding, Validity.INVALID) for finding in _beyond(case)]

    anomalies = []
    for name, instances in (("commit-regressed", regressed), ("commit-jumped", jumped)):
        for validity in (Validity.INVALID, Validity.VALID):
            findings = [finding for finding, judged in instances if judged is validity]
            anomalies += anomaly(name, np.arange(len(findings)), findings.__getitem__, validity)
    return verdict(anomalies, {f"{item.name}-count": item.count for item in anomalies})


def _starts(case: Case) -> list[tuple[int, int, int]]:
    """Give (assign's invoke row, its end row, place in ``pulls`` of the first pull after it).

    One for each queue that the process pulls before it is assigned anew.
    """
    history, pulls = case.history, case.pulls
    begins = history.rows("assign", OpType.INVOKE)
    ends = history.pair[begins].astype(np.int64)
    good = (ends != NONE) & (history.type[np.maximum(ends, 0)] == OpType.OK)
    begins, ends = begins[good], ends[good]

    size = len(history) + 1
    keys = history.process[begins].astype(np.int64) * size + ends
    order = np.argsort(keys)
    mine = np.flatnonzero(~case.is_drain(pulls.row))
    place = np.searchsorted(keys[order], pulls.process[mine] * size + pulls.begin_row[mine]) - 1
    assigned = np.where(place >= 0, order[np.maximum(place, 0)] if len(order) else 0, NONE)
    same = (assigned != NONE) & (
        history.process[begins[np.maximum(assigned, 0)]] == pulls.process[mine]
        if len(begins)
        else False
    )
    mine, assigned = mine[same], assigned[same]
    _, first = np.unique(np.stack([assigned, pulls.queue[mine]]), axis=1, return_index=True)
    return [
        (int(begins[assigned[at]]), int(ends[assigned[at]]), int(mine[at])) for at in first.tolist()
    ]


def _judge_start(
    case: Case, ledger: Ledger, assign_begin: int, assign_end: int, pull: int
) -> tuple[str, Finding, Validity] | None:
    """Compare where a process started with what its group may have left committed."""
    pulls, history = case.pulls, case.history
    start = int(history.offset[pulls.begin_row[pull]])
    queue, table = int(pulls.queue[pull]), case.commits
    last = ledger.last(assign_begin)
    if NONE in (last, start):
        return None
    offsets = table.offset[ledger.standing(last, assign_begin, assign_end)]
    asked = (assign_begin, assign_end, int(pulls.begin_row[pull]), int(pulls.row[pull]))

    def finding(commit: int) -> Finding:
        """Tell of a start, and of the commit that it should go by."""
        committed, name = int(table.offset[commit]), case.queue_name(queue)
        rows = case.indices(int(table.begin_row[commit]), int(table.end_row[commit]), *asked)
        text = f"{name}: the group committed {committed} and started again at {start}"
        return Finding(text, rows, {"queue": name, "committed": committed, "started": start})

    certain = ledger.certain(int(history.node[assign_begin]), assign_begin, assign_end)
    if certain is not None and start < table.offset[certain[1]].min():
        excused = _disturbed(case, _known_since(case, certain[0]), assign_end)
        excused = excused or _of_another_log(case, certain[0])
        validity = Validity.VALID if excused else Validity.INVALID
        return "commit-regressed", finding(certain[0]), validity
    if start < offsets.min():
        return "commit-regressed", finding(last), Validity.VALID
    if start > offsets.max() and start > pulls.min_offset[pull]:
        excused = _disturbed(case, _known_since(case, last), assign_end)
        excused = excused or _asked_of_another_log(case, assign_begin)
        validity = Validity.VALID if excused else Validity.INVALID
        return "commit-jumped", finding(last), validity
    return None


def _disturbed(case: Case, begin_row: int, end_row: int) -> bool:
    """Whether a fault of a node was on between two rows."""
    return any(
        window.inject_row < end_row and window.cured_row > begin_row
        for window in case.windows
        if of_a_node(case, window) or window.resync
    )


def _known_since(case: Case, commit: int) -> int:
    """Give the row where whoever made a commit last asked that queue what it holds."""
    last = _last_pull(case, commit)
    at = case.commits.begin_row[commit] if last == NONE else case.pulls.begin_row[last]
    return int(at)


def _of_another_log(case: Case, commit: int) -> bool:
    """Whether a commit to the master tells an offset of a slave whose log is not the master's."""
    table, pulls = case.commits, case.pulls
    last, begin = _last_pull(case, commit), int(table.begin_row[commit])
    slave = case.history.node_code(case.contract.slave)
    if last == NONE or pulls.node[last] != slave or table.node[commit] == slave:
        return False
    return _is_apart(case, begin, int(pulls.begin_row[last]))


def _asked_of_another_log(case: Case, assign: int) -> bool:
    """Whether it was a slave that knows what its master was told before it was set back."""
    slave = case.history.node_code(case.contract.slave)
    return bool(case.history.node[assign] == slave) and _is_apart(case, assign, assign)


def _is_apart(case: Case, row: int, mended_by: int) -> bool:
    """Whether the master had been set back at a row, and nobody had mended the slave since."""
    set_back = [w.inject_row for w in case.windows if w.sets_back(case.contract)]
    mended = [w.inject_row for w in case.windows if w.resync]
    since = max((at for at in set_back if at < row), default=NONE)
    return since != NONE and not any(since < at < mended_by for at in mended)


def _last_pull(case: Case, commit: int) -> int:
    """Give the place of the last pull of a commit's queue by whoever made it; NONE if none."""
    table, pulls = case.commits, case.pulls
    begin = int(table.begin_row[commit])
    own = (pulls.process == case.history.process[begin]) & (pulls.queue == table.queue[commit])
    before = np.flatnonzero(own & (pulls.row < begin))
    return int(before[np.argmax(pulls.begin_row[before])]) if len(before) else NONE


def _beyond(case: Case) -> list[Finding]:
    """Find commits beyond everything that the group had been given or had asked for."""
    table, pulls, history = case.commits, case.pulls, case.history
    reach = _reach(case)
    found = []
    keys = np.stack([table.group, table.queue])
    for group, queue in np.unique(keys, axis=1).T.tolist():
        mine = np.flatnonzero((table.group == group) & (table.queue == queue))
        had = np.flatnonzero((pulls.group == group) & (pulls.queue == queue))
        if not len(had):
            continue
        furthest = np.maximum.accumulate(reach[had])
        place = np.searchsorted(pulls.row[had], table.begin_row[mine]) - 1
        # A pull that is still on its way may have been given more; who commits knows.
        bound = np.where(place >= 0, furthest[np.maximum(place, 0)], NONE)
        over = mine[(bound != NONE) & (table.offset[mine] > bound)]
        found += [_tell_beyond(case, history.queues[queue], int(at)) for at in over]
    return sorted(found, key=lambda finding: finding.ops)


def _reach(case: Case) -> Ints:
    """Give for every ok pull the furthest position that its reader may rightly have after it."""
    pulls, reads, history = case.pulls, case.reads, case.history
    reach = np.maximum(pulls.next_offset, history.offset[pulls.begin_row])
    place = np.searchsorted(pulls.row, reads.row)
    np.maximum.at(reach, place, reads.offset + 1)
    return reach


def _tell_beyond(case: Case, queue: str, commit: int) -> Finding:
    table = case.commits
    offset = int(table.offset[commit])
    return Finding(
        f"{queue}: the group committed {offset}, beyond all that it had been given",
        case.indices(int(table.begin_row[commit]), int(table.end_row[commit])),
        {"queue": queue, "committed": offset},
    )
