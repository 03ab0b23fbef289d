"""A chunk of text as numbers: where its lines are, and where the runs of digits in them.

A handful of numpy passes finds every line and every maximal run of digits of a few megabytes of
text; no Python code runs for a line. ``shapes`` builds on it. A run's number is read eight digits
at a time: the eight bytes that end where the run ends are one 64-bit word, and three
multiplications fold its digits (the technique is known as SWAR).

    {"index":12,"time":345}
             ^^        ^^^      two runs; between them, the literal text
"""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["DIGITS_MAX", "PADDING", "Scan", "scanned"]

PADDING = b" " * 24
"""Stands before the text, so that the words that end at a run's end begin in the chunk."""

DIGITS_MAX = 18
"""The most digits that always fit in 63 bits."""

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_ZERO, _NEWLINE, _WORD = 48, 10, 8
_JSON_KEY = re.compile(rb'"key":"[0-9A-F]{32}"')
_EDN_KEY = re.compile(rb':key "[0-9A-F]{32}"')
_BLANK = b"F" * 31
_BEGIN = 1 << 14
_NIBBLES = np.uint64(0x0F0F0F0F0F0F0F0F)
_PAIRS = np.uint64(0x00FF00FF00FF00FF)
_QUADS = np.uint64(0x0000FFFF0000FFFF)
_OCTET = np.uint64(0x00000000FFFFFFFF)
_EIGHT_DIGITS = 10**_WORD
_WIDTH_MAX = 3 * _WORD


@dataclass(frozen=True, slots=False, eq=False)
class Scan:
    """Lines and digit runs of one chunk; positions count from its padding."""

    text: bytes
    alike: bytes  # the text, but for message keys
    octets: NDArray[np.uint8]
    begins: Ints  # of each line
    ends: Ints  # of each line: its newline
    run_begins: Ints
    run_ends: Ints
    first: Ints  # the first run of each line, and one more: the number of runs

    def __len__(self) -> int:
        return len(self.begins)

    def line(self, number: int) -> bytes:
        """Give a line without its newline."""
        return self.text[self.begins[number] : self.ends[number]]

    @cached_property
    def counts(self) -> Ints:
        """How many runs each line has."""
        return np.diff(self.first)

    @cached_property
    def literals(self) -> Ints:
        """How many bytes of each line are no digits."""
        digits = np.zeros(len(self.run_begins) + 1, np.int64)
        np.cumsum(self.run_ends - self.run_begins, out=digits[1:])
        return (self.ends - self.begins) - np.diff(digits[self.first])

    @cached_property
    def irregular(self) -> Flags:
        """Lines with a number that is not the shortest spelling of 63 bits: 007, or 20 digits."""
        widths = self.run_ends - self.run_begins
        runs = (widths > DIGITS_MAX) | ((self.octets[self.run_begins] == _ZERO) & (widths > 1))
        found = np.zeros(len(self), np.bool_)
        if runs.any():
            found[np.searchsorted(self.first, np.flatnonzero(runs), side="right") - 1] = True
        return found

    def equal(self, positions: Ints, literal: bytes) -> Flags:
        """Tell at which positions this literal text stands."""
        size = len(literal)
        if not size:
            return np.ones(len(positions), np.bool_)
        if size <= _WORD:
            mask = np.uint64((1 << 8 * size) - 1)
            wanted = np.uint64(int.from_bytes(literal, "little"))
            alike: Flags = (self._words[positions] & mask) == wanted
            return alike
        windows = np.ndarray((len(self.text) - size + 1,), f"S{size}", self.alike, strides=(1,))
        same: Flags = windows[positions] == literal
        return same

    def numbers(self, runs: Ints) -> Ints:
        """Read the numbers that these runs spell; at most DIGITS_MAX digits each."""
        ends = self.run_ends[runs]
        widths = ends - self.run_begins[runs]
        total = _folded(self._words[ends - _WORD], _MASKS[0][widths])
        for word in range(1, -(-int(widths.max(initial=0)) // _WORD)):
            part = _folded(self._words[ends - (word + 1) * _WORD], _MASKS[word][widths])
            total += part * _EIGHT_DIGITS**word
        return total

    @cached_property
    def _words(self) -> NDArray[np.uint64]:
        """The eight bytes from every position, first byte lowest."""
        size = len(self.text) - _WORD + 1
        return np.ndarray((size,), "<u8", self.alike, strides=(1,))


def scanned(text: bytes) -> Scan:
    """Find lines and runs; ``text`` is PADDING, whole lines, and PADDING's length once more."""
    alike = _with_keys_alike(text)
    octets = np.frombuffer(alike, np.uint8)
    ends = np.flatnonzero(octets == _NEWLINE)
    begins = np.concatenate([[len(PADDING)], ends[:-1] + 1]) if len(ends) else ends
    digits = (octets - _ZERO) < np.uint8(10)
    edges = np.flatnonzero(digits[1:] != digits[:-1]) + 1
    run_begins, run_ends = edges[::2], edges[1::2]
    first = np.append(np.searchsorted(run_begins, begins), len(run_begins))
    return Scan(text, alike, octets, begins, ends, run_begins, run_ends, first)


def _with_keys_alike(text: bytes) -> bytes:
    """Replace RocketMQ's unique keys, 32 hexadecimal digits in which no two lines are alike.

    One digit is left, so that whatever depends on the key is seen to depend on a run, and to be
    none that a shape can tell. A chunk that begins without keys is taken to have none: its lines
    with keys are then read one by one.
    """
    begin = text[:_BEGIN]  # Searching all of it costs as much as reading a column.
    if b'"key":"' in begin:
        return _JSON_KEY.sub(b'"key":"0%s"' % _BLANK, text)
    if b':key "' in begin:
        return _EDN_KEY.sub(b':key "0%s"' % _BLANK, text)
    return text


def _masks(word: int) -> NDArray[np.uint64]:
    """For each width of a run, which bytes of its last, second and third last word are digits."""
    sizes = (min(max(width - word * _WORD, 0), _WORD) for width in range(_WIDTH_MAX + 1))
    masks = [((1 << 8 * size) - 1) << 8 * (_WORD - size) for size in sizes]
    return np.array(masks, np.uint64) & _NIBBLES


def _folded(words: NDArray[np.uint64], mask: NDArray[np.uint64]) -> Ints:
    """Read each word's bytes as decimal digits, first digit lowest; masked bytes are zeros."""
    digits = words & mask
    digits = (digits * np.uint64(10) + (digits >> np.uint64(8))) & _PAIRS
    digits = (digits * np.uint64(100) + (digits >> np.uint64(16))) & _QUADS
    digits = (digits * np.uint64(10_000) + (digits >> np.uint64(32))) & _OCTET
    return digits.view(np.int64)


_MASKS = tuple(_masks(word) for word in range(3))
