"""Kafka's transactions are of any length, and all of a chunk are read at once.

    {:type :ok, :process 3, :f :poll, :value [[:poll {3 [[42 711] [43 713]], 5 []}]], :poll-ms 5}

A poll returns any number of messages of any number of keys, so hardly two lines have one shape
(see ``shapes``); but the value is a sentence of a language that ``grammar`` reads. What stands
around it, the *frame*, is learnt as a shape is, from a line of markers that the format's own
parser reads, and is used only if the parser finds the message where the grammar does.

A line is taken if every piece of its sentence may stand where it stands, and a frame is around
it. Every other line is left to ``shapes``.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from histories.columns import Block, Tables
from histories.formats.cells import Constant, Name, Number, first_run
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
from histories.formats.shapes import Meaning, Parser, Shape, learnt
from histories.op import OpType
from histories.values import INTEGER_TAG, NONE

__all__ = ["Transactions"]

Ints = NDArray[np.int64]

_TRIES = 8  # lines of a chunk that are looked at, to find frames
_FRAMES_MAX = 48
_DIGITS = re.compile(rb"[0-9]+")
_BRACKET = re.compile(rb"[][{}]")
_OPENING = re.compile(
    rb'\[(?P<send>\[":send", ?"?|\[:send "?)|\[(?P<poll>\[":poll", ?\{"|\[:poll \{"?)'
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a transaction: the text around the runs before it, and after it."""

    head: tuple[bytes, ...]  # up to the first key
    rest: tuple[bytes, ...]  # from the bracket that closes the value on
    spelling: Spelling
    opening: int  # SENT or POLLED


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the transactions of one frame."""

    frame: Frame
    grammar: Grammar
    before: Meaning  # of the runs before the value, and of the whole frame
    after: Meaning  # of the runs behind it
    learnt: int  # runs of the line from which these were learnt

    def fill(self, scan: Scan, lines: Ints, block: Block, tables: Tables) -> Ints:
        """Write the lines in this frame to the block; give the others, and what did not fit."""
        head, rest = self.frame.head, self.frame.rest
        mine = lines[Shape(head, None).beginning(scan, lines)]
        mine = mine[scan.counts[mine] > len(head) - 1 + len(rest) - 1]
        mine = mine[_ending(scan, mine, rest)]
        if not len(mine):
            return lines
        runs, opens = _runs(scan, mine, len(head) - 1, len(rest) - 1)
        pieces = self.grammar.numbered(scan, runs)
        states, follows = self.grammar.states(pieces, opens, self.frame.opening)
        ends = np.append(opens[1:], len(runs)) - 1
        begins = scan.run_ends[runs[ends]]
        behind = scan.run_begins[runs[ends] + 1] if len(rest) > 1 else scan.ends[mine]
        whole = np.logical_and.reduceat(follows, opens)
        whole &= self.grammar.closed(scan, begins, behind, states[ends], rest[0])
        misfit = self.before.fill(scan, mine[whole], block)
        whole &= ~np.isin(mine, misfit)
        more = scan.counts[mine[whole]] - self.learnt
        whole &= ~np.isin(mine, self.after.fill(scan, mine[whole], block, more))
        rows = np.repeat(mine, ends - opens + 1)
        kept = np.repeat(whole, ends - opens + 1)
        _put(block, rows[kept], states[kept], scan.numbers(runs[kept]), tables)
        return np.setdiff1d(lines, mine[whole], assume_unique=True)


class Transactions:
    """The frames of transactions that were seen in a file so far."""

    def __init__(self, parse: Parser, tables: Tables) -> None:
        self._parse = parse
        self._tables = tables
        self._readers: dict[Frame, Reader | None] = {}  # None: nobody knows what it means

    def fill(self, scan: Scan, block: Block) -> Ints:
        """Write the lines that are transactions to the block; give the others, ascending."""
        lines = np.arange(len(scan))
        irregular, lines = lines[scan.irregular], lines[~scan.irregular]
        for reader in filter(None, self._readers.values()):
            lines = reader.fill(scan, lines, block, self._tables)
        for line in lines[:: max(len(lines) // _TRIES, 1)].tolist():
            frame = _frame(scan, line)
            if frame is None or frame in self._readers or len(self._readers) >= _FRAMES_MAX:
                continue
            new = self._readers[frame] = self._verified(frame)
            if new is not None:
                lines = new.fill(scan, lines, block, self._tables)
        return np.sort(np.concatenate([irregular, lines]))

    def _verified(self, frame: Frame) -> Reader | None:
        """Make a reader, if the parser finds the message of a frame where we do."""
        spelling, runs = frame.spelling, len(frame.head) - 1
        sent = frame.opening == SENT
        if sent:
            between, closer = [spelling.sent], spelling.closers()[PUT]
        else:
            between, closer = [spelling.key + b"[[", spelling.gap], spelling.closers()[TAKEN]
        body = len(between) + 1  # runs
        rest = (closer + b"]" + frame.rest[0], *frame.rest[1:])
        meaning = learnt((*frame.head, *between, *rest), self._parse, self._tables)
        message = {
            "queue": Name(("", ""), (runs,), self._tables.queues),
            "offset": Constant(NONE) if sent else Number(runs + 1),
            "value": Number(runs + body - 1, tag=INTEGER_TAG),
            "crc": Constant(NONE),
        }
        expected = ((message,), ()) if sent else ((), (message,))
        if meaning is None or (meaning.sends, meaning.deliveries) != expected:
            return None
        behind = {
            name: cell for name, cell in meaning.columns.items() if first_run(cell) >= runs + body
        }
        before = {name: cell for name, cell in meaning.columns.items() if name not in behind}
        return Reader(
            frame,
            Grammar(spelling, invoke=meaning.columns["type"] == Constant(OpType.INVOKE)),
            Meaning(before, (), ()),
            Meaning(behind, (), ()),
            runs + body + len(frame.rest) - 1,
        )


def _frame(scan: Scan, line: int) -> Frame | None:
    """Give the frame of a line, if it is a transaction with a number for its first key."""
    text = scan.alike[scan.begins[line] : scan.ends[line]]
    opening = _OPENING.search(text)
    if opening is None or not text[opening.end() : opening.end() + 1].isdigit():
        return None
    end = _closing(text, opening.start())
    if end is None:
        return None
    name = str(opening.lastgroup)
    return Frame(
        tuple(_DIGITS.split(text[: opening.end()])),
        tuple(_DIGITS.split(text[end:])),
        _spelling(text, name, opening[name]),
        SENT if name == "send" else POLLED,
    )


def _closing(text: bytes, begin: int) -> int | None:
    """Give where what is opened at a place is closed, as if there were no strings."""
    depth = 0
    for bracket in _BRACKET.finditer(text, begin):
        depth += 1 if bracket[0] in b"[{" else -1
        if not depth:
            return bracket.end()
    return None


def _spelling(line: bytes, name: str, opening: bytes) -> Spelling:
    """Choose a spelling that opens so, by a send in the line if polls alone do not tell."""
    fitting = [spelling for spelling in SPELLINGS if getattr(spelling, name) == opening]
    return next((spelling for spelling in fitting if spelling.send in line), fitting[-1])


def _ending(scan: Scan, lines: Ints, rest: tuple[bytes, ...]) -> NDArray[np.bool_]:
    """Tell which lines end with the runs and the text of a rest, but for its first piece."""
    last = scan.first[lines + 1] - 1
    same = np.ones(len(lines), np.bool_)
    for back, piece in enumerate(reversed(rest[1:])):
        begins = scan.run_ends[last - back]
        ends = scan.ends[lines] if not back else scan.run_begins[last - back + 1]
        fits = np.flatnonzero(same & (ends - begins == len(piece)))
        same[:] = False
        same[fits] = scan.equal(begins[fits], piece)
    return same


def _runs(scan: Scan, lines: Ints, before: int, after: int) -> tuple[Ints, Ints]:
    """Give the runs of some lines but for the first and last few, and where each line begins."""
    counts = scan.counts[lines] - before - after
    opens = np.cumsum(counts) - counts
    starts = scan.first[lines] + before - opens
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
