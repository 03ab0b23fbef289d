"""Every chunk arrives later, in order; as many may be under way as the buffer holds.

The delay counts from when the chunk was read, so it caps no throughput, and it delays FIN only
behind chunks. Removing it lets go of all that is queued.
"""

from dataclasses import dataclass, replace

from nemesis.toxiproxy_server.pipes import Mark, Pipe, Send, Sleep, Stage, receive

__all__ = ["Latency"]


@dataclass(frozen=True, slots=True)
class Latency:
    """Delay by ``latency`` ms, give or take ``jitter``."""

    latency: int = 0
    jitter: int = 0

    def pipe(self, stage: Stage, /) -> Pipe:
        """Hold each chunk until its time has come."""
        while not isinstance(chunk := (yield from receive()), Mark):
            due = chunk.at + self._delay_ms(stage) / 1000
            yield Sleep(due, held=chunk)
            yield Send(replace(chunk, at=due))

    def _delay_ms(self, stage: Stage) -> int:
        if self.jitter <= 0:
            return self.latency
        return self.latency + stage.rng.randrange(2 * self.jitter) - self.jitter
