"""Which acknowledged records may be gone: the faults folded over every node's copy.

One rule covers every sequence of faults (spec/guarantees.md, Loss):

    An acknowledged record may be lost if and only if every copy that its mode and status
    required at its ack was destroyed by a listed fault before it was copied again.

A copy is an instant since which it certainly exists, and one since which it is certainly
fsynced; NEVER for what is not certain. They come about in three ways:

    at the ack   what mode and status promise (``Contract.copies``)
    flushed      a node that nothing disturbs for the flush bound has fsynced what it holds
    replicated   a slave that nothing disturbs has what the master had one lag ago

and faults take them away, in time order: ``power`` what is not fsynced, ``disk`` all, or all since
a snapshot, ``damage`` all. What was on disk when it was acknowledged no power cut takes, however
often one fault kills: it was there before a kill, or written after it. Of the others a record in
flight while a fault was on may have been written before it, so its copies are exposed too. Nodes'
own figures (ends read by faults and probes, a later strong ack) only ever prove a copy earlier,
and only until a first fault took anything, for from then on equal offsets need not mean equal
bytes. After the master's log was set back the slave may have diverged and is not fed again, so
nothing is certainly replicated any more.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.contract import STATUSES, Contract, FaultClass
from checkers.figures import Figures, figures_of
from checkers.messages import NEVER
from checkers.multisets import distinct
from checkers.windows import Window, merged, touches_replication
from histories.history import NONE

__all__ = ["Fates", "Records", "calm", "fold", "records_of"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Records whose fate is asked for."""

    begin_ns: Ints  # not written before
    sure_ns: Ints  # acknowledged, or first seen: from here on the promises hold
    physical_offset: Ints  # NONE if unknown
    next_physical: Ints  # of the next known record of the log, NEVER if there is none
    master_disk: Bools  # promised at the ack
    slave_cache: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Fates:
    """For each record the place in ``windows`` of the fault that may have taken it, or NONE."""

    gone_at: Ints  # since this fault no copy is certain
    master_at: Ints  # since this fault no copy on the master is certain
    slave_at: Ints


@dataclass(slots=True)
class _Copies:
    """The certain copies on one node."""

    since: Ints
    disk: Ints

    def destroy(self, doomed: Bools) -> None:
        self.since[doomed] = NEVER
        self.disk[doomed] = NEVER


def records_of(case: Case, rows: Ints) -> Records:
    """Make records of acknowledged messages (rows of ``case.messages``)."""
    messages, history = case.messages, case.history
    promised = {history.status_code(name): case.contract.copies(name) for name in STATUSES}
    # A status that the history does not give is SEND_OK.
    strong = case.contract.copies(STATUSES[0])
    status = messages.status[rows]
    disk = np.full(len(rows), strong.master_disk)
    cache = np.full(len(rows), strong.slave_cache)
    for code, copies in promised.items():
        disk[status == code] = copies.master_disk
        cache[status == code] = copies.slave_cache
    physical = messages.physical_offset[rows]
    return Records(
        begin_ns=messages.begin_ns[rows],
        sure_ns=messages.end_ns[rows],
        physical_offset=physical,
        next_physical=_next_physical(messages.physical_offset, physical),
        master_disk=disk,
        slave_cache=cache,
    )


def fold(case: Case, records: Records) -> Fates:
    """Fold the faults over the copies of some records. O(faults x records)."""
    contract, windows = case.contract, case.windows
    fates = Fates(*(np.full(len(records.sure_ns), NONE) for _ in range(3)))
    if not len(records.sure_ns) or not any(window.destructive for window in windows):
        return fates
    figures = figures_of(case)
    setbacks = [window.inject_ns for window in windows if window.sets_back(contract)]
    replication = _Replication(
        calm(
            [window for window in windows if touches_replication(window)], contract.convergence_ns
        ),
        contract.lag_ns,
        min(setbacks, default=NEVER),
    )
    master = _Copies(records.sure_ns.copy(), np.full(len(records.sure_ns), NEVER))
    slave = _Copies(np.full(len(records.sure_ns), NEVER), np.full(len(records.sure_ns), NEVER))

    of_master = calm(_on(windows, contract.master))
    of_slave = calm(_on(windows, contract.slave))
    master.disk = np.where(
        records.master_disk, records.sure_ns, _flushed(of_master, master.since, contract)
    )
    slave.since = np.where(records.slave_cache, records.sure_ns, replication.since(master.since, 0))
    _narrow(figures, records, master, slave)
    slave.disk = np.minimum(slave.disk, _flushed(of_slave, slave.since, contract))

    for place, window in enumerate(windows):
        exposed = records.begin_ns <= window.cured_ns
        if window.destroys(contract.master):
            doomed = exposed & ~_kept(window, master, records)
            # What was to be copied from the master later, is not copied now.
            unborn = doomed & (slave.since > window.inject_ns) & ~records.slave_cache
            master.destroy(doomed)
            slave.destroy(unborn)
            _mark(fates.master_at, doomed, place)
        if window.destroys(contract.slave):
            doomed = exposed & ~_kept(window, slave, records)
            slave.destroy(doomed)
            again = replication.since(master.since, window.cured_ns)
            slave.since = np.where(doomed, again, slave.since)
            slave.disk = np.where(doomed, _flushed(of_slave, again, contract), slave.disk)
            _mark(fates.slave_at, doomed, place)
        if window.destructive:
            gone = exposed & (master.since == NEVER) & (slave.since == NEVER)
            _mark(fates.gone_at, gone, place)
    return fates


def calm(windows: list[Window], grace_ns: int = 0) -> list[tuple[int, int]]:
    """Give the spans between faults; each begins ``grace_ns`` after a cure (or the run) began."""
    spans: list[tuple[int, int]] = []
    begin = 0
    for disturbed, quiet in merged([(window.inject_ns, window.cured_ns) for window in windows]):
        if begin + grace_ns < disturbed:
            spans.append((begin + grace_ns, disturbed))
        begin = quiet
    if begin != NEVER:
        spans.append((begin + grace_ns, NEVER))
    return spans


@dataclass(frozen=True, slots=True)
class _Replication:
    """When the slave certainly has what the master has."""

    spans: list[tuple[int, int]]
    lag_ns: int
    until_ns: int  # from here on the slave may have diverged

    def since(self, master_since: Ints, after_ns: int) -> Ints:
        """Give the earliest instant from which records of the master are certainly copied."""
        known = master_since != NEVER
        ready = np.where(known, np.where(known, master_since, 0) + self.lag_ns, NEVER)
        clipped = [(max(begin, after_ns), min(end, self.until_ns)) for begin, end in self.spans]
        return _earliest([span for span in clipped if span[0] < span[1]], ready)


def _flushed(spans: list[tuple[int, int]], since: Ints, contract: Contract) -> Ints:
    """Give the earliest instant from which a copy is certainly fsynced."""
    bound = contract.flush_bound_ns
    begun = _earliest(
        [(begin, end - bound + 1) for begin, end in spans if begin + bound <= end], since
    )
    known = begun != NEVER
    return np.where(known, np.where(known, begun, 0) + bound, NEVER)


def _earliest(spans: list[tuple[int, int]], wanted: Ints) -> Ints:
    """Give for each instant the first one, from it on, that lies in a span; NEVER if none does.

    >>> _earliest([(0, 10), (20, 30)], np.array([5, 10, 30])).tolist() == [5, 20, NEVER]
    True
    """
    begins, ends = np.array([*spans, (NEVER, NEVER)], np.int64).T
    place = np.searchsorted(ends[:-1], wanted, side="right")
    earliest: Ints = np.maximum(wanted, begins[place])
    return earliest


def _kept(window: Window, copies: _Copies, records: Records) -> Bools:
    """Tell which certain copies on its node a fault cannot have taken."""
    kept: Bools = np.zeros(len(records.sure_ns), np.bool_)
    if window.fault_class is FaultClass.POWER:
        kept = copies.disk <= np.maximum(window.inject_ns, records.sure_ns)
    snapshot = window.options.get("snapshot_end")
    if window.fault_class is FaultClass.DISK and isinstance(snapshot, int):
        inside = (records.next_physical <= snapshot) & (records.physical_offset != NONE)
        kept = inside & (copies.since <= window.inject_ns)
    return kept


def _narrow(figures: Figures, records: Records, master: _Copies, slave: _Copies) -> None:
    """Let what the nodes said of themselves prove copies earlier than the contract would."""
    known = (records.physical_offset != NONE) & (records.next_physical != NEVER)
    known &= records.sure_ns < figures.until_ns
    for column, figure in (
        (master.disk, figures.master_flushed),
        (slave.since, figures.slave_end),
        (slave.disk, figures.slave_flushed),
    ):
        proven = np.maximum(figure.reached(records.next_physical), records.sure_ns)
        np.minimum(column, np.where(known, proven, NEVER), out=column)


def _mark(fate: Ints, doomed: Bools, place: int) -> None:
    fate[doomed & (fate == NONE)] = place


def _on(windows: tuple[Window, ...], node: str) -> list[Window]:
    return [window for window in windows if node in window.targets]


def _next_physical(every: Ints, wanted: Ints) -> Ints:
    log = distinct(every[every != NONE])
    place = np.searchsorted(log, wanted, side="right")
    return np.append(log, NEVER)[place]
