"""Shadows of outages, counted once for all windows, against what they mean, window by window."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from checkers.case import Case
from checkers.contract import Contract
from checkers.messages import NEVER, Messages
from checkers.shadows import Shadows
from checkers.windows import Window
from histories.history import History
from histories.op import FaultRecord, Op, OpType

WORDS = ["send", "end", "refused", "ok", "fault", "cure"]
EVENTS = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 9)), max_size=25)


def case_of(events: list[tuple[str, int]]) -> Case:
    """Make a history of sends that overlap, and of faults of which some stop writes."""
    ops: list[Op] = []
    sends: list[int] = []
    faults: list[FaultRecord] = []

    def add(**fields: object) -> None:
        ops.append(Op(index=len(ops), time=len(ops), **fields))  # type: ignore[arg-type]

    for number, (event, draw) in enumerate(events, start=1):
        if event == "send":
            sends.append(number)
            add(process=number, type="invoke", f="send", value=f"{number}-0")
        elif event in ("refused", "ok"):
            add(process=number, type="invoke", f="send", value=f"{number}-0")
            kind = "ok" if event == "ok" else "fail"
            add(process=number, type=kind, f="send", value=f"{number}-0")
        elif event == "end" and sends:
            process = sends.pop(draw % len(sends))
            kind = ("ok", "fail", "info")[draw % 3]
            add(process=process, type=kind, f="send", value=f"{process}-0")
        elif event == "fault":
            faults.append(
                FaultRecord(
                    id=number,
                    name="f",
                    fault_class="process",
                    phase="inject",
                    targets=["master"],
                    stops_writes=draw % 2 == 0,
                    bit=True,
                )
            )
            add(process="nemesis", type="info", f="f", fault=faults[-1])
        elif event == "cure" and faults:
            fault = faults.pop(draw % len(faults))
            cured = FaultRecord(
                id=fault.id,
                name="f",
                fault_class="process",
                phase="cure",
                targets=["master"],
                stops_writes=fault.stops_writes,
                bit=True,
            )
            add(process="nemesis", type="info", f="f", fault=cured)
    return Case(History.from_ops(ops), Contract())


def covered(window: Window, windows: tuple[Window, ...], messages: Messages) -> bool:
    """Say it as the docstring does."""
    if window.stops_writes:
        return False
    begin, end, refused = messages.begin_row, messages.end_row, messages.outcome == OpType.FAIL
    mine = (window.inject_row < begin) & (begin < window.cured_row)
    waiting = (begin < window.inject_row) & (window.inject_row < end)
    met = np.zeros(len(begin), np.bool_)
    for other in windows:
        if other.stops_writes:
            well_row = end[messages.ok & (begin > other.cured_row)].min(initial=NEVER)
            met |= (other.inject_row < end) & (begin < other.cured_row)
            met |= refused & (other.inject_row < begin) & (begin < well_row)
    return bool(met[mine | waiting].any()) and bool((met | refused)[mine].all())


STOPS, LEAVES = ("fault", 0), ("fault", 1)
CURE, REFUSED, OK, SEND, INFO = ("cure", 0), ("refused", 0), ("ok", 0), ("send", 0), ("end", 2)


@given(EVENTS)
@example([STOPS, LEAVES, REFUSED, CURE, CURE, OK])  # meets one
@example([STOPS, SEND, CURE, LEAVES, CURE, INFO])  # waits one out
@example([STOPS, CURE, LEAVES, REFUSED, CURE, OK])  # finds no master
@example([STOPS, CURE, OK, LEAVES, REFUSED, CURE])  # for another reason
@settings(max_examples=150)
def test_what_is_counted_once_is_what_is_meant(events: list[tuple[str, int]]) -> None:
    case = case_of(events)
    shadows = Shadows(case.messages, case.windows)
    for window in case.windows:
        assert shadows.cover(window) == covered(window, case.windows, case.messages)
