"""The connection closes after exactly so many bytes: a torn frame at a chosen place."""

from dataclasses import dataclass

from nemesis.toxiproxy_server.pipes import Chunk, Mark, Pipe, Send, Stage, receive

__all__ = ["LimitData"]


@dataclass(frozen=True, slots=True)
class LimitData:
    """Pass ``bytes`` bytes of each connection, counted over restarts of the toxic, and close."""

    bytes: int = 0

    def pipe(self, stage: Stage, /) -> Pipe:
        """Pass chunks until the limit, which may fall inside one."""
        while not isinstance(chunk := (yield from receive()), Mark):
            data = chunk.data[: max(0, self.bytes - stage.passed_bytes)]
            if data:
                stage.passed_bytes += len(data)
                yield Send(Chunk(data, chunk.at))
            if stage.passed_bytes >= self.bytes:
                return
