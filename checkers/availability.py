"""An outage is the time in which nobody could send, and it belongs to the fault that caused it.

    outage       from the invoke of the first send in a window that did not end ok, to the
                 completion of the first ok send that began after that one: the RTO is its length
    available    no send that began in the window ended otherwise than ok
    phase        before the first fault, while some fault was on, between faults, after the cure
    no fault     sends that failed while none was on, nor had been for the convergence time

Sends to the slave are left out: it must refuse them (``honesty``).

RTO and availability are figures, not promises. One thing is promised (P12): within the
convergence time after the last cure a send succeeds. ``unconverged`` says that it did not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.contract import MS
from checkers.findings import anomaly, verdict
from checkers.messages import NEVER
from checkers.verdict import Anomaly, Finding, Verdict
from checkers.windows import Window, merged
from histories.history import NONE

__all__ = ["Outage", "availability", "outages"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outage:
    """What one fault did to those who send; times in ms, None where there is none."""

    sends: int  # that began while it was on
    ok: int
    begin_ms: float | None
    end_ms: float | None  # None too if no send was ok any more
    recovered_in_window: bool
    heal_to_ok_ms: float | None  # from the cure to the completion of the first ok send after it

    @property
    def rto_ms(self) -> float | None:
        """How long the outage lasted; 0 if there was none, None if it did not end."""
        if self.begin_ms is None:
            return 0.0
        return None if self.end_ms is None else round(self.end_ms - self.begin_ms, 3)


def availability(case: Case) -> Verdict:
    """Measure outages; judge only whether sends work again after the last cure."""
    on = merged([(window.inject_ns, window.cured_ns) for window in _faults(case)])
    counts = {
        "availability": _phases(case, on),
        "failed-without-fault-count": _outside(case, on),
    }
    return verdict(_never_again(case), counts)


def outages(case: Case) -> list[Outage]:
    """Measure the outage of every window, in the order of ``case.windows``."""
    rows = _to_master(case)
    order = rows[np.argsort(case.messages.begin_ns[rows], kind="stable")]
    begin, ok = case.messages.begin_ns[order], case.messages.ok[order]
    end = np.where(ok, case.messages.end_ns[order], NEVER)
    # For each send the moment at which the first ok one that began no earlier had ended.
    next_ok = np.append(np.minimum.accumulate(end[::-1])[::-1], NEVER)
    return [_outage(window, begin, ok, next_ok) for window in case.windows]


def _outage(window: Window, begin: Ints, ok: Bools, next_ok: Ints) -> Outage:
    first, last, healed = np.searchsorted(
        begin, [window.inject_ns, window.cured_ns, window.cure_ns]
    ).tolist()
    inside = ok[first:last]
    failed = np.flatnonzero(~inside)
    back = int(next_ok[first + failed[0]]) if len(failed) else NEVER
    well_again = int(next_ok[healed])
    return Outage(
        sends=last - first,
        ok=int(inside.sum()),
        begin_ms=float(begin[first + failed[0]] / MS) if len(failed) else None,
        end_ms=None if back == NEVER else back / MS,
        recovered_in_window=not len(failed) or (back != NEVER and back <= window.cured_ns),
        heal_to_ok_ms=(
            None if well_again == NEVER else round((well_again - window.cure_ns) / MS, 3)
        ),
    )


def _to_master(case: Case) -> Ints:
    """Give the messages that were not sent to the slave on purpose."""
    slave = case.history.node_code(case.contract.slave)
    return np.flatnonzero((case.messages.node != slave) | (slave == NONE))


def _faults(case: Case) -> list[Window]:
    return [window for window in case.windows if not window.resync]


def _covered(at: Ints, spans: list[tuple[int, int]]) -> Bools:
    """Tell which instants lie in one of the disjoint, ascending spans."""
    begins = np.array([begin for begin, _ in spans], np.int64)
    ends = np.array([end for _, end in spans], np.int64)
    place = np.searchsorted(begins, at, side="right") - 1
    return (place >= 0) & (at <= np.append(ends, -1)[place])


def _phases(case: Case, on: list[tuple[int, int]]) -> dict[str, dict[str, float]]:
    rows = _to_master(case)
    begin, ok = case.messages.begin_ns[rows], case.messages.ok[rows]
    covered = _covered(begin, on)
    first = on[0][0] if on else NEVER
    last = on[-1][1] if on else NEVER
    phases = {
        "before": begin < first,
        "fault": covered,
        "between": ~covered & (begin >= first) & (begin <= last),
        "after": begin > last,
    }
    return {
        name: {
            "sends": int(which.sum()),
            "ok": int((which & ok).sum()),
            "ok-fraction": round(float(ok[which].mean()), 4),
        }
        for name, which in phases.items()
        if which.any()
    }


def _never_again(case: Case) -> list[Anomaly]:
    """Find out whether sends went on failing for longer than the convergence time."""
    messages = case.messages
    cured = max((window.cured_ns for window in _faults(case)), default=NEVER)
    if cured == NEVER:
        return []
    bound = cured + case.contract.convergence_ms * MS
    after = messages.begin_ns > cured
    if (after & messages.ok & (messages.begin_ns <= bound)).any():
        return []
    late = _to_master(case)
    late = late[(after & ~messages.ok & (messages.begin_ns > bound))[late]]
    if not len(late):
        return []
    row = int(late[np.argmin(messages.begin_ns[late])])
    waited = (int(messages.begin_ns[row]) - cured) / MS
    finding = Finding(
        f"{waited:.0f} ms after the last cure no send had been ok yet",
        case.indices(int(messages.begin_row[row])),
        {"waited_ms": round(waited, 3)},
    )
    return anomaly("unconverged", np.zeros(1, np.int64), lambda _: finding)


def _outside(case: Case, on: list[tuple[int, int]]) -> int:
    """Count sends that did not end ok although nothing was wrong."""
    messages = case.messages
    grace = case.contract.convergence_ms * MS
    shadow = merged([(begin, end if end == NEVER else end + grace) for begin, end in on])
    calm = ~_covered(messages.begin_ns, shadow) & ~_covered(messages.end_ns, shadow)
    failed = calm & ~messages.ok & (messages.end_row != NEVER)
    return int(failed[_to_master(case)].sum())
