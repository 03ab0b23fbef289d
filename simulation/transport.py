"""One end of a simulated connection, with asyncio's transport interface.

Every callback of an end runs in the context of the process that owns it, so it is held while that
is paused and dropped when it is dead. What arrives while reading is paused is kept, the end
of the connection behind it, and is handed over in order when reading goes on.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, cast

from simulation.hosts import Process
from simulation.loop import VirtualLoop
from simulation.pipes import Pipe

__all__ = ["Connection", "StreamTransport"]

HIGH_WATER = 64 * 1024  # bytes under way before a writer is asked to pause, as asyncio's default


class Connection(Protocol):
    """What two ends have in common."""

    def latency_s(self) -> float:
        """Draw the time that one chunk takes over the bare network."""

    def closing(self) -> None:
        """Hear that one of the ends has closed."""


class _End(NamedTuple):
    """How the other end is gone: by a reset, or after a FIN."""

    reset: bool


class StreamTransport(asyncio.Transport):
    """One end of a simulated connection, with asyncio's transport interface."""

    def __init__(
        self,
        connection: Connection,
        process: Process,
        context: contextvars.Context,
        peer: tuple[str, int],
    ) -> None:
        super().__init__(extra={"peername": peer, "sockname": (process.host, 0)})
        self.process = process
        self.pipe: Pipe
        self._connection = connection
        self._context = context
        self._protocol: asyncio.Protocol | None = None
        self._closing = False
        self._lost = False
        self._paused_writer = False
        self._reading = True
        self._unread: deque[bytes | _End] = deque()  # what came while reading was paused
        self._loop = cast(VirtualLoop, asyncio.get_running_loop())

    def attach(self, protocol: asyncio.Protocol) -> None:
        """Give this end its protocol and tell it so."""
        self._protocol = protocol
        protocol.connection_made(self)

    def accept(self, factory: Callable[[], asyncio.Protocol]) -> None:
        """Make the protocol in the listening process's own time and context."""
        self._call(lambda: self.attach(factory()))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send; silently nothing once this end is closed or its process is dead."""
        if self._closing or not self.process.alive or not data:
            return
        self.pipe.send(bytes(data), self._connection.latency_s())
        if self.pipe.queued > HIGH_WATER and not self._paused_writer and self._protocol:
            self._paused_writer = True
            self._protocol.pause_writing()

    def drained(self) -> None:
        """Let the writer go on: the other end took something, and little is left."""
        if self._paused_writer and self.pipe.queued <= HIGH_WATER // 4:
            self._paused_writer = False
            if self._protocol is not None:
                self._call(self._protocol.resume_writing)

    def close(self) -> None:
        """Send a FIN behind what is under way; this end is told at once."""
        if self._closing or not self.process.alive:
            return
        self._closing = True
        self.pipe.send(None, self._connection.latency_s())
        self._tell_lost(None)

    def abort(self) -> None:
        """Close without waiting for what is under way."""
        if self._closing or not self.process.alive:
            return
        self._closing = True
        self.pipe.end(reset=True)
        self._tell_lost(None)

    def is_closing(self) -> bool:
        """Whether this end has closed, or was told that the other one has."""
        return self._closing

    def received(self, data: bytes) -> None:
        """Take a chunk from the pipe, in the context of this end; a dead process takes none."""
        if self.process.alive:
            self._loop.happen_now(self._context, self._take, data)

    def lost(self, reset: bool) -> None:  # noqa: FBT001 -- a pipe's one answer
        """Take the FIN or the reset from the pipe: this end closes as well."""
        self._call(self._take, _End(reset))

    def crashed(self, *, power: bool) -> None:
        """Let this end die with its process; the kernel's FIN follows what it had sent."""
        self._closing = True
        if not power:
            self.pipe.send(None, self._connection.latency_s())
        self._connection.closing()

    def pause_reading(self) -> None:
        """Keep what arrives until reading resumes."""
        self._reading = False

    def resume_reading(self) -> None:
        """Hand over what arrived meanwhile, and go on."""
        self._reading = True
        if self._unread:
            self._call(self._read_on)

    def is_reading(self) -> bool:
        """Whether arriving data is handed over at once."""
        return self._reading and not self._closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Accept and ignore: the limits are the network's."""

    def get_write_buffer_size(self) -> int:
        """Bytes under way to the other end."""
        return self.pipe.queued

    def can_write_eof(self) -> bool:
        """No half-close: toxiproxy has none either."""
        return False

    def _take(self, arrived: "bytes | _End") -> None:
        """Hand over what arrived, or keep it behind what is kept already."""
        if not self._reading or self._unread:
            self._unread.append(arrived)
        else:
            self._hand_over(arrived)

    def _read_on(self) -> None:
        while self._unread and self._reading:
            self._hand_over(self._unread.popleft())

    def _hand_over(self, arrived: "bytes | _End") -> None:
        if isinstance(arrived, _End):
            self._end(arrived)
        elif not self._lost and self._protocol is not None:
            self._protocol.data_received(arrived)

    def _end(self, end: "_End") -> None:
        if not self._closing:
            self._closing = True
            self.pipe.send(None, self._connection.latency_s())
        self._tell_lost(ConnectionResetError(104, "reset by peer") if end.reset else None)

    def _tell_lost(self, error: Exception | None) -> None:
        self._connection.closing()
        if not self._lost:
            self._lost = True
            if self._protocol is not None:
                self._call(self._protocol.connection_lost, error)

    def _call(self, callback: Callable[..., object], *args: Any) -> None:
        """Let the process at this end do something, unless it is another one by now."""
        if self.process.alive:
            self._loop.call_soon(callback, *args, context=self._context)
