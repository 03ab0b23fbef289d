"""The node's own connections to others: its name servers, and a slave's master.

One connection an address, opened when it is first needed and kept; whoever finds it dead opens
it again. Addresses are those that others advertise: ``addressMap`` says which proxy stands for
one, so that no link is made past its proxy.
"""

import asyncio
from collections.abc import Callable, Mapping

from broker.config import split_address
from broker.errors import ConnectError
from broker.ports import Network
from broker.remoting.command import Command
from broker.remoting.connection import Connection

__all__ = ["CONNECT_SECONDS", "Peers"]

CONNECT_SECONDS = 3.0
"""RocketMQ's ``connectTimeoutMillis``."""


class Peers:
    """Connections to other nodes by advertised address."""

    def __init__(
        self,
        network: Network,
        address_map: Mapping[str, str],
        on_close: Callable[[str], None] = lambda _address: None,
        make_connection: Callable[[], Connection] = Connection,
    ) -> None:
        self._network = network
        self._address_map = address_map
        self._on_close = on_close
        self._make_connection = make_connection  # with a handler, if others may ask us
        self._connections: dict[str, Connection] = {}
        self._dialling: dict[str, asyncio.Lock] = {}

    def resolve(self, address: str) -> tuple[str, int]:
        """Give the host and port to dial for an advertised address; ``ConnectError`` if none."""
        try:
            return split_address(self._address_map.get(address, address))
        except ValueError as error:
            raise ConnectError(f"no connection to {address}: {error}") from error

    async def request(self, address: str, command: Command, timeout_ms: float) -> Command:
        """Ask a node and wait for its reply; ``RemotingError`` if there is none in time."""
        known = self._connections.get(address)
        if known is not None and not known.is_closed:
            return await known.request(command, timeout_ms)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                connection = await self._connection(address)
        except TimeoutError as error:
            raise ConnectError(f"no connection to {address} in {timeout_ms:.0f} ms") from error
        left_ms = timeout_ms - (loop.time() - begun) * 1000
        return await connection.request(command, left_ms)

    async def send_oneway(self, address: str, command: Command) -> None:
        """Tell a node something; ``RemotingError`` if there is no connection."""
        (await self._connection(address)).send_oneway(command)

    def close(self) -> None:
        """End every connection."""
        for connection in list(self._connections.values()):
            connection.close("the node shut down")

    async def _connection(self, address: str) -> Connection:
        async with self._dialling.setdefault(address, asyncio.Lock()):
            known = self._connections.get(address)
            if known is not None and not known.is_closed:
                return known
            connection = await self._dial(address)
            connection.on_close.append(lambda gone: self._forget(address, gone))
            self._connections[address] = connection
            return connection

    async def _dial(self, address: str) -> Connection:
        host, port = self.resolve(address)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await self._network.connect(self._make_connection, host, port)
        except OSError as error:  # TimeoutError is one
            dialled = f"{host}:{port}"
            where = address if dialled == address else f"{address} ({dialled})"
            raise ConnectError(f"no connection to {where}: {error}") from error
        return connection

    def _forget(self, address: str, gone: Connection) -> None:
        if self._connections.get(address) is gone:
            del self._connections[address]
        self._on_close(address)
