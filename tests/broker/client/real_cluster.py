"""Our own name server, master and slave, whole, on a network in memory."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from broker.client.session import Session
from broker.config import BrokerConfig, BrokerRole, NameServerConfig
from broker.logging import EventLog
from broker.nameserver.server import NameServer
from broker.ports import Ports
from broker.server import Broker
from tests.broker.client.scripted import NAME_SERVER, WallClock
from tests.broker.memory_disk import MemoryDisk
from tests.broker.remoting.memory_network import MemoryNetwork

MASTER, SLAVE = "127.0.0.1:10911", "127.0.0.1:10921"


@dataclass
class World:
    network: MemoryNetwork
    name_server: NameServer
    master: Broker
    slave: Broker
    sessions: list[Session] = field(default_factory=list)

    def session(self, seed: int = 1) -> Session:
        session = Session(ports(self.network, seed), [NAME_SERVER], route_refresh_ms=10)
        self.sessions.append(session)
        return session

    async def replicated(self) -> None:
        """Wait until the slave has what the master has."""
        caught_up = asyncio.Event()
        end = self.master.state.store.log.end
        self.slave.state.store.on_appended.append(lambda now: now < end or caught_up.set())
        if self.slave.state.store.log.end < end:
            async with asyncio.timeout(10):
                await caught_up.wait()

    async def stop(self) -> None:
        for session in self.sessions:
            await session.close()
        await self.slave.stop()
        await self.master.stop()
        await self.name_server.stop()


async def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for what no event tells of, at most ten seconds."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.005)


def ports(network: MemoryNetwork, seed: int = 1) -> Ports:
    return Ports(network, MemoryDisk(), WallClock(), Random(seed))


def config(role: BrokerRole, broker_id: int, port: int) -> BrokerConfig:
    return BrokerConfig(
        broker_name="broker-a",
        broker_id=broker_id,
        broker_role=role,
        listen_port=port,
        namesrv_addr=(NAME_SERVER,),
        store_path_root_dir=f"/store-{broker_id}",
        mapped_file_size_commit_log=1 << 20,
        ha_reconnect_interval=20,
        register_name_server_period=50,
        slave_sync_interval=50,
        message_index_enable=False,
        message_delay_level=" ".join(["0s"] * 18),
    )


async def start_world() -> World:
    network = MemoryNetwork()
    log = EventLog(lambda _line: None, WallClock())
    name_server = NameServer(NameServerConfig(), ports(network))
    await name_server.start()
    master = Broker(config(BrokerRole.ASYNC_MASTER, 0, 10911), ports(network), log)
    await master.start()
    slave = Broker(config(BrokerRole.SLAVE, 1, 10921), ports(network), log)
    await slave.start()
    return World(network, name_server, master, slave)
