"""FIN comes late; bytes do not."""

from dataclasses import dataclass

from nemesis.toxiproxy_server.pipes import Mark, Pipe, Send, Sleep, Stage, receive

__all__ = ["SlowClose"]


@dataclass(frozen=True, slots=True)
class SlowClose:
    """Hold FIN back for ``delay`` ms."""

    delay: int = 0

    def pipe(self, stage: Stage, /) -> Pipe:
        """Pass every chunk, then wait before closing."""
        while not isinstance(chunk := (yield from receive()), Mark):
            yield Send(chunk)
        yield Sleep(stage.now + self.delay / 1000)
