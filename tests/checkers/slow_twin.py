"""The folding rule and the order rule said literally, one record and one moment at a time.

No arrays, no shortcuts: a record's two copies walk through every event of the run, and each
moment of rest is weighed as the contract says it. Slow, and meant to be.
"""

import itertools
from dataclasses import dataclass

from checkers.contract import Contract, FaultClass
from checkers.windows import Window

FOREVER = 1 << 62


@dataclass
class Copy:
    """A copy on one node: since when it is certainly there, and certainly fsynced."""

    there: int | None = None
    disk: int | None = None


def intervals_without(windows: list[Window], grace: int) -> list[tuple[int, int]]:
    """Give every span in which none of these faults is on, each shortened by the grace."""
    edges = sorted({0, FOREVER, *(w.inject_ns for w in windows), *(w.cured_ns for w in windows)})
    rest: list[list[int]] = []
    for begin, end in itertools.pairwise(edges):
        if any(w.inject_ns <= begin and end <= w.cured_ns for w in windows):
            continue
        instant_fault = any(begin in (w.inject_ns, w.cured_ns) for w in windows)
        if rest and rest[-1][1] == begin and not instant_fault:
            rest[-1][1] = end
        else:
            rest.append([begin, end])
    return [(begin + grace, end) for begin, end in rest if begin + grace < end]


def flush_time(since: int, rest: list[tuple[int, int]], bound: int) -> int | None:
    for begin, end in rest:
        if max(since, begin) + bound <= end:
            return max(since, begin) + bound
    return None


def copy_time(
    since: int, rest: list[tuple[int, int]], lag: int, after: int, until: int
) -> int | None:
    for begin, end in rest:
        moment = max(since + lag, begin, after)
        if moment < min(end, until):
            return moment
    return None


def gone_at(
    windows: list[Window],
    contract: Contract,
    begin: int,
    ack: int,
    *,
    master_disk: bool,
    slave_cache: bool,
) -> int | None:
    """Give the place of the fault after which no copy of one record is certain, or None."""
    of_master = intervals_without([w for w in windows if contract.master in w.targets], 0)
    of_slave = intervals_without([w for w in windows if contract.slave in w.targets], 0)
    disturbing = [w for w in windows if not all(t.startswith("client->") for t in w.targets)]
    linked = intervals_without(disturbing, contract.convergence_ns)
    until = min((w.inject_ns for w in windows if w.sets_back(contract)), default=FOREVER)
    bound, lag = contract.flush_bound_ns, contract.lag_ns

    master = Copy(ack, ack if master_disk else flush_time(ack, of_master, bound))
    slave = Copy(ack if slave_cache else copy_time(ack, linked, lag, 0, until))
    if slave.there is not None:
        slave.disk = flush_time(slave.there, of_slave, bound)

    for place, window in enumerate(windows):
        if not window.destructive or begin > window.cured_ns:
            continue
        power = window.fault_class is FaultClass.POWER
        synced = max(window.inject_ns, ack)
        if contract.master in window.targets and master.there is not None:
            survives = power and master.disk is not None and master.disk <= synced
            if not survives:
                master = Copy()
                if slave.there is not None and slave.there > window.inject_ns and not slave_cache:
                    slave = Copy()
        if contract.slave in window.targets and slave.there is not None:
            survives = power and slave.disk is not None and slave.disk <= synced
            if not survives:
                slave = Copy()
        if contract.slave in window.targets and slave.there is None and master.there is not None:
            slave.there = copy_time(master.there, linked, lag, window.cured_ns, until)
            if slave.there is not None:
                slave.disk = flush_time(slave.there, of_slave, bound)
        if master.there is None and slave.there is None:
            return place
    return None


def misordered(
    records: list[tuple[int, int, int | None, int]],
) -> set[int]:
    """Give the places of (queue, begin, ack, offset) that are out of order, by all pairs."""
    late = set()
    for place, (queue, begin, _, offset) in enumerate(records):
        for other_queue, _, ack, other_offset in records:
            if queue == other_queue and ack is not None and ack < begin and other_offset >= offset:
                late.add(place)
    return late
