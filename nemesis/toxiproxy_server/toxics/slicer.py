"""Chunks are cut into small pieces, with a pause after each."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from nemesis.toxiproxy_server.pipes import Chunk, Mark, Pipe, Send, Sleep, Stage, receive

__all__ = ["Slicer"]


@dataclass(frozen=True, slots=True)
class Slicer:
    """Pieces of ``average_size`` bytes give or take ``size_variation``, ``delay`` us apart."""

    average_size: int = 0
    size_variation: int = 0
    delay: int = 0

    def pipe(self, stage: Stage, /) -> Pipe:
        """Send each chunk in pieces."""
        while not isinstance(chunk := (yield from receive()), Mark):
            for start, end in self.pieces(0, len(chunk.data), stage.rng):
                yield Send(Chunk(chunk.data[start:end], chunk.at))
                rest = Chunk(chunk.data[end:], chunk.at)
                yield Sleep(stage.now + self.delay / 1_000_000, held=rest)

    def pieces(self, start: int, end: int, rng: Random) -> Iterator[tuple[int, int]]:
        """Halve a range, not quite in the middle, until the parts are small enough."""
        # One byte cannot be halved: with sizes of 0 toxiproxy would never end here.
        if end - start <= max(1, self.average_size + self.size_variation):
            yield start, end
            return
        middle = start + (end - start) // 2
        if self.size_variation > 0:
            middle += rng.randrange(2 * self.size_variation) - self.size_variation
            middle = min(max(middle, start + 1), end - 1)
        yield from self.pieces(start, middle, rng)
        yield from self.pieces(middle, end, rng)
