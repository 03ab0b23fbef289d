"""What each fault cost: one row a fault, with its RTO and its RPO.

    RTO   how long nobody could send (``availability``)
    RPO   what was acknowledged and is gone because of it, allowed or not: how many messages, of
          how many bytes, and how long before the fault the oldest was acknowledged

Bytes are distances in the commit log, from a record to the next one that an ack placed; a lower
neighbour that was never acknowledged makes them too many, never too few.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from checkers.availability import outages
from checkers.case import Case
from checkers.contract import MS
from checkers.losses import losses_of
from checkers.messages import NEVER
from checkers.multisets import distinct
from histories.history import NONE

__all__ = ["impact"]


def impact(case: Case) -> list[Mapping[str, Any]]:
    """Give a row for every fault, in the order of injection."""
    losses = losses_of(case)
    rows: list[Mapping[str, Any]] = []
    for place, (window, outage) in enumerate(zip(case.windows, outages(case), strict=True)):
        taken = losses.gone[(losses.fault == place) & ~losses.expired]
        rows.append(
            {
                "id": window.id,
                "kind": window.name,
                "class": str(window.fault_class),
                "targets": list(window.targets),
                "options": dict(window.options),
                "start_ms": _ms(window.inject_ns),
                "cure_ms": _ms(window.cured_ns),
                "bit": window.bit,
                "proof": window.proof,
                "sends": outage.sends,
                "ok": outage.ok,
                "rto_ms": outage.rto_ms,
                "outage_start_ms": outage.begin_ms,
                "outage_end_ms": outage.end_ms,
                "available_throughout": outage.begin_ms is None,
                "recovered_in_window": outage.recovered_in_window,
                "heal_to_ok_ms": outage.heal_to_ok_ms,
                "rpo_count": len(taken),
                "rpo_bytes": _bytes(case, taken),
                "rpo_ms": _age_ms(case, taken, window.inject_ns),
            }
        )
    return rows


def _ms(at_ns: int) -> float | None:
    return None if at_ns == NEVER else at_ns / MS


def _bytes(case: Case, taken: "np.ndarray[Any, np.dtype[np.int64]]") -> int | None:
    if not len(taken):
        return 0
    placed = case.messages.physical_offset
    log = distinct(placed[placed != NONE])
    mine = placed[taken]
    mine = mine[mine != NONE]
    after = np.searchsorted(log, mine, side="right")
    known = after < len(log)
    return int((log[after[known]] - mine[known]).sum()) if known.any() else None


def _age_ms(case: Case, taken: "np.ndarray[Any, np.dtype[np.int64]]", inject_ns: int) -> float:
    if not len(taken):
        return 0.0
    return round(max(0, inject_ns - int(case.messages.end_ns[taken].min())) / MS, 3)
