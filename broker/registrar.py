"""A broker's place in its name servers: registered, renewed, given back.

Each name server is told on its own, all at once, and what one of them does not know another may:
a slave follows the master that the first one in the configuration's order names.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from broker.config import BrokerConfig
from broker.errors import BrokerError, MqError
from broker.ha.slave import Master
from broker.logging import EventLog
from broker.nameserver.registration import (
    BrokerIdentity,
    MasterAddresses,
    Registration,
    write_registration,
)
from broker.nameserver.topics import TopicWrapper
from broker.peers import Peers
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.remoting.headers import read_fields, write_fields

__all__ = ["Registrar"]

GOODBYE_MS = 1000
FIRST_RENEWAL_MS = 10_000
"""RocketMQ renews for the first time after ten seconds, whatever the period."""


class Registrar:
    """Keeps one broker registered."""

    def __init__(
        self, config: BrokerConfig, peers: Peers, topics: Callable[[], TopicWrapper], log: EventLog
    ) -> None:
        self.on_master: Callable[[Master], None] = lambda _master: None
        self._config = config
        self._peers = peers
        self._topics = topics
        self._log = log
        self._identity = BrokerIdentity(
            cluster_name=config.broker_cluster_name,
            broker_name=config.broker_name,
            broker_id=config.broker_id,
            broker_addr=config.broker_addr,
        )
        self._soon = asyncio.Event()
        self._reached: dict[str, bool] = {}
        self._knows_master = False  # as a slave; from the last registration

    async def register(self) -> int:
        """Tell every name server about us; say how many have heard."""
        command = write_registration(
            Registration(
                identity=self._identity,
                ha_address=self._config.ha_server_addr,
                topics=self._topics(),
            )
        )
        told = [self._tell(address, command) for address in self._config.namesrv_addr]
        replies = [reply for reply in await asyncio.gather(*told) if reply is not None]
        self._knows_master = False
        for known in replies:
            if known.master_addr and known.ha_server_addr:
                self._knows_master = True
                ha_address = self._config.ha_master_address or known.ha_server_addr
                self.on_master(Master(known.master_addr, ha_address))
                break
        return len(replies)

    async def register_within(self, seconds: float) -> None:
        """Tell them now, and wait for their word, but no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.register()

    def register_soon(self) -> None:
        """Tell them in a moment, because something has changed."""
        self._soon.set()

    async def keep_registered(self) -> None:
        """Renew the registration, for ever."""
        period_ms = self._config.register_name_server_period
        wait_ms = min(FIRST_RENEWAL_MS, period_ms)
        while True:
            try:
                async with asyncio.timeout(self._patience_ms(wait_ms) / 1000):
                    await self._soon.wait()
            except TimeoutError:
                wait_ms = period_ms
            self._soon.clear()
            await self.register()

    def _patience_ms(self, wait_ms: int) -> int:
        """How long until the next renewal; a slave that knows of no master asks again sooner."""
        if self._config.is_slave and not self._knows_master:
            return min(wait_ms, self._config.ha_reconnect_interval)
        return wait_ms

    async def unregister(self) -> None:
        """Take us out of every name server that can be reached."""
        command = Command(RequestCode.UNREGISTER_BROKER, ext_fields=write_fields(self._identity))
        goodbyes = [
            self._peers.request(address, command, GOODBYE_MS)
            for address in self._config.namesrv_addr
        ]
        await asyncio.gather(*goodbyes, return_exceptions=True)

    async def _tell(self, address: str, command: Command) -> MasterAddresses | None:
        try:
            reply = await self._peers.request(
                address, command, self._config.register_broker_timeout_mills
            )
            if reply.code != ResponseCode.SUCCESS:
                raise BrokerError(reply.code, reply.remark)
            known = read_fields(reply.ext_fields, MasterAddresses)
        except MqError as error:
            self._note(address, reached=False, why=str(error))
            return None
        self._note(address, reached=True, why="")
        return known

    def _note(self, address: str, *, reached: bool, why: str) -> None:
        """Log a name server that comes or goes, once each time."""
        if self._reached.get(address) is reached:
            return
        self._reached[address] = reached
        if reached:
            self._log.info("registered", nameserver=address)
        else:
            self._log.warning("not-registered", nameserver=address, why=why)
