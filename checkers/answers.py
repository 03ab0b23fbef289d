"""Who is well answers in time, and the name server sends nobody to the dead.

    unanswered    a send was with a master that nothing was done to for longer than its time-outs
                  together last, while readers were served promptly: whatever may be wrong with
                  the slave, the answer is then a weak status, and not silence (P8)
    stale-route   a client still tried a node that had been dead for longer than the name server
                  and the client's refresh need to know it (P10: readers are led to who serves)

Both are bounds on time, so both want quiet around them: no fault but the one that is meant, from
the convergence time before it on. And a machine that is too busy serves nobody promptly: a send
counts only if all who pulled from the master meanwhile had their answer at once; a try, only if
the same process had used its route before, long enough ago for the refresh which that began.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.contract import MS, FaultClass
from checkers.findings import anomaly, verdict
from checkers.standing import of_a_node
from checkers.verdict import Finding, Verdict
from checkers.windows import Window, holds_down
from histories.history import NONE
from histories.op import Op, OpType

__all__ = ["answers"]

Ints = NDArray[np.int64]

BESIDE = ("slave", "client->slave", "foreign->slave", "slave->master", "slave->master-ha")
"""Targets that no request of a client to the master, and none for a route, has to do with."""

PROMPT_NS = 300 * MS
READERS_MIN = 3
"""A machine that serves so many readers in so short a time has time for everybody."""

ENDS = ("kill", "stop", "power")
REFRESH_NS = 1_500 * MS
"""How long a fetch of a route may take that a client began behind its own back."""

TRIED = ("ConnectError", "ClosedError", "RemotingTimeoutError")
"""So our client says that it went to an address and found nobody."""

REQUESTS = ("send", "pull", "commit", "assign")


def answers(case: Case) -> Verdict:
    """Judge whether answers came in time, and routes were true."""
    late = _unanswered(case)
    tried = [(window, row) for window in case.windows for row in _stale(case, window)]

    def tell_late(place: int) -> Finding:
        row = int(late[place])
        begin = int(case.history.pair[row])
        waited_ms = int(case.time[row] - case.time[begin]) // MS
        text = f"a send to the master was not answered in {waited_ms} ms, and readers were"
        return Finding(text, case.indices(begin, row), {"waited_ms": waited_ms})

    def tell_tried(place: int) -> Finding:
        window, row = tried[place]
        begin = int(case.history.pair[row])
        dead_ms = (int(case.time[begin]) - window.bitten_ns) // MS
        (node,) = window.targets
        text = f"{node} had been dead for {dead_ms} ms, and a route still led a client there"
        rows = case.indices(window.inject_row, window.bitten_row, begin, row)
        return Finding(text, rows, {"node": node, "dead_ms": dead_ms})

    return verdict(
        [
            *anomaly("unanswered", np.arange(len(late)), tell_late),
            *anomaly("stale-route", np.arange(len(tried)), tell_tried),
        ]
    )


def _unanswered(case: Case) -> Ints:
    """Give the ends of sends that a master, itself well, kept for too long."""
    history, time = case.history, case.time
    ends = np.concatenate([history.rows("send", of) for of in (OpType.OK, OpType.INFO)])
    begins = history.pair[ends].astype(np.int64)
    ends, begins = ends[begins != NONE], begins[begins != NONE]
    slow = time[ends] - time[begins] >= case.contract.answer_ms * MS
    served = _served(case) if slow.any() else []
    busy = [window for window in case.windows if _reaches_master(window)]
    late = [
        end
        for begin, end in zip(begins[slow].tolist(), ends[slow].tolist(), strict=True)
        if not _near(case, busy, int(time[begin]), int(time[end]))
        and _one_try(case, history.op(end))
        and _promptly(served, int(time[begin]), int(time[end]))
    ]
    return np.array(sorted(late), np.int64)


def _served(case: Case) -> list[tuple[int, int]]:
    """Give begin and end of every pull that the master answered."""
    history, time = case.history, case.time
    ends = history.rows("pull", OpType.OK)
    ends = ends[history.node[ends] == history.node_code(case.contract.master)]
    begins = history.pair[ends].astype(np.int64)
    known = begins != NONE
    return list(zip(time[begins[known]].tolist(), time[ends[known]].tolist(), strict=True))


def _promptly(served: Sequence[tuple[int, int]], begin_ns: int, end_ns: int) -> bool:
    """Whether enough pulls were under way in a span of time, and none of them for long."""
    took = [done - asked for asked, done in served if asked <= end_ns and done >= begin_ns]
    return len(took) >= READERS_MIN and max(took) <= PROMPT_NS


def _one_try(case: Case, op: Op) -> bool:
    """Whether all of its time was spent on one request to the master."""
    attempts = op.attempts or ()
    return len(attempts) == 1 and attempts[0].sent and attempts[0].node == case.contract.master


def _reaches_master(window: Window) -> bool:
    return not window.targets or any(target not in BESIDE for target in window.targets)


def _near(case: Case, windows: Sequence[Window], begin_ns: int, end_ns: int) -> bool:
    """Whether one of these faults was on in a span of time, or too short a time before it."""
    shadow_ns = case.contract.convergence_ms * MS
    return any(
        window.inject_ns <= end_ns and window.cured_ns + shadow_ns >= begin_ns for window in windows
    )


def _stale(case: Case, window: Window) -> list[int]:
    """Give the ends of requests to a node at which it must have been in no route for long."""
    if len(window.targets) != 1 or not holds_down(window, window.targets[0]):
        return []
    if window.name.split("-")[0] not in ENDS or "starting" in window.name:
        return []
    # The end of a process is seen at once, by its connections; that of a machine is not.
    seen_ms = 0 if window.fault_class is FaultClass.PROCESS else case.contract.silence_ms
    since_ns = window.bitten_ns + (case.contract.route_ms + seen_ms) * MS
    until_ns = min(window.cure_ns, int(case.time[-1]))
    others = [
        other for other in case.windows if other is not window and _reaches_routes(case, other)
    ]
    if since_ns >= until_ns or _near(case, others, window.inject_ns, until_ns):
        return []
    return [
        row
        for row in _failed_again(case, since_ns, until_ns).tolist()
        if _found_nobody(case.history.op(row), window.targets[0])
    ]


def _reaches_routes(case: Case, window: Window) -> bool:
    """Whether it may change what is in the routes, or who can ask for them."""
    return of_a_node(case, window) or any("nameserver" in target for target in window.targets)


def _failed_again(case: Case, since_ns: int, until_ns: int) -> Ints:
    """Give the ends of requests that failed in a span, well after an earlier one of the process."""
    history, time = case.history, case.time
    begins = np.sort(np.concatenate([history.rows(f, OpType.INVOKE) for f in REQUESTS]))
    begins = begins[(time[begins] >= since_ns) & (time[begins] <= until_ns)]
    _, first, who = np.unique(history.process[begins], return_index=True, return_inverse=True)
    again = time[begins] - time[begins[first[who]]] >= REFRESH_NS
    ends = history.pair[begins[again]].astype(np.int64)
    ends = ends[ends != NONE]
    return np.sort(ends[(history.type[ends] != OpType.OK) & (time[ends] <= until_ns)])


def _found_nobody(op: Op, node: str) -> bool:
    """Whether the client went to a node's address, and was not heard there."""
    if any(attempt.node == node and attempt.outcome in TRIED for attempt in op.attempts or ()):
        return True
    error = op.error
    name = error[0] if isinstance(error, list) and error else error
    return op.node == node and name in TRIED
