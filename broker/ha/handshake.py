"""Before a slave is fed, its log must be shown to be a prefix of the master's.

The eight-byte report of the HA stream says how long the slave's log is, not what is in it. So the
slave first asks, over remoting (``HA_HANDSHAKE``): *my log ends at E, and the CRC of my bytes from
B to E is C*. The master looks at its own log:

    slave's log              answer      why
    empty                    proven      there is nothing to compare
    ends beyond ours         diverged    we lost a tail that it still has
    ends where ours begins,  diverged    what it has, and perhaps more, has expired here
    or before
    another CRC              diverged    the two logs went different ways
    B is before our begin    shorten     ask again from our begin on
    the same CRC             proven      a prefix, as far as TAIL_SIZE bytes can tell

Records carry their own physical offset, store time and unique key, so two logs that went
different ways do not meet again: equal tails mean equal prefixes, save for damage in mid-log,
which recovery and the suite's own digests look for.

A proven slave gets a one-time token to open the HA stream with, and the master's incarnation, a
number drawn at each start: metadata that comes from another incarnation comes from another log.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from broker.ha.frames import TOKEN_MAX

__all__ = ["TAIL_SIZE", "Answer", "LogSummary", "Outcome", "Tail", "compare", "tail_range"]

TAIL_SIZE = 4 << 20


class Outcome(StrEnum):
    """What the master says to a slave that wants to be fed."""

    PROVEN = "proven"
    DIVERGED = "diverged"
    SHORTEN = "shorten"


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a slave's log: the CRC of its bytes from ``begin`` to ``end``."""

    broker_id: int
    begin: int
    end: int
    crc: int

    def to_fields(self) -> dict[str, str]:
        """Give the request's ext fields."""
        return {
            "brokerId": str(self.broker_id),
            "begin": str(self.begin),
            "end": str(self.end),
            "crc": str(self.crc),
        }

    @classmethod
    def of_fields(cls, ext_fields: dict[str, str]) -> "Tail":
        """Read a request's ext fields; ``KeyError`` or ``ValueError`` if they are not ours."""
        begin, end = int(ext_fields["begin"]), int(ext_fields["end"])
        if not 0 <= begin <= end <= begin + TAIL_SIZE:
            raise ValueError(f"expected at most {TAIL_SIZE} bytes, found {begin} and {end}")
        return cls(int(ext_fields["brokerId"]), begin, end, int(ext_fields["crc"]))


@dataclass(frozen=True, slots=True)
class Answer:
    """The master's answer: a token to open the stream with, or why there is none."""

    outcome: Outcome
    token: int = 0
    incarnation: int = 0
    min_offset: int = 0
    why: str = ""

    def to_fields(self) -> dict[str, str]:
        """Give the reply's ext fields."""
        return {
            "outcome": self.outcome,
            "token": str(self.token),
            "incarnation": str(self.incarnation),
            "minOffset": str(self.min_offset),
            "why": self.why,
        }

    @classmethod
    def of_fields(cls, ext_fields: dict[str, str]) -> "Answer":
        """Read a reply's ext fields; ``KeyError`` or ``ValueError`` if they are not ours."""
        token = int(ext_fields["token"])
        if not 0 <= token <= TOKEN_MAX:
            raise ValueError(f"expected a token of 63 bits, found {token}")
        return cls(
            Outcome(ext_fields["outcome"]),
            token,
            int(ext_fields["incarnation"]),
            int(ext_fields["minOffset"]),
            ext_fields["why"],
        )


@dataclass(frozen=True, slots=True)
class LogSummary:
    """The master's log, as far as a comparison needs it."""

    min_offset: int
    end: int
    crc: Callable[[int, int], int]


def tail_range(min_offset: int, end: int, floor: int = 0) -> tuple[int, int]:
    """Give the stretch of its own log that a slave shows: the last bytes, if it has any.

    Nothing before ``floor``; but a log that is not empty does not show nothing.
    """
    begin = max(min_offset, floor, end - TAIL_SIZE)
    return min(begin, max(min_offset, end - 1)), end


def compare(tail: Tail, log: LogSummary) -> Answer:
    """Decide whether a slave with this tail may be fed; the caller fills in the token."""
    if tail.end == 0:
        return Answer(Outcome.PROVEN, min_offset=log.min_offset)
    if tail.end > log.end:
        return _diverged(log, f"the slave's log ends at {tail.end}, the master's at {log.end}")
    if tail.begin == tail.end >= log.min_offset:  # its first file is there, and empty
        return Answer(Outcome.PROVEN, min_offset=log.min_offset)
    if tail.end <= log.min_offset:
        return _diverged(
            log, f"the slave ends at {tail.end}, the master begins at {log.min_offset}"
        )
    if tail.begin < log.min_offset:
        return Answer(Outcome.SHORTEN, min_offset=log.min_offset)
    crc = log.crc(tail.begin, tail.end)
    if crc != tail.crc:
        stretch = f"from {tail.begin} to {tail.end}"
        return _diverged(log, f"the bytes {stretch} differ: CRC {tail.crc} there, {crc} here")
    return Answer(Outcome.PROVEN, min_offset=log.min_offset)


def _diverged(log: LogSummary, why: str) -> Answer:
    return Answer(Outcome.DIVERGED, min_offset=log.min_offset, why=why)
