"""Where a missing value stands in the sequence of its producer.

Values ``<producer>-<counter>`` count up, so a loss has a shape: *prefix*, before the first that is
there (a log that started over); *middle*, between two that are there (the strongest case);
*suffix*, behind the last (a tail that was cut, or a slow reader); *all*, if none is there.
"""

import numpy as np
from numpy.typing import NDArray

from histories.history import NONE
from histories.values import ValueTable

__all__ = ["PARTS", "counted", "parts"]

Ints = NDArray[np.int64]

PARTS = ("prefix", "middle", "suffix", "all")
_FAR = np.iinfo(np.int64).max


def parts(missing: Ints, there: Ints) -> Ints:
    """Give for each missing value the place in ``PARTS`` of where it stands.

    >>> table = ValueTable()
    >>> missing, there = table.ids(["0-1", "0-3", "0-9", "5-0"]), table.ids(["0-2", "0-4"])
    >>> [PARTS[part] for part in parts(missing, there)]
    ['prefix', 'middle', 'suffix', 'all']
    """
    producers, counters = ValueTable.producers(there), ValueTable.counters(there)
    known = producers != NONE
    names, lane = np.unique(producers[known], return_inverse=True)
    first, last = np.full(len(names) + 1, _FAR), np.full(len(names) + 1, NONE)
    np.minimum.at(first, lane, counters[known])
    np.maximum.at(last, lane, counters[known])

    mine, counter = ValueTable.producers(missing), ValueTable.counters(missing)
    place = np.searchsorted(names, mine)
    place[~np.isin(mine, names)] = len(names)
    inside = np.where(counter > last[place], 2, 1)
    part = np.where(counter < first[place], 0, inside)
    return np.where(place == len(names), 3, part)


def counted(part: Ints) -> dict[str, int]:
    """Count values by part; those that there are none of are left out."""
    counts = np.bincount(part, minlength=len(PARTS)).tolist()
    return {name: count for name, count in zip(PARTS, counts, strict=True) if count}
