"""Kafka's transactions are of any length, and all of a chunk are read at once.

    {:type :ok, :process 3, :f :poll, :value [[:poll {3 [[42 711] [43 713]], 5 []}]]}

A poll returns any number of messages of any number of keys, so hardly two lines have one shape
(see ``shapes``); but the value is a sentence of a language that ``grammar`` reads. What stands
before it, the *head*, is learnt as a shape is, from a line of markers that the format's own parser
reads, and is used only if the parser finds the messages where the grammar does.

A line is taken if every piece of its sentence may stand where it stands, and the last one closes
the op. Every other line is left to ``shapes``.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from histories.columns import Block, Tables
from histories.formats.cells import Constant, Name, Number
from histories.formats.grammar import (
    ACKED,
    KNOWN,
    PLACE,
    POLLED,
    PUT,
    SENT,
    SPELLINGS,
    TAKEN,
    Grammar,
    Spelling,
)
from histories.formats.scan import Scan
from histories.formats.shapes import Meaning, Parser, Shape, learnt, pieces_of
from histories.op import OpType
from histories.values import INTEGER_TAG, NONE

__all__ = ["Transactions"]

Ints = NDArray[np.int64]

_TRIES = 8  # lines of a chunk that are looked at, to find heads
_HEADS_MAX = 32
_OPENING = re.compile(
    rb'\[(?P<send>\[":send", ?"?|\[:send "?)|\[(?P<poll>\[":poll", ?\{"|\[:poll \{"?)'
)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before a transaction up to its first key, and what that means."""

    shape: Shape  # of the head alone
    grammar: Grammar
    opening: int  # SENT or POLLED
    meaning: Meaning | None  # None: nobody knows

    def fill(self, scan: Scan, lines: Ints, block: Block, tables: Tables) -> Ints:
        """Write the lines that begin so to the block; give those that do not, or did not fit."""
        begin_so = self.shape.beginning(scan, lines)
        mine, left = lines[begin_so], lines[~begin_so]
        if self.meaning is None or not len(mine):
            return lines
        runs, opens = _runs(scan, mine, self.shape.runs)
        pieces = self.grammar.numbered(scan, runs)
        states, follows = self.grammar.states(pieces, opens, self.opening)
        ends = np.append(opens[1:], len(runs)) - 1
        whole = np.logical_and.reduceat(follows, opens) & self.grammar.closed(
            scan, mine, states[ends]
        )
        misfit = self.meaning.fill(scan, mine[whole], block)
        whole &= ~np.isin(mine, misfit)
        rows = np.repeat(mine, ends - opens + 1)
        kept = np.repeat(whole, ends - opens + 1)
        _put(block, rows[kept], states[kept], scan.numbers(runs[kept]), tables)
        return np.sort(np.concatenate([left, mine[~whole]]))


class Transactions:
    """The heads of transactions that were seen in a file so far."""

    def __init__(self, parse: Parser, tables: Tables) -> None:
        self._parse = parse
        self._tables = tables
        self._heads: dict[tuple[tuple[bytes, ...], Spelling], Head] = {}

    def fill(self, scan: Scan, block: Block) -> Ints:
        """Write the lines that are transactions to the block; give the others, ascending."""
        lines = np.arange(len(scan))
        irregular, lines = lines[scan.irregular], lines[~scan.irregular]
        for head in self._heads.values():
            lines = head.fill(scan, lines, block, self._tables)
        for line in lines[:: max(len(lines) // _TRIES, 1)].tolist():
            new = self._learnt(scan, line)
            if new is not None:
                lines = new.fill(scan, lines, block, self._tables)
        return np.sort(np.concatenate([irregular, lines]))

    def _learnt(self, scan: Scan, line: int) -> Head | None:
        """Learn the head of a line, if it is a transaction and its head is new."""
        text = scan.line(line)
        opening = _OPENING.search(text)
        if opening is None or len(self._heads) >= _HEADS_MAX:
            return None
        place = int(scan.begins[line]) + opening.end()
        runs = int(np.searchsorted(scan.run_begins, place) - scan.first[line])
        if runs == scan.counts[line] or scan.run_begins[scan.first[line] + runs] != place:
            return None  # no number follows, but a text or nothing
        name = str(opening.lastgroup)
        pieces, spelling = pieces_of(scan, line)[: runs + 1], _spelling(text, name, opening[name])
        if (pieces, spelling) in self._heads:
            return None
        head = self._verified(pieces, spelling, SENT if name == "send" else POLLED)
        self._heads[pieces, spelling] = head
        return head

    def _verified(self, pieces: tuple[bytes, ...], spelling: Spelling, opening: int) -> Head:
        """Make a head, whose meaning is known if the parser finds a message where we do."""
        runs = len(pieces) - 1
        between = [spelling.sent, spelling.last()[PUT]]
        if opening == POLLED:
            between = [spelling.key + b"[[", spelling.gap, spelling.last()[TAKEN]]
        meaning = learnt((*pieces, *between), self._parse, self._tables)
        shape = Shape(pieces, None)
        if meaning is None:
            return Head(shape, Grammar(spelling, invoke=True), opening, None)
        message = {
            "queue": Name(("", ""), (runs,), self._tables.queues),
            "offset": Constant(NONE) if opening == SENT else Number(runs + 1),
            "value": Number(runs + len(between) - 1, tag=INTEGER_TAG),
            "crc": Constant(NONE),
        }
        found = (
            (meaning.sends, meaning.deliveries)
            if opening == SENT
            else (meaning.deliveries, meaning.sends)
        )
        known = found == ((message,), ())
        invoke = meaning.columns["type"] == Constant(OpType.INVOKE)
        only = Meaning(meaning.columns, (), ()) if known else None
        return Head(shape, Grammar(spelling, invoke=invoke), opening, only)


def _spelling(line: bytes, name: str, opening: bytes) -> Spelling:
    """Choose a spelling that opens so, by a send in the line if polls alone do not tell."""
    fitting = [spelling for spelling in SPELLINGS if getattr(spelling, name) == opening]
    return next((spelling for spelling in fitting if spelling.send in line), fitting[-1])


def _runs(scan: Scan, lines: Ints, skipped: int) -> tuple[Ints, Ints]:
    """Give the runs of some lines but for the first few of each, and where each line begins."""
    counts = scan.counts[lines] - skipped
    opens = np.cumsum(counts) - counts
    starts = scan.first[lines] + skipped - opens
    return np.repeat(starts, counts) + np.arange(int(counts.sum())), opens


def _put(block: Block, rows: Ints, states: Ints, numbers: Ints, tables: Tables) -> None:
    """Write the messages of sentences whose runs have these states."""
    is_key = (states == SENT) | (states == POLLED)
    if not len(rows):
        return
    codes = Name(("", ""), (0,), tables.queues).looked_up(numbers[is_key])
    queue = codes[np.cumsum(is_key) - 1]
    taken = np.flatnonzero(states == PLACE)
    absent = np.broadcast_to(np.int64(NONE), len(rows))
    block.deliver(
        rows[taken],
        queue[taken],
        numbers[taken],
        numbers[taken + 1] | INTEGER_TAG,
        absent[taken],
    )
    put = np.flatnonzero((states == PUT) | (states == KNOWN))
    offset = np.where(states[put - 1] == ACKED, numbers[put - 1], NONE)
    block.send(rows[put], queue[put], offset, numbers[put] | INTEGER_TAG, absent[put])
