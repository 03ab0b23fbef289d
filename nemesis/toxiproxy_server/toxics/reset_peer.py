"""The first byte ends the connection; a silent connection is left alone.

Only connections made while this toxic is on are reset (their sockets are set so when they are
made); older ones are closed by FIN.
"""

from dataclasses import dataclass

from nemesis.toxiproxy_server.pipes import Pipe, Sleep, Stage, receive

__all__ = ["ResetPeer"]


@dataclass(frozen=True, slots=True)
class ResetPeer:
    """Close ``timeout`` ms after the first chunk or FIN, which is lost."""

    timeout: int = 0

    def pipe(self, stage: Stage, /) -> Pipe:
        """Swallow one chunk, wait, close."""
        yield from receive()
        yield Sleep(stage.now + self.timeout / 1000, firm=True)
