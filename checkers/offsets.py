"""An offset of a queue names one message, for every reader, on both nodes.

What was said of offsets comes from acks and from reads, of pulls and drains alike:

    inconsistent-offset   two values at one offset, whoever said so
    offset-reused         two acks for one offset
    hole                  a drain jumped over an offset, or the log begins or ends elsewhere than
                          the node says; allowed on a node whose bits were damaged before, and on
                          the slave where it copies that of a damaged master
    watermark-regressed   a node once said max offset n, and later less; or the slave said n, and
                          later the master less; or the master does not show what it had
                          acknowledged SEND_OK a replication lag ago

An offset that the contract allows to be freed may be given to another message. So a conflict is
excused if a fault between the two may have taken the earlier one from the master's log, by the
same folding rule that excuses losses. What somebody read counts like an acknowledged record
here, and under SYNC_FLUSH like an fsynced one, for nothing else is readable.
"""

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.claims import Claims
from checkers.conflicts import excused
from checkers.contract import SEND_OK, Contract
from checkers.damage import damaged_before
from checkers.findings import anomaly, verdict
from checkers.messages import NEVER
from checkers.shortfalls import shortfalls
from checkers.verdict import Anomaly, Finding, Validity, Verdict
from checkers.windows import Window, epochs
from histories.history import NONE

__all__ = ["offsets"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def offsets(case: Case) -> Verdict:
    """Judge whether offsets are used once, without holes, and never taken back unless allowed."""
    claims = case.claims
    found = [
        *_conflicts(case, "inconsistent-offset", claims),
        *_conflicts(case, "offset-reused", claims.acknowledged()),
        *_holes(case),
        *_regressed(case),
    ]
    return verdict(found, {f"{item.name}-count": item.count for item in found})


def _conflicts(case: Case, name: str, claims: Claims) -> list[Anomaly]:
    """Find offsets with two claims; the instance is the place of the later claim."""
    first, second = claims.conflicts()
    allowed = excused(case, claims, first, second)
    order = np.argsort(claims.known_row[second], kind="stable")
    first, second, allowed = first[order], second[order], allowed[order]

    def tell(pair: int) -> Finding:
        return _tell_conflict(case, claims, int(first[pair]), int(second[pair]))

    return [
        *anomaly(name, np.flatnonzero(~allowed), tell),
        *anomaly(name, np.flatnonzero(allowed), tell, Validity.VALID),
    ]


def _tell_conflict(case: Case, claims: Claims, first: int, second: int) -> Finding:
    values = [case.text(int(claims.value[place])) for place in (first, second)]
    queue, offset = case.queue_name(int(claims.queue[first])), int(claims.offset[first])
    rows = [
        row for place in (first, second) for row in claims.rows(case.messages, case.reads, place)
    ]
    return Finding(
        f"{queue} offset {offset} holds {values[0]} and {values[1]}",
        case.indices(*rows),
        {"queue": queue, "offset": offset, "values": values},
    )


def _holes(case: Case) -> list[Anomaly]:
    """Find what drains jumped over; an instance is a drain's row in ``pulls``."""
    pulls, reads = case.pulls, case.reads
    drains = np.flatnonzero(case.is_drain(pulls.row) & (pulls.queue != NONE))
    gaps: dict[int, tuple[int, int]] = {}
    certified = {drain.row: drain for drain in case.certificates.drains}
    for place in drains.tolist():
        row = int(pulls.row[place])
        drain = certified.get(row)
        seen = reads.offset[np.isin(reads.row, drain.rows if drain else [row])]
        if (seen == NONE).any():
            continue  # where its messages stand it does not say
        floor, ceiling = max(int(pulls.min_offset[place]), 0), int(pulls.max_offset[place])
        if drain and drain.max_offset != NONE:
            seen = np.concatenate([[floor - 1], seen, [ceiling]])
        jumps = np.flatnonzero((np.diff(seen) > 1) & (seen[1:] > floor))
        if len(jumps):
            gaps[place] = (int(seen[jumps[0]]) + 1, int(seen[jumps[0] + 1]) - 1)

    def tell(place: int) -> Finding:
        queue, (begin, end) = case.queue_name(int(pulls.queue[place])), gaps[place]
        where = f"offset {begin}" if begin == end else f"offsets {begin} to {end}"
        node = int(pulls.node[place])
        name = case.history.nodes[node] if node != NONE else "the node"
        rows = case.indices(int(pulls.begin_row[place]), int(pulls.row[place]))
        data = {"queue": queue, "node": name, "from": begin, "to": end}
        return Finding(f"{queue} on {name} holds nothing at {where}", rows, data)

    found = np.array(list(gaps), np.int64)
    allowed = damaged_before(case, pulls.node[found], pulls.row[found])
    return [
        *anomaly("hole", found[~allowed], tell),
        *anomaly("hole", found[allowed], tell, Validity.VALID),
    ]


def _regressed(case: Case) -> list[Anomaly]:
    """Find where a node's max offset went back; an instance is a row in ``pulls``."""
    pulls = case.pulls
    witness = np.full(len(pulls), NONE, np.int64)
    known = pulls.max_offset != NONE
    for node in np.unique(pulls.node[known]).tolist():
        epoch = epochs(_breaks(case, node), pulls.begin_row, pulls.row)
        told = known & ((pulls.node == node) | _counts_for(case, node)) & (epoch != NONE)
        for queue in np.unique(pulls.queue[told]).tolist():
            of_queue = told & (pulls.queue == queue)
            for stretch in np.unique(epoch[of_queue]).tolist():
                places = np.flatnonzero(of_queue & (epoch == stretch))
                higher = _higher_before(case, places)
                mine = pulls.node[places] == node
                witness[places[mine]] = higher[mine]

    def tell(place: int) -> Finding:
        before = int(witness[place])
        queue = case.queue_name(int(pulls.queue[place]))
        was, now = int(pulls.max_offset[before]), int(pulls.max_offset[place])
        node = int(pulls.node[place])
        name = case.history.nodes[node] if node != NONE else "the node"
        whose = "" if pulls.node[before] == node else " on the slave"
        rows = [int(at) for at in (pulls.row[before], pulls.begin_row[place], pulls.row[place])]
        data = {"queue": queue, "node": name, "was": was, "is": now}
        return Finding(
            f"{queue} ended at {was}{whose} and later at {now} on {name}",
            case.indices(*rows),
            data,
        )

    return [
        *anomaly("watermark-regressed", np.flatnonzero(witness != NONE), tell),
        *_short_of_acks(case, witness == NONE),
    ]


def _short_of_acks(case: Case, others: Bools) -> list[Anomaly]:
    """Find answers of the master, among some, that lack what it had acknowledged."""
    messages, pulls, history = case.messages, case.pulls, case.history
    master = history.node_code(case.contract.master)
    strong = messages.ok & (messages.status == history.status_code(SEND_OK))
    acks = np.flatnonzero(strong & (messages.node == master) & (master != NONE))
    found = shortfalls(case, master, acks, _breaks(case, master), case.contract.lag_ns)
    acked = {answer: ack for ack, answer in found if others[answer]}

    def tell(place: int) -> Finding:
        row = acked[place]
        queue, value = case.queue_name(int(pulls.queue[place])), case.text(int(messages.value[row]))
        was, now = int(messages.offset[row]) + 1, int(pulls.max_offset[place])
        rows = (messages.begin_row[row], messages.end_row[row])
        asked = (pulls.begin_row[place], pulls.row[place])
        data = {"queue": queue, "node": case.contract.master, "was": was, "is": now}
        return Finding(
            f"{value} was acknowledged at {was - 1}, and later {queue} ended at {now}",
            case.indices(*(int(at) for at in (*rows, *asked))),
            data,
        )

    return anomaly("watermark-regressed", np.array(sorted(acked), np.int64), tell)


def _counts_for(case: Case, node: int) -> Bools:
    """Tell which answers of the slave say how long the master's queue is at least.

    What the slave has, the master has; but once its log was set back, the slave may be ahead.
    """
    pulls, contract = case.pulls, case.contract
    if node == NONE or node != case.history.node_code(contract.master):
        return np.zeros(len(pulls), np.bool_)
    breaks = [w.inject_row for w in case.windows if w.resync or w.sets_back(contract)]
    slave = case.history.node_code(contract.slave)
    counts: Bools = (pulls.node == slave) & (pulls.row < min(breaks, default=NEVER))
    return counts


def _higher_before(case: Case, places: Ints) -> Ints:
    """Give for each pull the first earlier one that saw a higher max offset, else NONE."""
    pulls = case.pulls
    peak = np.maximum.accumulate(pulls.max_offset[places])
    # Only a pull that had ended before this one began is earlier.
    ended = np.searchsorted(pulls.row[places], pulls.begin_row[places]) - 1
    high = np.where(ended >= 0, peak[ended], NONE)
    first = np.searchsorted(peak, high)
    return np.where(high > pulls.max_offset[places], places[first], NONE)


def _breaks(case: Case, node: int) -> list[Window]:
    """Give the faults after which a node's queues may be shorter."""
    name = case.history.nodes[node] if node != NONE else case.contract.master
    return [window for window in case.windows if _shortens(window, name, case.contract)]


def _shortens(window: Window, node: str, contract: Contract) -> bool:
    if node == contract.master:
        return window.resync or window.sets_back(contract)
    return window.resync or window.destroys(node)
