"""A listener and its connections, on or off.

Enabled, it accepts every client, whatever its toxics, and then dials the upstream; a client whose
upstream is down is closed again at once. Disabled, the listener is gone, so that connecting is
refused, and all connections are closed with what they held. Toxics survive both.
"""

import asyncio
import socket
from random import Random
from typing import Any

from nemesis.toxiproxy_server import addresses
from nemesis.toxiproxy_server.connection import Connection
from nemesis.toxiproxy_server.endpoint import Endpoint
from nemesis.toxiproxy_server.errors import ApiError
from nemesis.toxiproxy_server.toxic_list import ToxicList

__all__ = ["Proxy"]


class Proxy:
    """One way from a listening address to an upstream one."""

    def __init__(self, name: str, listen: str, upstream: str, rng: Random) -> None:
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.toxics = ToxicList(lambda: self._connections)
        self._rng = rng
        self._listener: socket.socket | None = None
        self._connections: dict[Connection, None] = {}
        self._dials: dict[asyncio.Task[None], socket.socket] = {}

    @property
    def enabled(self) -> bool:
        """Whether it listens."""
        return self._listener is not None

    def to_json(self) -> dict[str, Any]:
        """Show it as the API does."""
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "toxics": self.toxics.to_json(),
        }

    def start(self) -> None:
        """Listen; does nothing if it does."""
        if self._listener is not None:
            return
        listener = addresses.bound(self.listen)
        listener.setblocking(False)  # noqa: FBT003 - its only argument
        host, port = listener.getsockname()[:2]
        self.listen = addresses.spoken(host, port)
        self._listener = listener
        asyncio.get_running_loop().add_reader(listener.fileno(), self._on_client)

    def stop(self) -> None:
        """Refuse whoever comes and close whoever is there."""
        if self._listener is None:
            return
        asyncio.get_running_loop().remove_reader(self._listener.fileno())
        self._listener.close()
        self._listener = None
        for dial, client in list(self._dials.items()):
            dial.cancel()
            client.close()
        self._dials.clear()
        for connection in list(self._connections):
            connection.abort()

    def update(self, listen: str, upstream: str, *, enabled: bool) -> None:
        """Move it, then start or stop it; a move closes all connections."""
        if self.differs(listen, upstream):
            self.stop()
            self.listen, self.upstream = listen, upstream
        if enabled:
            self.start()
        else:
            self.stop()

    def differs(self, listen: str, upstream: str) -> bool:
        """Whether it would have to move."""
        return self.listen != addresses.resolve(listen) or self.upstream != upstream

    def _on_client(self) -> None:
        assert self._listener is not None, "only a listener is watched"
        try:
            client, _ = self._listener.accept()
        except OSError:
            return  # It went away again, or there is no descriptor left for it: the next may do.
        client.setblocking(False)  # noqa: FBT003 - its only argument
        dial = asyncio.get_running_loop().create_task(self._dial(client))
        self._dials[dial] = client

    async def _dial(self, client: socket.socket) -> None:
        dial = asyncio.current_task()
        assert dial is not None, "a dial is a task"
        try:
            server = await _connected(self.upstream)
        finally:
            self._dials.pop(dial, None)  # from here on the client is not ``stop``'s to close
        if server is None:
            client.close()
            return
        loop = asyncio.get_running_loop()
        connection = Connection(
            Endpoint(client, loop),
            Endpoint(server, loop),
            self.toxics.chains(),
            self._rng,
            on_ended=lambda ended: self._connections.pop(ended, None),
        )
        self._connections[connection] = None
        connection.start(resets=self.toxics.resets)


async def _connected(address: str) -> socket.socket | None:
    """Dial an address, without a time limit of our own; None if nobody is there."""
    loop = asyncio.get_running_loop()
    try:
        host, port = addresses.split(address)
        found = await loop.getaddrinfo(host or "localhost", port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ApiError):
        return None
    for family, kind, protocol, _, target in found:
        server = socket.socket(family, kind, protocol)
        server.setblocking(False)  # noqa: FBT003 - its only argument
        try:
            await loop.sock_connect(server, target)
        except OSError:
            server.close()
        except asyncio.CancelledError:
            server.close()
            raise
        else:
            return server
    return None
