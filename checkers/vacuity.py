"""A run that could not have found anything proves nothing, and is unknown.

Not vacuous means: every fault bit, or found nothing to hit where another of its name did, and was
cured; in some fault window a send was attempted; of each kind of fault that leaves writes possible
some window has an ok send inside, but for windows all of whose sends met another fault that stops
writes; of each kind that stops writes some window has an ok send before it and one after its cure;
something was sent and acknowledged; if clients pulled, they were given messages, and were answered
once a fault had been on, by the slave as well if it was asked while its master was down
(``refuge``); and every queue of every node has a certified drain after the last cure.
A history without any nemesis op is judged as it is, unless faults were expected. Of a foreign
history every kind of function that its checker needs was ok at least once (``idleness``).

Some faults are outside the contract (``NO_CONTRACT``). What they break is told by name like
anything else, and held to be invalid, as it would be for a user; a run with one in it says so, and
never counts as valid.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.findings import verdict
from checkers.messages import NEVER
from checkers.refuge import silent
from checkers.shadows import Shadows
from checkers.verdict import Verdict
from checkers.windows import Window
from histories.op import OpType

__all__ = ["idleness", "vacuity"]

Rows = NDArray[np.int64]

NOTHING_TO_HIT = "NothingToHitError"
"""So a fault says that it changed nothing, because nothing was there (``nemesis/targets.py``)."""


def vacuity(case: Case, *, faults_expected: bool = False) -> Verdict:
    """Say why a run proves nothing, if it does not."""
    why = [*_clients(case), *case.certificates.why]
    windows = [window for window in case.windows if not window.resync]
    why += [*_readers(case, windows), *silent(case)]
    if windows:
        why += [*_bites(windows), *_sends_in_windows(case, windows), *_outside(windows)]
    elif faults_expected:
        why.append("no fault was injected")
    counts = {"fault-count": len(windows), "fault-bit-count": sum(w.bit is True for w in windows)}
    return verdict([], counts, why)


def idleness(case: Case, *, needed: Sequence[Sequence[str]]) -> Verdict:
    """Say which functions were never ok; of each group one is enough.

    >>> from checkers.contract import Contract
    >>> from histories.notation import parse_history
    >>> case = Case(parse_history("0 ok enqueue 1"), Contract())
    >>> idleness(case, needed=[["enqueue"], ["dequeue", "drain"]]).why
    ('no dequeue or drain was ok',)
    """
    history = case.history
    good = np.bincount(history.f[history.type == OpType.OK], minlength=len(history.fs))
    ever = {f for f, count in zip(history.fs, good.tolist(), strict=True) if count}
    missing = [fs for fs in needed if ever.isdisjoint(fs)]
    return verdict([], {}, [f"no {' or '.join(fs)} was ok" for fs in missing])


def _clients(case: Case) -> Iterator[str]:
    if not len(case.messages):
        yield "nothing was sent"
    elif not case.messages.ok.any():
        yield "no send was acknowledged"


def _readers(case: Case, windows: list[Window]) -> Iterator[str]:
    """Say how the consumers of a history that has some were idle."""
    if not len(case.history.rows("pull")):
        return
    pulls = case.pulls.begin_row[~case.is_drain(case.pulls.row)]
    if not len(pulls):
        yield "no pull was answered"
    elif case.messages.ok.any() and case.reads.drain.all():
        yield "no pull was given a message"
    elif windows and pulls.max() < min(window.inject_row for window in windows):
        yield "no pull was answered after a fault had begun"


def _bites(windows: list[Window]) -> Iterator[str]:
    bitten = {window.name for window in windows if window.bit is True}
    for window in windows:
        name = f"{window.name} ({window.id})"
        happened = window.name not in bitten or not window.proof.startswith(NOTHING_TO_HIT)
        if window.bit is not True and happened:
            yield f"{name}: not proven to have bitten: {window.proof or 'no proof'}"
        if window.cure_row == NEVER:
            yield f"{name}: never cured"
        elif window.cure_bit is False:
            yield f"{name}: could not be cured"
        elif window.cure_bit is None:
            yield f"{name}: not known to have been cured"


def _outside(windows: list[Window]) -> Iterator[str]:
    names = dict.fromkeys(window.name for window in windows if window.voids_contract)
    if names:
        yield f"nothing is promised once these faults were about: {', '.join(names)}"


def _sends_in_windows(case: Case, windows: list[Window]) -> Iterator[str]:
    messages = case.messages
    began = np.sort(messages.begin_row)
    began_ok = np.sort(messages.begin_row[messages.ok])
    first_end = int(messages.end_row[messages.ok].min(initial=NEVER))
    if not any(_inside(window, began) for window in windows):
        yield "no send was attempted while a fault was on"

    shadows = Shadows(messages, windows)
    met: dict[str, bool] = {}
    for window in windows:
        if shadows.cover(window):
            continue  # no write was possible, but not because of this one
        if window.stops_writes:
            before, after = first_end < window.inject_row, began_ok[-1:] > window.cure_row
            good = before and bool(after.any())
        else:
            good = _inside(window, began_ok)
        met[window.name] = met.get(window.name, False) or good
    stopping = {window.name: window.stops_writes for window in windows}
    for name, good in met.items():
        if not good and stopping[name]:
            yield f"{name}: no ok send both before it and after its cure"
        elif not good:
            yield f"{name}: writes were possible, but no send was ok while it was on"


def _inside(window: Window, rows: Rows) -> bool:
    """Whether one of these rows, ascending, is in the window."""
    after = np.searchsorted(rows, window.inject_row, side="right")
    return bool(after < len(rows) and rows[after] < window.cured_row)
