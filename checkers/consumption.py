"""A consumer that reads on from where it was passes over nothing and goes back to nothing.

Distances are counted in *known* offsets of the queue: offsets of which an ack or a read says that
they hold something. From one message to the next that a consumer gets,

    pull-skip-inside, pull-skip                  the distance is more than one
    nonmonotonic-pull-inside, nonmonotonic-pull  it is less than one: back, or the same again

*inside* is within one pull, from the offset that it asked for on; the others are from the last
message of a process's last ok pull of the queue to the first of its next one. A position holds for
an epoch: an ``assign`` ends it, and so does a fault that may free offsets. Going back is allowed,
and counted, after a crash of a node or a change of node: at least once means some of it twice.
Passing over something never is, unless it is below the queue's min offset by then.

A reader that stands outside a queue is told where to go on, and that must be the queue's nearer
end: being sent elsewhere is *nonmonotonic-pull* as well, whether the reader goes there or not. A
slave that is behind may also tell it to stay, as RocketMQ's does: it will get as far, unless the
master was set back, so that other records may come to stand at those offsets.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.damage import damaged_before
from checkers.findings import anomaly, verdict
from checkers.messages import NEVER
from checkers.multisets import distinct
from checkers.pulls import assignments_before
from checkers.verdict import Anomaly, Finding, Validity, Verdict
from checkers.windows import CRASHES, epochs, met
from histories.history import NONE

__all__ = ["consumption"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
QUEUE = 1 << 40
"""Offsets of a queue are numbered from its code times this."""

Steps: TypeAlias = tuple[Ints, Ints]
"""Places in ``case.reads``: from one message to the next."""


def consumption(case: Case) -> Verdict:
    """Judge the steps that consumers took."""
    reads = case.reads
    rank = _ranks(case)
    placed = np.flatnonzero((reads.offset != NONE) & (reads.queue != NONE))

    inside = _inside(case, placed)
    distance = rank[inside[1]] - rank[inside[0]]
    of_pulls = ~reads.drain[inside[1]]
    found = [
        # What a drain skips is a hole.
        *_skipped(case, "pull-skip-inside", inside, (distance > 1) & of_pulls),
        *_found(case, "nonmonotonic-pull-inside", inside, distance < 1),
        *_begun_late(case, placed),
    ]

    across = _across(case, placed)
    distance = rank[across[1]] - rank[across[0]]
    twice = _may_repeat(case, across)
    found += [
        *_skipped(case, "pull-skip", across, (distance > 1) & ~_deleted(case, across)),
        *_found(case, "nonmonotonic-pull", across, (distance < 1) & ~twice),
        *_found(case, "nonmonotonic-pull", across, (distance < 1) & twice, Validity.VALID),
        *_sent_astray(case),
    ]
    return verdict(found, {f"{item.name}-count": item.count for item in found})


def _sent_astray(case: Case) -> list[Anomaly]:
    """Find readers beyond a queue's end, or before its begin, that were not sent there."""
    pulls = case.pulls
    asked = case.history.offset[pulls.begin_row]
    told = (pulls.next_offset != NONE) & (asked != NONE) & (pulls.max_offset != NONE)
    nearest = np.clip(asked, pulls.min_offset, pulls.max_offset)
    astray = told & (asked != nearest) & (pulls.next_offset != nearest)
    astray &= ~_waits(case, asked)

    def tell(place: int) -> Finding:
        queue, begin = case.queue_name(int(pulls.queue[place])), int(asked[place])
        bounds = int(pulls.min_offset[place]), int(pulls.max_offset[place])
        to = int(pulls.next_offset[place])
        rows = case.indices(int(pulls.begin_row[place]), int(pulls.row[place]))
        data = {"queue": queue, "process": int(pulls.process[place]), "from": begin, "to": to}
        text = f"{queue} goes from {bounds[0]} to {bounds[1]}: a reader at {begin} was sent to {to}"
        return Finding(text, rows, data)

    return anomaly("nonmonotonic-pull", np.flatnonzero(astray), tell)


def _waits(case: Case, asked: Ints) -> Bools:
    """Tell which readers a slave let stay beyond its end before any offset was used again."""
    pulls, contract = case.pulls, case.contract
    freed = [w.inject_row for w in case.windows if w.resync or w.sets_back(contract)]
    whole = pulls.row < min(freed, default=NEVER)
    stays = (asked > pulls.max_offset) & (pulls.next_offset == asked)
    waits: Bools = whole & stays & (pulls.node == case.history.node_code(contract.slave))
    return waits


def _begun_late(case: Case, placed: Ints) -> list[Anomaly]:
    """Find pulls whose first message stands behind known ones that they had asked for."""
    reads, pulls, claims = case.reads, case.pulls, case.claims
    pulled = placed[~reads.drain[placed]]
    first = (
        pulled[np.r_[True, reads.row[pulled][1:] != reads.row[pulled][:-1]]]
        if len(pulled)
        else pulled
    )
    asked = case.history.offset[reads.begin_row[first]]
    floor = np.maximum(asked, pulls.min_offset[np.searchsorted(pulls.row, reads.row[first])])
    known = distinct(claims.queue * QUEUE + claims.offset)
    at = reads.queue[first] * QUEUE
    over = np.searchsorted(known, at + reads.offset[first]) - np.searchsorted(known, at + floor)
    late = np.flatnonzero((asked != NONE) & (over > 0))

    def tell(place: int) -> Finding:
        read = int(first[place])
        begin, end = int(floor[place]), int(reads.offset[read])
        places = _between(case, int(reads.queue[read]), begin - 1, end)
        name, process = case.queue_name(int(reads.queue[read])), int(reads.process[read])
        rows = [row for _, row in places] + [int(reads.begin_row[read]), int(reads.row[read])]
        data = {"queue": name, "process": process, "from": begin, "to": end}
        data["skipped"] = [case.text(value) for value, _ in places]
        text = f"process {process} asked {name} from offset {begin} and was given {end} first"
        return Finding(text, case.indices(*dict.fromkeys(rows)), data)

    excused = damaged_before(case, reads.node[first[late]], reads.row[first[late]])
    return [
        *anomaly("pull-skip-inside", late[~excused], tell),
        *anomaly("pull-skip-inside", late[excused], tell, Validity.VALID),
    ]


def _ranks(case: Case) -> Ints:
    """Give for every read the number of known offsets before it, in its queue and earlier ones."""
    claims, reads = case.claims, case.reads
    numbers, compact = np.unique(np.concatenate([claims.offset, reads.offset]), return_inverse=True)
    queue = np.concatenate([claims.queue, reads.queue]) + 1
    keys = queue * (len(numbers) + 1) + compact
    known = distinct(keys[: len(claims.offset)])
    return np.searchsorted(known, keys[len(claims.offset) :])


def _inside(case: Case, placed: Ints) -> Steps:
    first, second = placed[:-1], placed[1:]
    same = case.reads.row[first] == case.reads.row[second]
    return first[same], second[same]


def _across(case: Case, placed: Ints) -> Steps:
    """Give the steps from a process's pull of a queue to its next one in the same epoch."""
    reads = case.reads
    pulled = placed[~reads.drain[placed]]
    order = pulled[np.lexsort((pulled, reads.queue[pulled], reads.process[pulled]))]
    first, second = order[:-1], order[1:]
    breaks = [window for window in case.windows if window.destructive or window.resync]
    epoch = epochs(breaks, reads.begin_row, reads.row)
    assigned = assignments_before(case.history, reads.process, reads.row)
    same = (
        (reads.process[first] == reads.process[second])
        & (reads.queue[first] == reads.queue[second])
        & (reads.row[first] != reads.row[second])
        & (epoch[first] == epoch[second])
        & (epoch[first] != NONE)
        & (assigned[first] == assigned[second])
    )
    return first[same], second[same]


def _may_repeat(case: Case, steps: Steps) -> Bools:
    """Tell which steps changed node, or saw a node crash."""
    reads = case.reads
    first, second = steps
    crashes = [window for window in case.windows if window.fault_class in CRASHES]
    may: Bools = reads.node[first] != reads.node[second]
    may |= met(crashes, reads.begin_row[first], reads.row[second])
    return may


def _deleted(case: Case, steps: Steps) -> Bools:
    """Tell which steps began below the min offset that the node had by then."""
    reads, pulls = case.reads, case.pulls
    place = np.searchsorted(pulls.row, reads.row[steps[1]])
    floor = np.append(pulls.min_offset, NONE)[place]
    deleted: Bools = (floor != NONE) & (reads.offset[steps[1]] <= floor)
    return deleted


def _skipped(case: Case, name: str, steps: Steps, which: Bools) -> list[Anomaly]:
    """Find steps over messages; what was damaged before may be passed over."""
    excused = damaged_before(case, case.reads.node[steps[1]], case.reads.row[steps[1]])
    return [
        *_found(case, name, steps, which & ~excused),
        *_found(case, name, steps, which & excused, Validity.VALID),
    ]


def _found(
    case: Case, name: str, steps: Steps, which: Bools, validity: Validity = Validity.INVALID
) -> list[Anomaly]:
    first, second = steps[0][which], steps[1][which]
    order = np.argsort(case.reads.row[second], kind="stable")
    first, second = first[order], second[order]

    def tell(place: int) -> Finding:
        return _tell(case, name, int(first[place]), int(second[place]))

    return anomaly(name, np.arange(len(first)), tell, validity)


def _tell(case: Case, name: str, first: int, second: int) -> Finding:
    reads = case.reads
    queue = case.queue_name(int(reads.queue[second]))
    process = int(reads.process[second])
    begin, end = int(reads.offset[first]), int(reads.offset[second])
    data = {"queue": queue, "process": process, "from": begin, "to": end}
    rows: list[int] = []
    if "skip" in name:
        missed = _missed(case, first, second)
        data["skipped"] = [case.text(value) for value, _ in missed]
        rows += [row for _, row in missed]
    rows += [int(at[place]) for place in (first, second) for at in (reads.begin_row, reads.row)]
    how = "passed over known messages" if "skip" in name else "did not go on"
    return Finding(
        f"process {process} {how}: {queue} from offset {begin} to {end}",
        case.indices(*dict.fromkeys(rows)),
        data,
    )


def _missed(case: Case, first: int, second: int) -> list[tuple[int, int]]:
    """Give a few of the messages passed over, each with a row that says it is there."""
    reads = case.reads
    queue, begin, end = reads.queue[second], reads.offset[first], reads.offset[second]
    return _between(case, int(queue), int(begin), int(end))


def _between(case: Case, queue: int, begin: int, end: int) -> list[tuple[int, int]]:
    """Give a few messages known between two offsets, each with a row that says it is there."""
    claims = case.claims
    inside = (claims.queue == queue) & (claims.offset > begin) & (claims.offset < end)
    places = np.flatnonzero(inside)[:3]
    return [(int(claims.value[place]), int(claims.known_row[place])) for place in places]
