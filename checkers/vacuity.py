"""A run that could not have found anything proves nothing, and is unknown.

Not vacuous means: every fault bit, and was cured; in some fault window a send was attempted; of
each kind of fault that leaves writes possible some window has an ok send inside; of each kind
that stops writes some window has an ok send before it and one after its cure; something was sent
and acknowledged; and every queue of every node has a certified drain after the last cure.
A history without any nemesis op is judged as it is, unless faults were expected.
"""

from collections.abc import Iterator

import numpy as np

from checkers.case import Case
from checkers.findings import verdict
from checkers.messages import NEVER
from checkers.verdict import Verdict
from checkers.windows import Window

__all__ = ["vacuity"]


def vacuity(case: Case, *, faults_expected: bool = False) -> Verdict:
    """Say why a run proves nothing, if it does not."""
    why = [*_clients(case), *case.certificates.why]
    windows = [window for window in case.windows if not window.resync]
    if windows:
        why += [*_bites(windows), *_sends_in_windows(case, windows)]
    elif faults_expected:
        why.append("no fault was injected")
    counts = {"fault-count": len(windows), "fault-bit-count": sum(w.bit is True for w in windows)}
    return verdict([], counts, why)


def _clients(case: Case) -> Iterator[str]:
    if not len(case.messages):
        yield "nothing was sent"
    elif not case.messages.ok.any():
        yield "no send was acknowledged"


def _bites(windows: list[Window]) -> Iterator[str]:
    for window in windows:
        name = f"{window.name} ({window.id})"
        if window.bit is not True:
            yield f"{name}: not proven to have bitten: {window.proof or 'no proof'}"
        if window.cure_row == NEVER:
            yield f"{name}: never cured"
        elif window.cure_bit is False:
            yield f"{name}: could not be cured"


def _sends_in_windows(case: Case, windows: list[Window]) -> Iterator[str]:
    messages = case.messages
    attempted = [_began_inside(case, window) for window in windows]
    if not any(sends.any() for sends in attempted):
        yield "no send was attempted while a fault was on"

    met: dict[str, bool] = {}
    for window, inside in zip(windows, attempted, strict=True):
        if window.stops_writes:
            before = messages.ok & (messages.end_row < window.inject_row)
            after = messages.ok & (messages.begin_row > window.cure_row)
            good = bool(before.any() and after.any())
        else:
            good = bool((inside & messages.ok).any())
        met[window.name] = met.get(window.name, False) or good
    stopping = {window.name: window.stops_writes for window in windows}
    for name, good in met.items():
        if not good and stopping[name]:
            yield f"{name}: no ok send both before it and after its cure"
        elif not good:
            yield f"{name}: writes were possible, but no send was ok while it was on"


def _began_inside(case: Case, window: Window) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    begin = case.messages.begin_row
    return (begin > window.inject_row) & (begin < window.cured_row)
