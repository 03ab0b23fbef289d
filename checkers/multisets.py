"""Bags of values as parallel arrays, for checkers that count rather than order.

>>> bag = Bag.of(np.array([7, 5, 7]))
>>> (bag - Bag.of(np.array([7]))).elements().tolist()
[5, 7]
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bag", "distinct"]

Ints = NDArray[np.int64]

_DENSE = 4
"""Values that fill at least a fourth of their range are counted in place, without sorting."""


def distinct(values: Ints) -> Ints:
    """Give the distinct values, ascending. Sorting beats numpy's hashing by far.

    >>> distinct(np.array([7, 5, 7])).tolist()
    [5, 7]
    """
    ordered = np.sort(values)
    return ordered[np.r_[True, ordered[1:] != ordered[:-1]]] if len(ordered) else ordered


@dataclass(frozen=True, slots=True, eq=False)
class Bag:
    """Distinct values, ascending, and how often each is there."""

    value: Ints
    count: Ints

    @classmethod
    def of(cls, values: Ints) -> "Bag":
        """Count values."""
        low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
        if high - low < _DENSE * len(values):
            counts = np.bincount(values - low)
            there = np.flatnonzero(counts)
            return cls(there + low, counts[there].astype(np.int64))
        value, count = np.unique(values, return_counts=True)
        return cls(value, count.astype(np.int64))

    def __len__(self) -> int:
        return int(self.count.sum())

    def __sub__(self, other: "Bag") -> "Bag":
        """Take out what the other holds, as often as it holds it."""
        return self._kept(self.count - other.counts(self.value))

    def __and__(self, other: "Bag") -> "Bag":
        """Keep of each value the smaller number."""
        return self._kept(np.minimum(self.count, other.counts(self.value)))

    def counts(self, values: Ints) -> Ints:
        """Tell how often each of some values is in the bag."""
        if not len(self.value):
            return np.zeros(len(values), np.int64)
        low, span = int(self.value[0]), int(self.value[-1]) - int(self.value[0])
        if span < _DENSE * len(self.value):
            table = np.zeros(span + 3, np.int64)  # with a place before and after for all others
            table[self.value - (low - 1)] = self.count
            return table[np.clip(values, low - 1, low + span + 1) - (low - 1)]
        place = np.minimum(np.searchsorted(self.value, values), len(self.value) - 1)
        return np.where(self.value[place] == values, self.count[place], 0)

    def without(self, other: "Bag") -> "Bag":
        """Keep the values that the other does not hold at all."""
        return self._kept(np.where(other.counts(self.value) > 0, 0, self.count))

    def distinct(self) -> "Bag":
        """Keep each value once."""
        return Bag(self.value, np.ones(len(self.value), np.int64))

    def elements(self) -> Ints:
        """Give every value as often as it is there, ascending."""
        return np.repeat(self.value, self.count)

    def _kept(self, count: Ints) -> "Bag":
        there = count > 0
        return Bag(self.value[there], count[there])
