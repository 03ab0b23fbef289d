"""``check --model``: whether a history is linearizable as a register, a mutex, a queue or a log.

    fifo-queue   the exact check, for unique values; the search where it cannot decide
    log          the exact check; our own sends and pulls are a log a queue
    others       the search, key by key, bounded: it may say unknown

Values ``[key, value]`` of all calls are Jepsen's independent keys: each is an object of its own
(``independent`` for queues, ``operations`` for registers).
A completion without an invocation has no interval, and makes the answer unknown.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from checkers.findings import verdict
from checkers.independent import merged, parts_of
from checkers.linearizable.calls import Calls, Contradiction, calls_of_log, calls_of_queue
from checkers.linearizable.fifo import fifo_contradiction
from checkers.linearizable.log import log_contradiction
from checkers.linearizable.models import MODELS
from checkers.linearizable.operations import Operation, operations
from checkers.linearizable.search import VISITS_MAX, Linearization, linearizable
from checkers.messages import NEVER
from checkers.verdict import Anomaly, Finding, Validity, Verdict
from histories.history import NONE, History
from histories.op import OpType

__all__ = ["linearizability"]

Ints = NDArray[np.int64]

OPERATIONS = {
    "register": ("read", "write"),
    "cas-register": ("read", "write", "cas"),
    "mutex": ("acquire", "release"),
    "fifo-queue": ("enqueue", "dequeue", "drain"),
    "unordered-queue": ("enqueue", "dequeue", "drain"),
    "log": ("append", "read", "send", "pull", "drain"),
}
PATH_MAX = 3
"""So many of the operations that could be placed are shown before those that could not."""


def linearizability(history: History, model: str, visits_max: int = VISITS_MAX) -> Verdict:
    """Judge a history by a model's name.

    >>> from histories.notation import parse_history
    >>> history = parse_history('''
    ...     0 invoke enqueue 1
    ...     0 ok     enqueue 1
    ...     1 invoke dequeue
    ...     1 ok     dequeue 2
    ... ''')
    >>> linearizability(history, "fifo-queue").anomalies["nonlinearizable"].findings[0].text
    '2 was never enqueued'
    """
    parts = parts_of(history) if model.endswith("queue") else None
    if parts is not None:
        of_keys = {key: linearizability(part, model, visits_max) for key, part in parts.items()}
        return merged(of_keys)
    known = np.isin(history.f, [history.f_code(f) for f in OPERATIONS[model]])
    counts = {"model": model, "call-count": int((known & (history.type == OpType.INVOKE)).sum())}
    if not counts["call-count"]:
        names = ", ".join(OPERATIONS[model])
        return verdict([], counts, [f"{model}: expected calls of {names}; there are none"])
    alone = known & (history.type != OpType.INVOKE) & (history.pair == NONE)
    if alone.any():
        row = int(np.flatnonzero(alone)[0])
        why = f"{int(alone.sum())} completions have no invocation, the first is op "
        return verdict([], counts, [f"{why}{int(history.index[row])}"])
    if model in ("fifo-queue", "log"):
        exact = _exact(history, model)
        if exact is not None:
            return _of_contradictions(history, exact, counts)
    return _searched(history, model, visits_max, counts)


def _exact(history: History, model: str) -> list[tuple[Calls, Contradiction]] | None:
    """Give the contradiction of each queue or log that has one; None if a search must decide."""
    found = []
    if model == "fifo-queue":
        queues = calls_of_queue(history)
        for calls in _by_key(queues, np.unique(queues.key)):
            if not _unique(calls):
                return None
            one = fifo_contradiction(calls)
            if one is not None and one.validity is Validity.UNKNOWN:
                return None
            found += [] if one is None else [(calls, one)]
        return found
    logs = calls_of_log(history)
    ours = history.f_code("append") == NONE
    for calls in _by_key(logs, np.unique(logs.key[logs.key != NONE])):
        if _unique(calls):
            one = log_contradiction(calls, None if ours else 0)
        else:
            one = Contradiction("", "a value was appended twice", (), (), Validity.UNKNOWN)
        found += [] if one is None else [(calls, one)]
    return found


def _by_key(calls: Calls, keys: Ints) -> Iterator[Calls]:
    """Give the calls of each queue, with the puts of which nobody knows the queue."""
    for key in keys.tolist():
        astray = calls.put & (calls.key == NONE) & (calls.end == NEVER)
        yield calls.only((calls.key == key) | astray) if len(keys) > 1 else calls


def _unique(calls: Calls) -> bool:
    put = np.sort(calls.value[calls.put])
    return bool((put[1:] != put[:-1]).all())


def _of_contradictions(
    history: History, found: Sequence[tuple[Calls, Contradiction]], counts: dict[str, object]
) -> Verdict:
    invalid = [one for one in found if one[1].validity is Validity.INVALID]
    why = [one.sentence for _, one in found if one.validity is Validity.UNKNOWN]
    findings = []
    for calls, one in invalid:
        text = one.sentence.format(*(history.values.text(value) for value in one.values))
        begins = [int(calls.begin[place]) for place in one.places]
        ends = [int(calls.end[place]) for place in one.places]
        data = {"pattern": one.pattern} | _queue_of(history, calls)
        findings.append(Finding(text, _indices(history, [*begins, *ends]), data))
    return verdict(_anomaly(findings), counts, why)


def _queue_of(history: History, calls: Calls) -> dict[str, str]:
    named = calls.key[calls.key != NONE]
    known = len(named) and len(history.queues)
    return {"queue": history.queues[int(named[0])]} if known else {}


def _searched(history: History, model: str, visits_max: int, counts: dict[str, object]) -> Verdict:
    names = OPERATIONS[model]
    ops = [op for op in operations(history) if op.f in names]
    found = linearizable(ops, MODELS[model], visits_max)
    counts = counts | {"visit-count": found.visits}
    if found.validity is Validity.UNKNOWN:
        bound = f"the search was given up after {found.visits:,} configurations"
        return verdict([], counts, [bound])
    if found.validity is Validity.VALID:
        return verdict([], counts)
    return verdict(_anomaly([_stuck(history, found)]), counts)


def _stuck(history: History, found: Linearization) -> Finding:
    """Tell how far an order of the operations got, and what could not come next."""
    stuck = ", ".join(_spelled(op) for op in found.stuck)
    placed = len(found.order)
    of_key = "" if found.key is None else f" of key {found.key}"
    last = found.order[-PATH_MAX:]
    after = f" (the last: {', '.join(_spelled(op) for op in last)})" if last else ""
    text = f"{placed} operations{of_key} in a row can have been{after}; then none of: {stuck}"
    rows = [row for op in (*last, *found.stuck) for row in (op.begin, op.end) if row is not None]
    return Finding(text, _indices(history, rows), {"pattern": "search", "placed": placed})


def _spelled(op: Operation) -> str:
    inner = dict.fromkeys(str(word) for word in (op.input, op.output) if word is not None)
    return " ".join([op.f, *inner])


def _anomaly(findings: Sequence[Finding]) -> list[Anomaly]:
    if not findings:
        return []
    return [Anomaly("nonlinearizable", len(findings), Validity.INVALID, "", tuple(findings[:10]))]


def _indices(history: History, rows: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(history.index[row]) for row in sorted(set(rows)) if row != NEVER)
