"""The small language in which Kafka's transactions are written, and its spellings.

    [[:send 3 [42 711]] [:poll {3 [[42 711] [43 713]], 5 []}]]

What stands between two runs of digits is one of some twenty pieces of text, and says with the run
before it what the run after it is:

    state   the run is                 pieces after it, and the next state
    SENT    the key of a send          " " PUT, " [" ACKED, " [nil " KNOWN
    ACKED   its offset                 " " KNOWN
    PUT     its value, of no offset    "]" and whatever opens the next micro-operation
    KNOWN   its value, of an offset    "]]" likewise
    POLLED  a key of a poll            " [[" PLACE, " [], " POLLED, " []}]" likewise
    PLACE   a message's offset         " " TAKEN
    TAKEN   a message's value          "] [" PLACE, "]], " POLLED, "]]}]" likewise

Only " " leads to several states, and never twice in a row, so each state follows from two pieces:
numpy finds all of them without walking a line.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from histories.formats.scan import Scan
from histories.values import NONE

__all__ = [
    "ACKED",
    "KNOWN",
    "PLACE",
    "POLLED",
    "PUT",
    "SENT",
    "SPELLINGS",
    "TAKEN",
    "Grammar",
    "Spelling",
]

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

SENT, ACKED, PUT, KNOWN, POLLED, PLACE, TAKEN = range(7)
_STATES = 7


@dataclass(frozen=True, slots=True)
class Spelling:
    """What stands around the numbers of a transaction in one way to write it."""

    send: bytes  # what opens a send, up to its key
    poll: bytes  # what opens a poll, up to its first key
    sent: bytes  # between the key of a send and what it sends
    key: bytes  # between the key of a poll and its messages
    keys: bytes  # between the messages of one key and the next key
    gap: bytes  # between the elements of a list
    nil: bytes = b"null"

    def moves(self) -> Iterator[tuple[int, bytes, int]]:
        """Give every step there is: a state, the piece after it, the next state."""
        yield from (
            (SENT, self.sent, PUT),
            (SENT, self.sent + b"[", ACKED),
            (ACKED, self.gap, KNOWN),
        )
        yield SENT, self.sent + b"[" + self.nil + self.gap, KNOWN
        yield from (
            (POLLED, self.key + b"[[", PLACE),
            (POLLED, self.key + b"[]" + self.keys, POLLED),
        )
        yield PLACE, self.gap, TAKEN
        yield from ((TAKEN, b"]" + self.gap + b"[", PLACE), (TAKEN, b"]]" + self.keys, POLLED))
        for state, closer in self.closers().items():
            yield state, closer + self.gap + self.send, SENT
            yield state, closer + self.gap + self.poll, POLLED

    def closers(self) -> dict[int, bytes]:
        """Give by state what ends a micro-operation."""
        return {PUT: b"]", KNOWN: b"]]", TAKEN: b"]]}]", POLLED: self.key + b"[]}]"}


_EDN = Spelling(b"[:send ", b"[:poll {", b" ", b" ", b", ", b" ", b"nil")
_JSON = Spelling(b'[":send",', b'[":poll",{"', b",", b'":', b',"', b",")
_SPACED = Spelling(b'[":send", ', b'[":poll", {"', b", ", b'": ', b', "', b", ")
SPELLINGS = (
    replace(_EDN, send=b'[:send "', poll=b'[:poll {"', sent=b'" ', key=b'" ', keys=b', "'),
    _EDN,
    replace(_JSON, send=b'[":send","', sent=b'",'),
    _JSON,
    replace(_SPACED, send=b'[":send", "', sent=b'", '),
    _SPACED,
)
"""Jepsen's and Maelstrom's, as EDN and as JSON; Maelstrom's keys are strings."""


class Grammar:
    """The pieces of a spelling by number, and the states they lead to."""

    def __init__(self, spelling: Spelling, *, invoke: bool) -> None:
        moves = [
            (state, piece, to)
            for state, piece, to in spelling.moves()
            if not (invoke and state == SENT and to != PUT)  # it would be a list that is sent
        ]
        self.pieces = list(dict.fromkeys(piece for _, piece, _ in moves))
        self.steps = np.full((_STATES + 1, len(self.pieces) + 1), NONE)  # NONE: the last of each
        self.sure = np.full(len(self.pieces) + 1, NONE)
        for number, piece in enumerate(self.pieces):
            leads = {state: to for state, text, to in moves if text == piece}
            self.steps[list(leads), number] = list(leads.values())
            if len(set(leads.values())) == 1:
                self.sure[number] = next(iter(leads.values()))
        self.closers = spelling.closers()

    def numbered(self, scan: Scan, runs: Ints) -> Ints:
        """Give the number of the piece before each run, NONE for one of another text."""
        begins = scan.run_ends[runs - 1]
        sizes = scan.run_begins[runs] - begins
        found = np.full(len(runs), NONE)
        for size in sorted({len(piece) for piece in self.pieces}):
            alike = np.flatnonzero(sizes == size)
            if not len(alike):
                continue
            for number, piece in enumerate(self.pieces):
                if len(piece) == size:
                    found[alike[scan.equal(begins[alike], piece)]] = number
        return found

    def states(self, pieces: Ints, opens: Ints, opening: int) -> tuple[Ints, Flags]:
        """Give the state of each run, and whether its piece may stand before it.

        ``opens`` are the places where sentences begin, all with the state ``opening``.
        """
        sure = self.sure[pieces]
        sure[opens] = opening
        before = np.append(NONE, sure[:-1])
        states = np.where(sure != NONE, sure, self.steps[before, pieces])
        before = np.append(NONE, states[:-1])
        follows = (states != NONE) & (self.steps[before, pieces] == states)
        follows[opens] = True
        return states, follows

    def closed(self, scan: Scan, begins: Ints, ends: Ints, states: Ints, rest: bytes) -> Flags:
        """Tell which sentences end as they may after a last run with this state, and go on so."""
        found = np.zeros(len(begins), np.bool_)
        for state, closer in self.closers.items():
            tail = closer + b"]" + rest
            fits = np.flatnonzero((states == state) & (ends - begins == len(tail)))
            found[fits] = scan.equal(begins[fits], tail)
        return found
