"""Jepsen's independent keys: values ``[key value]`` are objects of their own, judged one by one.

A history is keyed if every call on the objects is of a key, and those that take something out were
invoked with nothing but their key, ``[3 nil]``: a set of pairs reads with ``nil``. Each key's part
is a history by itself, with the key taken off. The verdict is the worst of the parts; numbers are
added up, and what was found says of which key it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any, TypeAlias

import msgspec
import numpy as np

from checkers.case import Case
from checkers.findings import verdict
from checkers.verdict import Anomaly, Finding, Verdict
from histories.history import NEMESIS_PROCESS, History
from histories.op import Op, OpType

__all__ = ["independently", "merged", "parts_of"]

PUTTING = ("add", "enqueue")
TAKING = ("read", "dequeue", "drain")

Checker: TypeAlias = Callable[[Case], Verdict]


def independently(checker: Checker) -> Checker:
    """Make a checker that judges each key of a keyed history on its own."""

    @wraps(checker)
    def judged(case: Case) -> Verdict:
        parts = parts_of(case.history)
        if parts is None:
            return checker(case)
        return merged({key: checker(Case(part, case.contract)) for key, part in parts.items()})

    return judged


def parts_of(history: History) -> Mapping[str, History] | None:
    """Give the history of each key; None if the history is not keyed."""
    if not _may_be_keyed(history):
        return None
    ours = history.calls(*PUTTING, *TAKING) & (history.process != NEMESIS_PROCESS)
    parts: dict[str, list[Op]] = {}
    for row in np.flatnonzero(ours).tolist():
        op = history.op(row)
        if not _is_keyed(op):
            return None
        key, value = op.value
        parts.setdefault(_spelled(key), []).append(msgspec.structs.replace(op, value=value))
    return {key: History.from_ops(ops) for key, ops in parts.items()}


def merged(verdicts: Mapping[str, Verdict]) -> Verdict:
    """Make one verdict of those of all keys; ``failures`` are the keys that are not valid."""
    anomalies = [
        _of_key(key, anomaly) for key, one in verdicts.items() for anomaly in one.anomalies.values()
    ]
    counts: dict[str, Any] = {}
    for one in verdicts.values():
        counts = _added(counts, one.counts)
    failures = [key for key, one in verdicts.items() if one.validity]
    counts |= {"key-count": len(verdicts), "failures": failures}
    why = [f"key {key}: {reason}" for key, one in verdicts.items() for reason in one.why]
    return verdict(anomalies, counts, why)


def _may_be_keyed(history: History) -> bool:
    """Look at the first call that takes something out."""
    taking = history.calls(*TAKING) & (history.type == OpType.INVOKE)
    return bool(taking.any()) and _is_keyed(history.op(int(np.argmax(taking))))


def _is_keyed(op: Op) -> bool:
    value = op.value
    if not isinstance(value, list) or len(value) != 2 or isinstance(value[0], list | dict):
        return False
    return value[1] is None or op.type != "invoke" or op.f in PUTTING


def _spelled(key: Any) -> str:
    return key if isinstance(key, str) else msgspec.json.encode(key).decode()


def _of_key(key: str, anomaly: Anomaly) -> Anomaly:
    told = [
        Finding(f"key {key}: {finding.text}", finding.ops, {"key": key, **finding.data})
        for finding in anomaly.findings
    ]
    return replace(anomaly, findings=tuple(told))


def _added(sums: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Add numbers up name by name, also one level down."""
    joined = dict(sums)
    for name, value in more.items():
        if isinstance(value, Mapping):
            joined[name] = _added(joined.get(name, {}), value)
        elif isinstance(value, int | float):
            joined[name] = joined.get(name, 0) + value
    return joined
