"""A listening address whose connections are served by one table: request code to handler."""

import asyncio
from collections.abc import Callable, Mapping

from broker.ports import Listener, Network
from broker.remoting.answers import unsupported
from broker.remoting.command import Command
from broker.remoting.connection import IDLE_MS, Answer, Connection, Handler

__all__ = ["Server", "dispatch"]

CLOSING_SECONDS = 1.0
"""How long a peer may take to read the last replies before its connection is cut."""


def _refuse(command: Command, _connection: Connection) -> Command:
    return unsupported(command)


def dispatch(table: Mapping[int, Handler], otherwise: Handler = _refuse) -> Handler:
    """Make one handler of a table; codes that are not in it go to ``otherwise``."""

    def handle(command: Command, connection: Connection) -> Answer:
        return table.get(command.code, otherwise)(command, connection)

    return handle


class Server:
    """Accepts connections on one address and answers what they ask."""

    def __init__(
        self, network: Network, host: str, port: int, handler: Handler, idle_ms: int = IDLE_MS
    ) -> None:
        self.on_close: list[Callable[[Connection], None]] = []
        self._network = network
        self._address = (host, port)
        self._handler = handler
        self._idle_ms = idle_ms
        self._listener: Listener | None = None
        self._connections: dict[Connection, None] = {}  # in order of their coming

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The connections that are open, oldest first."""
        return tuple(self._connections)

    async def start(self) -> None:
        """Listen; ``OSError`` if the address is taken."""
        self._listener = await self._network.listen(self._accept, *self._address)

    async def close(self) -> None:
        """Stop listening, stop the handlers, send what is ready, and end every connection."""
        if self._listener is not None:
            self._listener.close()
        answers = [answer for one in self.connections for answer in one.cancel_answers()]
        await asyncio.gather(*answers, return_exceptions=True)
        for connection in self.connections:
            connection.close("the server shut down")
        await self._wait_until_closed()
        if self._listener is not None:
            await self._listener.wait_closed()

    async def _wait_until_closed(self) -> None:
        gone = [connection.gone for connection in self.connections]
        if gone:
            await asyncio.wait(gone, timeout=CLOSING_SECONDS)
        for connection in self.connections:
            connection.abort("the server shut down")

    def _accept(self) -> Connection:
        connection = Connection(self._handler, self._idle_ms)
        self._connections[connection] = None
        connection.on_close.append(self._forget)
        return connection

    def _forget(self, connection: Connection) -> None:
        del self._connections[connection]
        for callback in self.on_close:
            callback(connection)
