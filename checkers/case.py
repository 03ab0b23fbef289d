"""A case is a history and the contract it is judged by, with the tables that checkers share.

    messages    one row a value sent: how its send began and ended, where it went
    reads       one row a message that an ok pull or drain returned, joined to ``messages``
    claims      one row a value at an offset, whoever says so
    windows     the faults, from their injection to their cure
    drains      the certified drains that count at the end, one a queue and node

Tables are made on first use and kept, so that ten checkers sort a million values once. Precedence
is judged by row: one recorder writes ops as they happen, so an op ended before another began if
its line comes first. Durations are judged by time, which a history without times has by row.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from checkers.certificates import Certificates, certificates
from checkers.claims import Claims, claims_of
from checkers.contract import Contract
from checkers.messages import Messages, Reads, messages_of, reads_of
from checkers.pulls import Commits, Pulls, commits_of, pulls_of
from checkers.struck import struck
from checkers.windows import Window, windows_of
from histories.history import NONE, History

__all__ = ["Case"]

ROW_NS = 1_000_000
"""How long a row takes in a history without times."""


@dataclass(frozen=True, eq=False)
class Case:
    """What a checker is given."""

    history: History
    contract: Contract

    @cached_property
    def timed(self) -> bool:
        """Whether the history has times at all."""
        return bool(self.history.time.max(initial=NONE) >= 0)

    @cached_property
    def time(self) -> NDArray[np.int64]:
        """Nanoseconds of every row."""
        if self.timed:
            return self.history.time
        return np.arange(len(self.history), dtype=np.int64) * ROW_NS

    @cached_property
    def messages(self) -> Messages:
        """One row a value sent."""
        return messages_of(self.history, self.time)

    @cached_property
    def reads(self) -> Reads:
        """One row a message that an ok pull or drain returned."""
        return reads_of(self.history, self.messages)

    @cached_property
    def claims(self) -> Claims:
        """What acks and reads say of the offsets of queues."""
        return claims_of(self.messages, self.reads, self.time)

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """Every fault, in the order of injection."""
        return windows_of(self.history, self.time)

    @cached_property
    def struck(self) -> NDArray[np.bool_]:
        """Tell which messages may be a record with a flipped bit."""
        return struck(self.messages, self.windows, self.contract)

    @cached_property
    def certificates(self) -> Certificates:
        """The drains that prove what is there at the end."""
        return certificates(self.history, self.windows, self.contract)

    @cached_property
    def pulls(self) -> Pulls:
        """One row an ok pull or drain."""
        return pulls_of(self.history)

    @cached_property
    def commits(self) -> Commits:
        """One row a commit."""
        return commits_of(self.history)

    def group_of(self, reads: NDArray[np.int64]) -> NDArray[np.int64]:
        """Tell the consumer groups of some reads apart; who names none is one by itself."""
        group = self.pulls.group[np.searchsorted(self.pulls.row, self.reads.row[reads])]
        return np.where(group == NONE, NONE - 1 - self.reads.process[reads], group)

    def is_drain(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which rows are of drains."""
        drains: NDArray[np.bool_] = self.history.f[rows] == self.history.f_code("drain")
        return drains

    def queue_name(self, code: int) -> str:
        """Name a queue for people."""
        return self.history.queues[code] if code >= 0 else "the queue"

    def text(self, value: int) -> str:
        """Spell a value for people."""
        return self.history.values.text(value)

    def index(self, row: int) -> int:
        """Give the index that an op has in its file."""
        return int(self.history.index[row])

    def indices(self, *rows: int) -> tuple[int, ...]:
        """Give the indices of the rows that exist, ascending."""
        return tuple(sorted({self.index(row) for row in rows if row >= 0}))
