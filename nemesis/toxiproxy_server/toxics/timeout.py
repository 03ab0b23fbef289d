"""Bytes are read and dropped: their sender sees them acknowledged, nobody sees them again.

With a timeout the connection closes after that long without a chunk; traffic keeps it open. At 0
it stays until the toxic is removed, which closes it, since its bytes are gone.
"""

from dataclasses import dataclass

from nemesis.toxiproxy_server.pipes import Chunk, Pipe, Stage, receive

__all__ = ["Timeout"]


@dataclass(frozen=True, slots=True)
class Timeout:
    """Drop all, and close after ``timeout`` ms of silence; 0 is never."""

    timeout: int = 0

    def pipe(self, stage: Stage, /) -> Pipe:
        """Drop every chunk until FIN or silence."""
        while True:
            until = stage.now + self.timeout / 1000 if self.timeout > 0 else None
            if not isinstance((yield from receive(until)), Chunk):
                return
