"""What is published must be fetched, and through every node alike: jepsen.nats' queue checker.

Values are ``<process>-<counter>``, so a loss has a place in its producer's sequence: *prefix*,
before the first that was read (the log started over); *middle*, between two that were read (the
strongest case); *suffix*, after the last (it may be a slow reader; Jepsen says postfix). What one
node never delivered although it was acknowledged is lost on that node: a split brain. What was
published when the last fetch had begun may still come: it is counted with the rest, and unknown.
"""

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.findings import anomaly, verdict
from checkers.looks import last_begin
from checkers.multisets import distinct
from checkers.sequences import PARTS, counted, parts
from checkers.verdict import Finding, Validity, Verdict
from histories.history import NONE, History
from histories.op import OpType

__all__ = ["nats"]

Ints = NDArray[np.int64]

FETCHES = ("fetch", "next-message")


def nats(case: Case) -> Verdict:
    """Judge whether all that was published was fetched."""
    history = case.history
    attempts = distinct(history.value[history.rows("publish", OpType.INVOKE)])
    acked = distinct(history.value[history.rows("publish", OpType.OK)])
    taken = history.deliveries
    fetched = history.calls(*FETCHES)[taken.row] & (history.type[taken.row] == OpType.OK)
    read = distinct(taken.value[fetched])

    lost = np.setdiff1d(acked, read)
    unexpected = np.setdiff1d(read, attempts)
    recovered = np.setdiff1d(np.intersect1d(read, attempts), acked)
    on_node = {
        history.nodes[node]: np.setdiff1d(
            acked, taken.value[fetched & (history.node[taken.row] == node)]
        )
        for node in np.unique(history.node[taken.row[fetched]]).tolist()
        if node != NONE
    }

    def tell(text: str, value: int) -> Finding:
        rows = np.flatnonzero((history.value == value) & (history.f == history.f_code("publish")))
        data = {"value": case.text(value), "part": PARTS[int(parts(np.array([value]), read)[0])]}
        return Finding(f"{data['value']} {text}", case.indices(*rows[:2].tolist()), data)

    everywhere = distinct(np.concatenate([lost, *on_node.values()]))
    late = np.isin(everywhere, _published_late(history))
    why = ["what was published after the last fetch had begun may still come"] if late.any() else []

    def tell_lost(value: int) -> Finding:
        return tell("was published and not fetched", value)

    found = [
        *anomaly("lost", everywhere[~late], tell_lost),
        *anomaly("lost", everywhere[late], tell_lost, Validity.UNKNOWN),
        *anomaly("unexpected", unexpected, lambda value: tell("was never published", value)),
        *anomaly(
            "recovered",
            recovered,
            lambda value: tell("was fetched, though its publish was in doubt", value),
            Validity.VALID,
        ),
    ]
    counts = {
        "attempt-count": len(attempts),
        "acknowledged-count": len(acked),
        "read-count": len(read),
        "ok-count": len(np.intersect1d(read, attempts)),
        "unexpected-count": len(unexpected),
        "recovered-count": len(recovered),
        "lost": counted(parts(lost, read)),
        "lost-on-node": {name: counted(parts(missing, read)) for name, missing in on_node.items()},
    }
    return verdict(found, counts, why)


def _published_late(history: History) -> Ints:
    """Give what was acknowledged when the last fetch that was ok had begun already."""
    acked = history.rows("publish", OpType.OK)
    late: Ints = history.value[acked[acked > last_begin(history, *FETCHES)]]
    return late
