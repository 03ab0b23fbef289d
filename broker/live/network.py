"""Streams of the running event loop, and the machine's clock."""

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["LiveClock", "LiveListener", "LiveNetwork"]

ProtocolT = TypeVar("ProtocolT", bound=asyncio.Protocol)


@dataclass(frozen=True, slots=True)
class LiveListener:
    """A listening socket of the event loop."""

    server: asyncio.Server

    @property
    def port(self) -> int:
        """The port it got, if it asked for port 0."""
        return int(self.server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stop accepting; connections already accepted live on."""
        self.server.close()

    async def wait_closed(self) -> None:
        """Wait until the address is free again.

        Not ``server.wait_closed``, which from Python 3.12 on waits for every connection too; the
        loop closes the socket in its next turn at the latest.
        """
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class LiveNetwork:
    """TCP with small writes sent at once."""

    async def listen(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> LiveListener:
        """Accept connections on an address; ``OSError`` if it is taken."""
        loop = asyncio.get_running_loop()
        return LiveListener(await loop.create_server(factory, host, port))

    async def connect(
        self, factory: Callable[[], ProtocolT], host: str, port: int
    ) -> tuple[asyncio.Transport, ProtocolT]:
        """Open a connection; ``OSError`` if it is refused. The caller bounds the time."""
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_connection(factory, host, port)
        sock = transport.get_extra_info("socket")
        if sock is not None:  # accepted sockets get it from the loop as well
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return transport, protocol


@dataclass(frozen=True, slots=True)
class LiveClock:
    """The machine's wall clock."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch; may step in either direction."""
        return time.time_ns() // 1_000_000
