"""One socket of a connection, read only while somebody wants its bytes.

It is watched by the loop as a plain file descriptor: what cannot be written stays in one place
(here, at most one chunk) instead of in a transport's buffer, and closing is closing.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from nemesis.toxiproxy_server.chain import CHUNK_SIZE

__all__ = ["Endpoint"]


class Endpoint:
    """A non-blocking TCP socket with three callbacks."""

    __slots__ = (
        "_loop",
        "_on_closed",
        "_on_drained",
        "_on_readable",
        "_pending",
        "_reading",
        "_sock",
        "closed",
    )

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        sock.setblocking(False)  # noqa: FBT003 - its only argument
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._sock = sock
        self._loop = loop
        self._pending = memoryview(b"")
        self._reading = False
        self.closed = False

    def connect(
        self,
        on_readable: Callable[[], None],
        on_drained: Callable[[], None],
        on_closed: Callable[[], None],
    ) -> None:
        """Say whom to tell: there are bytes or FIN, all is written, it is closed."""
        self._on_readable = on_readable
        self._on_drained = on_drained
        self._on_closed = on_closed

    @property
    def is_full(self) -> bool:
        """Whether the kernel would not take all that was sent."""
        return bool(self._pending)

    def watch(self, *, reading: bool) -> None:
        """Read on, or stop reading."""
        if reading == self._reading or self.closed:
            return
        self._reading = reading
        if reading:
            self._loop.add_reader(self._sock.fileno(), self._on_readable)
        else:
            self._loop.remove_reader(self._sock.fileno())

    def receive(self) -> bytes | None:
        """Read what has come; empty at its end, however it ended, None if nothing came."""
        try:
            return self._sock.recv(CHUNK_SIZE)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""

    def send(self, data: bytes) -> None:
        """Write, and keep what the kernel does not take; the peer may be gone."""
        assert not self._pending, "one chunk at a time"
        if not self.closed:
            self._write(memoryview(data))

    def reset_on_close(self) -> None:
        """End by RST, not FIN (SO_LINGER with no time)."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        """Close both ways at once: a proxied connection has no half."""
        if self.closed:
            return
        self.watch(reading=False)
        if self._pending:
            self._loop.remove_writer(self._sock.fileno())
            self._pending = memoryview(b"")
        self.closed = True
        self._sock.close()
        self._on_closed()

    def _write(self, data: memoryview) -> None:
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.close()
            return
        if sent < len(data):
            if not self._pending:
                self._loop.add_writer(self._sock.fileno(), self._write_pending)
            self._pending = data[sent:]
        elif self._pending:
            self._loop.remove_writer(self._sock.fileno())
            self._pending = memoryview(b"")

    def _write_pending(self) -> None:
        self._write(self._pending)
        if not self._pending and not self.closed:
            self._on_drained()
