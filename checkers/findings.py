"""Checkers say what they found as a few examples in full and the rest as a number.

A history may break a promise a million times; ``EXAMPLES_MAX`` instances, the earliest in the
history, are told. The promise comes from the table of anomalies, so no checker states it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checkers.anomalies import ANOMALIES
from checkers.verdict import Anomaly, Finding, Validity, Verdict

__all__ = ["EXAMPLES_MAX", "anomaly", "merge", "verdict"]

EXAMPLES_MAX = 10


def anomaly(
    name: str,
    instances: NDArray[np.int64],
    tell: Callable[[int], Finding],
    validity: Validity = Validity.INVALID,
) -> list[Anomaly]:
    """Make an anomaly of its instances, numbers that ``tell`` knows how to explain.

    Gives a list, empty if there is none, so that checkers can simply add up what they found.
    """
    if not len(instances):
        return []
    findings = tuple(tell(int(instance)) for instance in instances[:EXAMPLES_MAX])
    promise = ANOMALIES[name].breaks if validity is not Validity.VALID else ""
    return [Anomaly(name, len(instances), validity, promise, findings)]


def verdict(
    anomalies: Iterable[Anomaly],
    counts: Mapping[str, Any] | None = None,
    why: Iterable[str] = (),
) -> Verdict:
    """Make a verdict: the worst anomaly decides, and a reason makes it unknown at least.

    >>> verdict([], why=["no drain"]).validity.name
    'UNKNOWN'
    """
    by_name: dict[str, Anomaly] = {}
    for found in anomalies:
        by_name[found.name] = merge(by_name[found.name], found) if found.name in by_name else found
    reasons = tuple(why)
    floor = Validity.UNKNOWN if reasons else Validity.VALID
    worst = max([floor, *(found.validity for found in by_name.values())])
    return Verdict(worst, by_name, dict(counts or {}), reasons)


def merge(one: Anomaly, other: Anomaly) -> Anomaly:
    """Join two anomalies of one name: the worse decides and comes first; both are counted."""
    worse, better = (one, other) if one.validity >= other.validity else (other, one)
    findings = (*worse.findings, *better.findings)[:EXAMPLES_MAX]
    return Anomaly(one.name, one.count + other.count, worse.validity, worse.promise, findings)
