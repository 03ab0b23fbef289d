"""Nothing happens: bytes pass as they come."""

from dataclasses import dataclass

from nemesis.toxiproxy_server.pipes import Mark, Pipe, Send, Stage, receive

__all__ = ["Noop"]


@dataclass(frozen=True, slots=True)
class Noop:
    """No harm; also what runs on a connection that toxicity spared."""

    def pipe(self, _stage: Stage, /) -> Pipe:
        """Pass every chunk."""
        while not isinstance(chunk := (yield from receive()), Mark):
            yield Send(chunk)
