"""While its master is down the slave is there to be read from, and it answers (P10).

    refused   it answered a pull with an error, though it had records of the queue by then
    silent    it was asked several times, and answered nothing

Only what one fault did alone counts: the master is proven down, and nothing has reached the slave,
its clients or the routes since the convergence time before. That a node is busy is no refusal.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.messages import NEVER
from checkers.multisets import distinct
from checkers.windows import Window, holds_down, merged
from histories.history import NONE
from histories.op import Op, OpType

__all__ = ["refused", "silent"]

Ints = NDArray[np.int64]

OF_THE_MASTER = (
    "master",
    "client->master",
    "foreign->master",
    "master->nameserver",
    "slave->master",
    "slave->master-ha",
)
"""Targets with which a reader of the slave has nothing to do."""

BUSY = "code 2:"
"""So begins what a broker says that has no time now (SYSTEM_BUSY)."""

ASKED_MIN = 3


def refused(case: Case) -> Ints:
    """Give the ends of pulls that the slave refused while its master was down."""
    history = case.history
    rows: list[int] = []
    for window, asked in _asked(case):
        failed = asked[history.type[asked] != OpType.OK].tolist()
        if no := [row for row in failed if _is_refusal(history.op(row))]:
            held = _held(case, window)
            rows += [row for row in no if history.queue[row] in held]
    return np.unique(np.array(rows, np.int64))


def silent(case: Case) -> Iterator[str]:
    """Say of which faults it is not known that the slave serves meanwhile, though it was asked."""
    by_name: dict[str, list[int]] = {}
    for window, asked in _asked(case):
        by_name.setdefault(window.name, []).extend(asked.tolist())
    for name, rows in by_name.items():
        if len(rows) >= ASKED_MIN and not (case.history.type[rows] == OpType.OK).any():
            yield f"{name}: {len(rows)} pulls of the slave while it was on, and none was ok"


def _asked(case: Case) -> Iterator[tuple[Window, Ints]]:
    """Give each fault that alone held the master down, with the ends of the slave's pulls in it."""
    history = case.history
    begins = history.rows("pull", OpType.INVOKE)
    begins = begins[history.node[begins] == history.node_code(case.contract.slave)]
    for window in _lonely(case):
        first, last = np.searchsorted(begins, [window.bitten_row, window.cure_row])
        ends = history.pair[begins[first:last]].astype(np.int64)
        yield window, ends[(ends != NONE) & (ends < window.cure_row)]


def _lonely(case: Case) -> Iterator[Window]:
    """Give the faults that held the master down while nothing else was wrong with the slave."""
    shadow_ns = case.contract.convergence_ns
    shadows = merged(
        [
            (window.inject_ns, min(window.cured_ns, NEVER - shadow_ns) + shadow_ns)
            for window in case.windows
            if _reaches_slave(window)
        ]
    )
    begins, ends = np.array([*shadows, (NEVER, NEVER)], np.int64).T
    for window in case.windows:
        next_ns = begins[np.searchsorted(ends[:-1], window.bitten_ns)]
        if (
            next_ns > window.cure_ns
            and holds_down(window, case.contract.master)
            and not _reaches_slave(window)
        ):
            yield window


def _reaches_slave(window: Window) -> bool:
    return not window.targets or any(target not in OF_THE_MASTER for target in window.targets)


def _held(case: Case, window: Window) -> Ints:
    """Give the queues of which the slave had whole records as a fault began, by its own figures."""
    messages, contract = case.messages, case.contract
    ends = window.ends.get(contract.slave)
    reached = ends.get("flushed" if contract.sync_flush else "end") if ends else None
    earlier = [other for other in case.windows if other.inject_row < window.inject_row]
    if not isinstance(reached, int) or any(other.sets_back(contract) for other in earlier):
        return np.zeros(0, np.int64)  # offsets of another log say nothing
    place = np.where(messages.ok, messages.physical_offset, NONE)
    last = place[place <= reached].max(initial=NONE)
    return distinct(messages.queue[(place != NONE) & (place < last)])


def _is_refusal(op: Op) -> bool:
    error = op.error if isinstance(op.error, list) else []
    name, text = [*map(str, error), "", ""][:2]
    return name == "BrokerError" and not text.startswith(BUSY)
