"""All checkers of a workload, one after another, and one judgement of what they said.

    ours    send, pull, commit, drain, dump: everything that P1 to P12 promise
    queue   Jepsen's enqueue, dequeue, drain: total-queue
    set     Jepsen's add and read, as ``queue`` also of independent keys
    nats    publish, fetch, next-message
    kafka   Jepsen's send, poll and txn of micro-operations

A checker that raises is unknown, with its traceback, and hides nobody else's verdict: the worst
of all decides, and invalid is worse than unknown.
"""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from checkers.answers import answers
from checkers.availability import availability
from checkers.case import Case
from checkers.commits import commits
from checkers.consumption import consumption
from checkers.contract import Contract
from checkers.findings import merge
from checkers.honesty import honesty
from checkers.impact import impact
from checkers.independent import independently
from checkers.kafka import kafka
from checkers.nats import nats
from checkers.offsets import offsets
from checkers.ordering import ordering
from checkers.orders import orders_of_competitors, orders_of_logs
from checkers.queue import queue
from checkers.replicas import replicas
from checkers.serving import serving
from checkers.sets import sets
from checkers.stats import stats
from checkers.total_queue import total_queue
from checkers.vacuity import idleness, vacuity
from checkers.verdict import Anomaly, Validity, Verdict
from histories.history import History

__all__ = ["CHECKERS", "Checker", "Judgement", "judge", "workload_of"]

Checker: TypeAlias = Callable[[Case], Verdict]

CHECKERS: Mapping[str, Mapping[str, Checker]] = {
    "ours": {
        "queue": queue,
        "offsets": offsets,
        "replicas": replicas,
        "serving": serving,
        "ordering": ordering,
        "orders": orders_of_logs,
        "consumption": consumption,
        "commits": commits,
        "honesty": honesty,
        "answers": answers,
        "availability": availability,
        "stats": stats,
        "vacuity": vacuity,
    },
    "queue": {
        "total-queue": independently(total_queue),
        "orders": independently(orders_of_competitors),
        "stats": stats,
        "vacuity": partial(idleness, needed=(("enqueue",), ("dequeue", "drain"))),
    },
    "set": {
        "set": independently(sets),
        "stats": stats,
        "vacuity": partial(idleness, needed=(("add",), ("read",))),
    },
    "nats": {
        "nats": nats,
        "orders": orders_of_competitors,
        "stats": stats,
        "vacuity": partial(idleness, needed=(("publish",), ("fetch", "next-message"))),
    },
    "kafka": {
        "kafka": kafka,
        "stats": stats,
        "vacuity": partial(idleness, needed=(("send", "txn"), ("poll", "txn"))),
    },
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the suite has to say of a history."""

    validity: Validity
    verdicts: Mapping[str, Verdict]  # by checker
    why: tuple[str, ...]
    faults: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    @property
    def anomalies(self) -> Mapping[str, Anomaly]:
        """All anomalies, merged by name, the worst first."""
        merged: dict[str, Anomaly] = {}
        for verdict in self.verdicts.values():
            for name, found in verdict.anomalies.items():
                merged[name] = merge(merged[name], found) if name in merged else found
        worst_first = sorted(merged.values(), key=lambda found: (-found.validity, found.name))
        return {found.name: found for found in worst_first}

    @property
    def counts(self) -> Mapping[str, Any]:
        """The numbers of all checkers; each name belongs to one of them."""
        return {name: n for verdict in self.verdicts.values() for name, n in verdict.counts.items()}

    def to_json(self) -> dict[str, Any]:
        """Give what ``mqhavoc check --json`` prints."""
        return {
            "validity": self.validity.word,
            "anomalies": {name: _as_json(found) for name, found in self.anomalies.items()},
            "counts": dict(self.counts),
            "why": list(self.why),
            "faults": [dict(row) for row in self.faults],
        }


def judge(
    history: History,
    contract: Contract | None = None,
    workload: str | None = None,
    *,
    faults_expected: bool = False,
) -> Judgement:
    """Judge a history by a contract, the strictest if none is given.

    >>> from histories.notation import parse_history
    >>> judge(
    ...     parse_history('''
    ...     0 invoke send  a @0
    ...     0 ok     send  a @0/0
    ...     1 invoke drain   @0
    ...     1 ok     drain 0:a @0
    ... ''')
    ... ).validity.word
    'valid'
    """
    case = Case(history, contract or Contract())
    workload = workload or workload_of(history)
    if workload not in CHECKERS:
        raise ValueError(f"workload: expected one of {', '.join(CHECKERS)}, got {workload!r}")
    checkers = dict(CHECKERS[workload])
    if workload == "ours":
        checkers["vacuity"] = partial(vacuity, faults_expected=faults_expected)
    verdicts = {name: _checked(checker, case) for name, checker in checkers.items()}
    why = tuple(dict.fromkeys(reason for said in verdicts.values() for reason in said.why))
    worst = max((said.validity for said in verdicts.values()), default=Validity.UNKNOWN)
    return Judgement(worst, verdicts, why, _faults(case) if workload == "ours" else ())


def workload_of(history: History) -> str:
    """Tell the workload by the functions that clients called.

    >>> from histories.notation import parse_history
    >>> workload_of(parse_history("0 invoke enqueue 1"))
    'queue'
    """
    fs = dict.fromkeys(history.fs)
    if "enqueue" in fs or "dequeue" in fs:
        return "queue"
    if "publish" in fs or "fetch" in fs:
        return "nats"
    if "add" in fs:
        return "set"
    if "txn" in fs or "poll" in fs or len(history.columns.sends["row"]):
        return "kafka"
    return "ours"


def _checked(checker: Checker, case: Case) -> Verdict:
    try:
        return checker(case)
    except Exception:  # noqa: BLE001 - whatever it was, the others' verdicts must stand
        return Verdict(Validity.UNKNOWN, why=(f"a checker crashed:\n{traceback.format_exc()}",))


def _faults(case: Case) -> Sequence[Mapping[str, Any]]:
    try:
        return impact(case)
    except Exception:  # noqa: BLE001 - figures beside a verdict must not take it away
        return ()


def _as_json(found: Anomaly) -> dict[str, Any]:
    return {
        "count": found.count,
        "validity": found.validity.word,
        "promise": found.promise,
        "examples": [
            {"text": finding.text, "ops": list(finding.ops), **finding.data}
            for finding in found.findings
        ],
    }
