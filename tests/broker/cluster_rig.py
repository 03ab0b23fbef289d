"""A whole cluster in virtual time, for tests of what brokers answer and how they replicate."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from broker.client.session import Session
from broker.nameserver.route import MessageQueue
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.server import Broker
from broker.store.message import StoredMessage, decode_messages
from simulation.cluster import ADDRESSES, SimulatedCluster
from simulation.hosts import HostDiedError
from simulation.loop import run_virtual
from simulation.nodes import SimulatedNode

MASTER, SLAVE = (f"{host}:{port}" for host, port in (ADDRESSES["master"], ADDRESSES["slave"]))
TOPIC = "T"
COMMON = {
    "brokerName": "broker-a",
    "namesrvAddr": "127.0.0.1:9876",
    "registerNameServerPeriod": "500",
    "haReconnectInterval": "200",
    "haSendHeartbeatInterval": "500",
    "haHousekeepingInterval": "3000",
    "slaveTimeout": "800",
    "slaveSyncInterval": "1000",
    "syncFlushTimeout": "1500",
    "mappedFileSizeCommitLog": "65536",
    "messageIndexEnable": "true",
    "maxHashSlotNum": "100",
    "maxIndexNum": "400",
}


def properties(**settings: str) -> str:
    return "".join(f"{key}={value}\n" for key, value in settings.items())


@dataclass
class Rig:
    """A running cluster and a client that speaks raw commands."""

    cluster: SimulatedCluster
    session: Session

    def node(self, name: str) -> SimulatedNode:
        node = self.cluster.nodes[name]
        assert isinstance(node, SimulatedNode)
        return node

    def broker(self, name: str) -> Broker:
        server = self.node(name).server
        assert isinstance(server, Broker)
        return server

    async def ask(
        self, code: int, body: bytes = b"", at: str = MASTER, **fields: object
    ) -> Command:
        texts = {name: str(value) for name, value in fields.items()}
        command = Command(code, ext_fields=texts, body=body)
        return await self.session.request(at, command, 60_000)

    async def send(
        self, body: bytes = b"x", at: str = MASTER, text: str = "", **fields: object
    ) -> Command:
        """Send one message to queue 0, or as ``fields`` say; ``text`` is its properties."""
        header = {
            "a": "producers",
            "b": TOPIC,
            "c": "TBW102",
            "d": "4",
            "e": "0",
            "f": "0",
            "g": "0",
            "h": "0",
            "i": text,
            **fields,
        }
        return await self.ask(RequestCode.SEND_MESSAGE_V2, body, at, **header)

    async def pull(self, offset: int = 0, at: str = MASTER, **fields: object) -> Command:
        """Pull from queue 0 at once, with the subscription in the request, or as told."""
        header = {
            "consumerGroup": "consumers",
            "topic": TOPIC,
            "queueId": 0,
            "queueOffset": offset,
            "maxMsgNums": 32,
            "sysFlag": 4,
            "commitOffset": 0,
            "suspendTimeoutMillis": 0,
            "subVersion": 0,
            "subscription": "*",
            **fields,
        }
        return await self.ask(RequestCode.PULL_MESSAGE, at=at, **header)

    async def messages(self, at: str = MASTER, **fields: object) -> list[StoredMessage]:
        found: list[StoredMessage] = []
        while True:
            reply = await self.pull(len(found), at, **fields)
            if reply.code != ResponseCode.SUCCESS:
                return found
            found += decode_messages(reply.body)

    async def reconnect(self) -> None:
        """Forget the connections to nodes that lost power, and never said goodbye."""
        await self.session.close()
        self.session = self.cluster.session(1000)

    async def until(self, condition: Callable[[], object], seconds: float = 30.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - virtual time costs nothing
                await asyncio.sleep(0.01)

    def equal(self) -> bool:
        """Whether the slave's log is the master's."""
        master, slave = (self.broker(name).state.store for name in ("master", "slave"))
        return master.log.end == slave.log.end and master.crc(
            master.log.min_offset, master.log.end
        ) == slave.crc(master.log.min_offset, slave.log.end)

    def fed(self) -> bool:
        """Whether a slave is being fed."""
        return self.broker("master").state.master.core.mark is not None


Scenario = Callable[[Rig], Awaitable[None]]


def play(
    scenario: Scenario,
    role: str = "ASYNC_MASTER",
    flush: str = "ASYNC_FLUSH",
    *,
    volatile: bool = False,
    start: tuple[str, ...] = ("nameserver", "master", "slave"),
    **settings: str,
) -> None:
    """Run a scenario on a cluster of its own, to its end, in virtual time."""

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(_note)
        common = {**COMMON, "flushDiskType": flush, **settings}
        texts = {
            "nameserver": properties(listenPort="9876", bindAddress="127.0.0.1"),
            "master": properties(
                **common,
                brokerRole=role,
                brokerIP1="127.0.0.2",
                bindAddress="127.0.0.2",
                storePathRootDir="/master",
            ),
            "slave": properties(
                **common,
                brokerRole="SLAVE",
                brokerId="1",
                brokerIP1="127.0.0.3",
                bindAddress="127.0.0.3",
                storePathRootDir="/slave",
            ),
        }
        cluster = SimulatedCluster(Random(1), texts, volatile=volatile)
        rig = Rig(cluster, cluster.session(1000))
        for name in start:
            await cluster.nodes[name].start()
        if "slave" in start:
            await rig.until(rig.fed)
        await scenario(rig)
        await rig.session.close()
        cluster.end()

    run_virtual(run())


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Report what went wrong unseen; a task of a dead host is no news."""
    if not isinstance(context.get("exception"), HostDiedError):
        loop.default_exception_handler(context)


def queue(queue_id: int = 0, topic: str = TOPIC) -> MessageQueue:
    return MessageQueue(topic, "broker-a", queue_id)
