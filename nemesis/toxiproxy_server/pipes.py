"""A toxic is a generator that asks for bytes, time and room, and touches nothing.

It is started once for each direction of each connection and yields requests; the chain answers
each when it can:

    Receive(until)    the next Chunk, or FIN once the source is done, or TIMED_OUT
    Sleep(until)      nothing, at that time
    Send(chunk)       nothing, once the next toxic has room
    return            the way is closed: FIN to whoever comes next, all before is dropped

A change to the chain stops a toxic where it stands and starts it afresh. What it was asked to
hold then goes on at once, so nothing is lost and order is kept; a ``firm`` sleep is not broken.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any, ClassVar, Protocol

__all__ = [
    "FIN",
    "TIMED_OUT",
    "Answer",
    "Chunk",
    "Mark",
    "Pipe",
    "Receive",
    "Request",
    "Send",
    "Sleep",
    "Stage",
    "Toxic",
    "receive",
]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes read together, and when."""

    data: bytes
    at: float  # seconds; a toxic that delays moves it on, so that delays add up


class Mark(Enum):
    """What may come instead of a chunk."""

    FIN = "fin"
    TIMED_OUT = "timed out"


FIN = Mark.FIN
TIMED_OUT = Mark.TIMED_OUT


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for bytes, at most until a time."""

    until: float | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for a time, holding a chunk that goes on at once if the toxic is stopped."""

    until: float
    held: Chunk | None = None
    firm: bool = False  # cannot be stopped


@dataclass(frozen=True, slots=True)
class Send:
    """Pass a chunk on."""

    chunk: Chunk


Request = Receive | Sleep | Send
Answer = Chunk | Mark | None
Pipe = Generator[Request, Answer, None]


@dataclass(slots=True)
class Stage:
    """What a running toxic may look at: the time, the dice, and what it noted earlier."""

    now: float
    rng: Random
    passed_bytes: int = field(default=0)  # survives a restart of the toxic


class Toxic(Protocol):
    """One kind of harm, with its attributes; a frozen dataclass of ints."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def pipe(self, stage: Stage, /) -> Pipe:
        """Carry bytes from the source to the sink, badly."""


def receive(until: float | None = None) -> Generator[Request, Answer, Chunk | Mark]:
    """Ask for the next chunk, from within a pipe, by ``yield from``."""
    answer = yield Receive(until)
    assert answer is not None, "a receive is answered by a chunk or a mark"
    return answer
