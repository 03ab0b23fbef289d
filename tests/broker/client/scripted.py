"""A cluster on the memory network whose brokers answer what the test's script says.

The name server is ours, real; brokers are servers with a list of answers. An answer is a function
of the command that returns a reply, None for silence, or ``hang_up``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from broker.client.session import Session
from broker.config import NameServerConfig
from broker.nameserver.registration import BrokerIdentity, Registration, write_registration
from broker.nameserver.server import NameServer
from broker.nameserver.topics import DataVersion, TopicConfig, TopicWrapper
from broker.ports import Ports
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.remoting.server import Server
from tests.broker.memory_disk import MemoryDisk
from tests.broker.remoting.memory_network import MemoryNetwork

Answer = Callable[[Command], Command | None]
NAME_SERVER = "127.0.0.1:9876"


class WallClock:
    def __init__(self) -> None:
        self.now = 1_795_493_067_272

    def now_ms(self) -> int:
        return self.now


@dataclass
class ScriptedBroker:
    """Answers each request with the next line of its script; the last line repeats."""

    address: str
    script: list[Answer] = field(default_factory=list)
    asked: list[Command] = field(default_factory=list)
    server: Server | None = None
    link: Connection | None = None

    def answer(self, command: Command, connection: Connection) -> Command | None:
        self.asked.append(command)
        line = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if line is hang_up:
            connection.abort("the script says so")
            return None
        return line(command)


def hang_up(_command: Command) -> None:
    return None


def silence(_command: Command) -> None:
    return None


def stored(offset: int = 0, code: int = 0) -> Answer:
    """The reply of a broker that took a message into queue 1."""
    fields = {
        "msgId": f"7F00000100002A9F{offset * 100:016X}",
        "queueId": "1",
        "queueOffset": str(offset),
    }
    return lambda command: command.reply(code, ext_fields=fields)


def refuse(code: int, remark: str = "no") -> Answer:
    return lambda command: command.reply(code, remark)


class Cluster:
    """A name server, and brokers that registered with it."""

    def __init__(self) -> None:
        self.network = MemoryNetwork()
        self.clock = WallClock()
        self.ports = Ports(self.network, MemoryDisk(), self.clock, Random(1))
        self.name_server = NameServer(NameServerConfig(), self.ports)
        self.sessions: list[Session] = []
        self.brokers: list[ScriptedBroker] = []

    async def start(self) -> "Cluster":
        await self.name_server.start()
        return self

    async def stop(self) -> None:
        for session in self.sessions:
            await session.close()
        for broker in self.brokers:
            if broker.server is not None:
                await broker.server.close()
        await self.name_server.stop()

    def session(self, **options: object) -> Session:
        session = Session(self.ports, [NAME_SERVER], **options)  # type: ignore[arg-type]
        self.sessions.append(session)
        return session

    async def broker(
        self,
        *script: Answer,
        name: str = "broker-a",
        broker_id: int = 0,
        topics: str = "T",
        queues: int = 4,
        perm: int = 6,
        listens: bool = True,
    ) -> ScriptedBroker:
        port = 10_911 + 10 * len(self.brokers)
        broker = ScriptedBroker(f"127.0.0.1:{port}", list(script))
        self.brokers.append(broker)
        if listens:
            broker.server = Server(self.network, "127.0.0.1", port, broker.answer)
            await broker.server.start()
        table = {
            topic: TopicConfig(
                topic_name=topic, read_queue_nums=queues, write_queue_nums=queues, perm=perm
            )
            for topic in topics.split()
        }
        registration = Registration(
            identity=BrokerIdentity(
                cluster_name="C",
                broker_name=name,
                broker_id=broker_id,
                broker_addr=broker.address,
            ),
            ha_address="",
            topics=TopicWrapper(DataVersion(1, len(self.brokers)), table),
        )
        _, broker.link = await self.network.connect(Connection, "127.0.0.1", 9876)
        assert broker.link is not None
        await broker.link.request(write_registration(registration), 1000)
        return broker
