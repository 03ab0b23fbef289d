"""What goes into a Jepsen queue must come out: Jepsen's total-queue, count for count.

The definitions are those of ``jepsen.checker/total-queue``, on multisets, with the elements of an
ok drain dequeued one by one:

    attempts     enqueue invokes            ok           dequeued and attempted
    enqueues     ok enqueues                lost         enqueued and not dequeued
    dequeues     ok dequeues and drains     unexpected   dequeued and never attempted
                                            duplicated   dequeued more often than attempted
                                            recovered    ok, and not ok when enqueued

Lost and unexpected are invalid, duplicated is not. Beyond Jepsen, ``aborted`` names what came out
although every enqueue of it failed, which is invalid. Without an ok drain that began afterwards a
message may still be in the queue, and a drain in doubt may have taken it: lost is listed, and
unknown.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.findings import EXAMPLES_MAX, anomaly, verdict
from checkers.looks import last_begin
from checkers.multisets import Bag
from checkers.verdict import Finding, Validity, Verdict
from histories.history import NONE, History
from histories.op import OpType

__all__ = ["total_queue"]

Ints = NDArray[np.int64]

_TEXTS: Mapping[str, str] = {
    "lost": "was enqueued and never came out",
    "unexpected": "came out, and nobody had put it in",
    "duplicated": "came out more often than it was put in",
    "recovered": "came out, though its enqueue was in doubt",
    "aborted": "came out, though its enqueue had failed",
}


def total_queue(case: Case) -> Verdict:
    """Judge whether all that was enqueued was dequeued, and nothing else.

    >>> from checkers.contract import Contract
    >>> from histories.notation import parse_history
    >>> history = parse_history('''
    ...     0 invoke enqueue 1
    ...     0 ok     enqueue 1
    ...     1 invoke drain
    ...     1 ok     drain   []
    ... ''')
    >>> total_queue(Case(history, Contract())).counts["lost-count"]
    1
    """
    history = case.history
    attempts = Bag.of(history.value[history.rows("enqueue", OpType.INVOKE)])
    enqueues = Bag.of(history.value[history.rows("enqueue", OpType.OK)])
    refused = Bag.of(history.value[history.rows("enqueue", OpType.FAIL)])
    dequeues = Bag.of(_dequeued(history))

    came = dequeues & attempts
    unexpected = dequeues.without(attempts)
    bags = {
        "lost": enqueues - dequeues,
        "unexpected": unexpected,
        "duplicated": (dequeues - attempts).without(unexpected),
        "recovered": came - enqueues,
        "aborted": came - (attempts - refused),
    }
    why = _undrained(history)
    late = bags["lost"] & Bag.of(history.value[_enqueued_late(history)])
    judged = [
        ("lost", bags["lost"] - late, Validity.UNKNOWN if why else Validity.INVALID),
        ("lost", late, Validity.UNKNOWN),
        ("unexpected", unexpected, Validity.INVALID),
        ("aborted", bags["aborted"], Validity.INVALID),
        ("duplicated", bags["duplicated"], Validity.VALID),
        ("recovered", bags["recovered"], Validity.VALID),
    ]
    if len(late):
        why.append("what was enqueued after the last drain had begun may still be in the queue")
    found = []
    for name, bag, validity in judged:
        tell = partial(_tell, case, name, _first_rows(history, bag))
        found += anomaly(name, bag.elements(), tell, validity)
    counts = {
        "attempt-count": len(attempts),
        "acknowledged-count": len(enqueues),
        "ok-count": len(came),
        **{f"{name}-count": len(bag) for name, bag in bags.items()},
    }
    return verdict(found, counts, why)


def _dequeued(history: History) -> Ints:
    """Give every value that came out; an ok dequeue of nothing is nil, as Jepsen counts it."""
    taken = history.deliveries
    of_queue = history.calls("dequeue", "drain")[taken.row]
    rows, values = taken.row[of_queue], taken.value[of_queue]
    gave = np.zeros(len(history), np.bool_)
    gave[rows] = True
    asked = history.rows("dequeue", OpType.OK)
    empty = asked[~gave[asked]]
    return np.concatenate([values, np.full(len(empty), NONE)])


def _enqueued_late(history: History) -> Ints:
    """Give the rows of ok enqueues that ended when the last ok drain had begun already."""
    begin, enqueues = last_begin(history, "drain"), history.rows("enqueue", OpType.OK)
    return enqueues[enqueues > (len(history) if begin == NONE else begin)]


def _undrained(history: History) -> list[str]:
    why = []
    if len(history.rows("drain", OpType.INFO)):
        why.append("a drain ended in doubt: what it took is not known")
    if not len(history.rows("drain", OpType.OK)):
        why.append("no drain completed: what was not dequeued may still be in the queue")
    return why


def _first_rows(history: History, bag: Bag) -> Mapping[int, tuple[int, ...]]:
    """Give for the first few values of a bag the rows that put them in and took them out."""
    first = bag.value[:EXAMPLES_MAX]
    put, taken = _between(history.value, first), history.deliveries
    put = put[history.f[put] == history.f_code("enqueue")]
    out = _between(taken.value, first)
    return {
        value: (
            *put[history.value[put] == value][:2].tolist(),
            *taken.row[out[taken.value[out] == value][:2]].tolist(),
        )
        for value in first.tolist()
    }


def _between(values: Ints, ends: Ints) -> Ints:
    """Give where values from the first to the last of some are: one look at all, not ten."""
    if not len(ends):
        return ends
    return np.flatnonzero((values >= ends[0]) & (values <= ends[-1]))


def _tell(case: Case, name: str, at: Mapping[int, tuple[int, ...]], value: int) -> Finding:
    text = case.text(value)
    return Finding(f"{text} {_TEXTS[name]}", case.indices(*at.get(value, ())), {"value": text})
