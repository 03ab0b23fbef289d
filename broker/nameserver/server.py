"""The name server's host: a listening port, the table of its requests, and a timer.

It answers from memory and never asks anybody anything. A request that it does not know gets no
answer at all, as RocketMQ's has it: its sender times out.
"""

import asyncio
from typing import Final, cast

from broker.config import NameServerConfig
from broker.errors import RemoteProtocolError
from broker.logging import EventLog
from broker.nameserver.key_values import KeyValues
from broker.nameserver.requests import Requests
from broker.nameserver.routes import RouteTable
from broker.ports import Disk, Ports
from broker.properties import to_properties
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.remoting.server import Server, dispatch
from broker.steady import steady_ms

__all__ = ["NameServer"]

FIRST_SCAN_MS: Final = 5000
"""When RocketMQ first looks for silent brokers, if its interval is longer."""


class NameServer:
    """One name server."""

    def __init__(self, config: NameServerConfig, ports: Ports, log: EventLog | None = None) -> None:
        self.routes = RouteTable()
        self._log = log or EventLog(lambda _line: None, ports.clock)
        self._config = config
        self._ports = ports
        self._key_values = KeyValues()
        requests = Requests(
            self.routes,
            self._key_values,
            _now_ms,
            order_topics=config.order_message_enable,
            on_key_values_changed=self._save_key_values,
            settings=self._settings,
        )
        self._server = Server(
            ports.network,
            config.bind_address,
            config.listen_port,
            dispatch(requests.table(), _say_nothing),
        )
        self._server.on_close.append(self._on_close)
        self._scanning: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the key values, listen, and begin to look for silent brokers."""
        self._load_key_values()
        await self._server.start()
        self._scanning = asyncio.get_running_loop().create_task(self._scan())

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._scanning is not None:
            self._scanning.cancel()
            await asyncio.wait([self._scanning])
        self._server.on_close.clear()  # nobody leaves: it is us who go
        await self._server.close()

    async def _scan(self) -> None:
        interval_ms = self._config.scan_not_active_broker_interval
        await asyncio.sleep(min(FIRST_SCAN_MS, interval_ms) / 1000)
        while True:
            for channel in self.routes.expire(_now_ms(), self._config.broker_expired_time):
                cast(Connection, channel).close("its broker was silent for too long")
            await asyncio.sleep(interval_ms / 1000)

    def _on_close(self, connection: Connection) -> None:
        for address in self.routes.channel_lost(connection):
            self._log.warning("broker-gone", address=address, why="its connection ended")

    def _settings(self) -> str:
        return "".join(f"{key}={value}\n" for key, value in to_properties(self._config).items())

    def _load_key_values(self) -> None:
        path = self._config.kv_config_path
        if not path or not self._ports.disk.exists(path):
            return
        try:
            self._key_values.load_json(_read(self._ports.disk, path))
        except RemoteProtocolError as error:
            self._log.warning("key-values-ignored", path=path, why=str(error))

    def _save_key_values(self) -> None:
        path = self._config.kv_config_path
        if not path:
            return
        try:
            _replace(self._ports.disk, path, self._key_values.to_json())
        except OSError as error:  # as RocketMQ's, it goes on with what it has in memory
            self._log.warning("key-values-not-saved", path=path, why=str(error))


def _say_nothing(_command: Command, _connection: Connection) -> None:
    return None


def _now_ms() -> int:
    """Give a time that only grows: a stepping wall clock must not make a broker silent."""
    return int(steady_ms())


def _read(disk: Disk, path: str) -> bytes:
    file = disk.open(path)
    try:
        return file.read(0, file.size())
    finally:
        file.close()


def _replace(disk: Disk, path: str, data: bytes) -> None:
    file = disk.open(f"{path}.tmp", create=True)
    try:
        file.truncate(0)
        file.write(0, data)
    finally:
        file.close()
    disk.rename(f"{path}.tmp", path)
