"""Only so many kilobytes a second; at rate 0 everything is held and nothing is lost.

A chunk worth more than 100 ms goes out in slices of 100 ms. The time owed is carried over from
chunk to chunk, and so is the time by which a sleep was too long.
"""

from collections.abc import Generator
from dataclasses import dataclass
from math import inf

from nemesis.toxiproxy_server.pipes import (
    Answer,
    Chunk,
    Mark,
    Pipe,
    Request,
    Send,
    Sleep,
    Stage,
    receive,
)

__all__ = ["Bandwidth"]

SLICE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """At most ``rate`` kB/s (1 kB = 1,000 bytes)."""

    rate: int = 0

    def pipe(self, stage: Stage, /) -> Pipe:
        """Let each chunk go when its bytes are paid for."""
        owed = 0.0
        while not isinstance(chunk := (yield from receive()), Mark):
            if self.rate <= 0:
                yield Sleep(inf, held=chunk)
            owed += len(chunk.data) / (self.rate * 1000)
            chunk, owed = yield from self._sliced(stage, chunk, owed)

            began = stage.now
            yield Sleep(began + owed, held=chunk)
            owed -= stage.now - began
            yield Send(chunk)

    def _sliced(
        self, stage: Stage, chunk: Chunk, owed: float
    ) -> Generator[Request, Answer, tuple[Chunk, float]]:
        """Send all but the last slice, and answer it with the time still owed for it."""
        size = self.rate * 100
        while len(chunk.data) > size:
            yield Sleep(stage.now + SLICE_SECONDS, held=chunk)
            yield Send(Chunk(chunk.data[:size], chunk.at))
            chunk = Chunk(chunk.data[size:], chunk.at)
            owed -= SLICE_SECONDS
        return chunk, owed
