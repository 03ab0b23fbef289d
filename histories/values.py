"""A message's value is a number of 64 bits, so that a million of them are one array.

What people write as a value falls in four classes, and the number says which one:

    producer-counter   "3-17"            3 << 40 | 17                   our own workloads, NATS
    whole number       17                1 << 62 | 17                   Jepsen's queues and sets
    anything else      "a", -1, [1, 2]   1 << 61 | place in the table   interned as JSON
    absent             None              -1

Only canonical spellings are packed ("03-17" is not "3-17"), hence two values are equal exactly
when their numbers are, and nothing is stored for the two common classes.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["COUNTER_BITS", "INTEGER_TAG", "INTERNED_TAG", "NONE", "ValueTable"]

NONE = -1
"""Stands for an absent value here, and for anything absent in every column."""

COUNTER_BITS = 40
INTEGER_TAG = 1 << 62
INTERNED_TAG = 1 << 61

_INTEGER_LIMIT = 1 << 61
_REMEMBERED = 1 << 12
_COUNTER_MASK = (1 << COUNTER_BITS) - 1
_PAIR = re.compile(r"(0|[1-9][0-9]{0,5})-(0|[1-9][0-9]{0,11})", re.ASCII)

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder().decode

Ints = NDArray[np.int64]


class ValueTable:
    """Values as numbers, and back.

    >>> table = ValueTable()
    >>> [table.id(value) for value in ("3-17", 17, "a", "a", None)] == [
    ...     3 << 40 | 17,
    ...     1 << 62 | 17,
    ...     1 << 61,
    ...     1 << 61,
    ...     -1,
    ... ]
    True
    >>> [table.text(table.id(value)) for value in ("3-17", 17, "a", [1, 2], None)]
    ['3-17', '17', 'a', '[1,2]', 'nil']
    """

    __slots__ = ("_ids", "_texts")

    def __init__(self) -> None:
        self._ids: dict[bytes, int] = {}
        self._texts: list[bytes] = []

    def __len__(self) -> int:
        """Count the interned values; packed ones take no place."""
        return len(self._texts)

    def id(self, value: Any) -> int:
        """Give the number of a value, interning it if it does not pack."""
        if value is None:
            return NONE
        if type(value) is int and 0 <= value < _INTEGER_LIMIT:
            return INTEGER_TAG | value
        if type(value) is str and (packed := _packed(value)) != NONE:
            return packed
        return self.intern(_encode(value))

    def ids(self, values: Iterable[Any]) -> Ints:
        """Give the numbers of many values."""
        return np.fromiter(map(self.id, values), np.int64)

    def value(self, id: int) -> Any:
        """Give back the value as it was written."""
        if id == NONE:
            return None
        if id & INTEGER_TAG:
            return id ^ INTEGER_TAG
        if id & INTERNED_TAG:
            return _decode(self._texts[id ^ INTERNED_TAG])
        return f"{id >> COUNTER_BITS}-{id & _COUNTER_MASK}"

    def text(self, id: int) -> str:
        """Spell the value for people."""
        value = self.value(int(id))
        if value is None:
            return "nil"
        return value if isinstance(value, str) else _encode(value).decode()

    def producer(self, id: int) -> int:
        """Give 3 for "3-17", and -1 for a value of any other class.

        >>> table = ValueTable()
        >>> table.producer(table.id("3-17")), table.counter(table.id("3-17"))
        (3, 17)
        >>> table.producer(table.id(17)), table.counter(table.id("a"))
        (-1, -1)
        """
        return id >> COUNTER_BITS if 0 <= id < INTERNED_TAG else NONE

    def counter(self, id: int) -> int:
        """Give 17 for "3-17", and -1 for a value of any other class."""
        return id & _COUNTER_MASK if 0 <= id < INTERNED_TAG else NONE

    @staticmethod
    def producers(ids: Ints) -> Ints:
        """Give the producer of every id, as ``producer`` does."""
        return np.where((ids >= 0) & (ids < INTERNED_TAG), ids >> COUNTER_BITS, NONE)

    @staticmethod
    def counters(ids: Ints) -> Ints:
        """Give the counter of every id, as ``counter`` does."""
        return np.where((ids >= 0) & (ids < INTERNED_TAG), ids & _COUNTER_MASK, NONE)

    @property
    def interned(self) -> list[bytes]:
        """The interned values as JSON, in the order of their numbers."""
        return self._texts

    @classmethod
    def from_interned(cls, texts: Iterable[bytes]) -> "ValueTable":
        """Make the table that had these values interned, for reading a columnar file."""
        table = cls()
        for text in texts:
            table.intern(text)
        return table

    def intern(self, text: bytes) -> int:
        """Give the number of a value that does not pack, by its JSON."""
        id = self._ids.get(text)
        if id is None:
            id = self._ids[text] = INTERNED_TAG | len(self._texts)
            self._texts.append(text)
        return id


@lru_cache(_REMEMBERED)
def _packed(text: str) -> int:
    """Give the number of "3-17", NONE for any other text.

    A value comes again and again: sent, acknowledged, delivered, drained from either node.
    """
    match = _PAIR.fullmatch(text)
    return NONE if match is None else int(match[1]) << COUNTER_BITS | int(match[2])
