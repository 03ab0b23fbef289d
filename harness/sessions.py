"""Sessions with a cluster: in the local world the clients' through proxies, the suite's past them.

    client     through the client proxies, as every workload process has one of its own
    operator   through the client proxies, too, when the clients are gone: drains, dumps, commands
    direct     past every proxy, for figures that a fault on a link must not hide (Node.ends)

The direct session is the only connection of ours that no proxy sees. It is the suite's, not a
node's: it is closed after each question; it asks for ends and for settings.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import javaproperties
import msgspec

from broker.client.admin import Admin, LogDigest
from broker.client.consumer import PullConsumer
from broker.client.message import Message
from broker.client.producer import Producer
from broker.client.session import Session
from broker.errors import RemoteProtocolError
from broker.live import live_ports
from broker.nameserver.route import MessageQueue
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from checkers.pulls import UNREADABLE
from harness.draws import stream
from harness.dumping import dump_log
from harness.layout import Layout, properties_text
from harness.timings import REQUEST_TIMEOUT_MS, ROUTE_REFRESH_MS
from harness.workloads.queue_client import BROKER_IDS, BROKER_NAME, delivered
from harness.world import Pulled
from nemesis.targets import NodeEnds, TargetError

__all__ = ["ClusterOperator", "OpensSessions", "Sessions"]

DRAIN_GROUP = "mqhavocDrain"
DRAIN_MESSAGES_MAX = 1_000
NAME_SERVER_TIMEOUT_MS = 1_000
DIRECT_TIMEOUT_MS = 1_000


class OpensSessions(Protocol):
    """Opens sessions with a cluster of some world."""

    @property
    def node_names(self) -> Mapping[str, str]:
        """Whose address an advertised one is."""

    def address(self, node: str) -> str:
        """Return what a broker advertises of itself."""

    def client(self, *purpose: str | int) -> Session:
        """Open a client's session; the purpose names its stream of draws."""

    async def ends(self, node: str) -> NodeEnds:
        """Ask a broker how long its log is, past everything that may be broken."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """Opens sessions with one local cluster."""

    layout: Layout
    seed: int
    ask_ends: Callable[[Admin, str], Awaitable[NodeEnds]]  # how long a broker's log is

    @property
    def node_names(self) -> Mapping[str, str]:
        """Whose address an advertised one is."""
        return {self.address(node): node for node in BROKER_IDS}

    def address(self, node: str) -> str:
        """Return what a broker advertises of itself."""
        return self.layout.advertised(node)

    def client(self, *purpose: str | int) -> Session:
        """Open a session that goes through the client proxies."""
        return Session(
            live_ports(stream(self.seed, "session", *purpose)),
            [self.layout.proxy("client->nameserver")],
            self.layout.client_address_map,
            route_refresh_ms=ROUTE_REFRESH_MS,
            name_server_timeout_ms=NAME_SERVER_TIMEOUT_MS,
        )

    async def ends(self, node: str) -> NodeEnds:
        """Ask a broker past every proxy how long its log is."""
        async with self._direct() as session:
            admin = Admin(session, timeout_ms=DIRECT_TIMEOUT_MS)
            return await self.ask_ends(admin, self.layout.own(node))

    async def properties(self, node: str) -> Mapping[str, str]:
        """Ask a broker past every proxy for the configuration it runs with."""
        async with self._direct() as session:
            command = Command(RequestCode.GET_BROKER_CONFIG)
            reply = await session.request(self.layout.own(node), command, DIRECT_TIMEOUT_MS)
        return dict(javaproperties.loads(reply.body.decode()))

    async def reload(self, node: str, properties: Mapping[str, str]) -> None:
        """Tell a broker past every proxy to change its configuration while it runs."""
        async with self._direct() as session:
            body = properties_text(properties).encode()
            command = Command(RequestCode.UPDATE_BROKER_CONFIG, body=body)
            reply = await session.request(self.layout.own(node), command, DIRECT_TIMEOUT_MS)
        if reply.code != ResponseCode.SUCCESS:
            raise TargetError(f"{node}: expected it to take {properties!r} over: {reply.remark}")

    @asynccontextmanager
    async def _direct(self) -> AsyncIterator[Session]:
        session = Session(live_ports(stream(self.seed, "direct")), [])
        try:
            yield session
        finally:
            await session.close()


class ClusterOperator:
    """The run's own session; see ``world.Operator``."""

    def __init__(self, sessions: OpensSessions) -> None:
        self._sessions = sessions
        self._session = sessions.client("operator")
        self._admin = Admin(self._session, timeout_ms=REQUEST_TIMEOUT_MS)
        self._consumer = PullConsumer(self._session, DRAIN_GROUP, timeout_ms=REQUEST_TIMEOUT_MS)
        self._producer = Producer(self._session, DRAIN_GROUP, timeout_ms=REQUEST_TIMEOUT_MS)

    async def pull(self, topic: str, queue: int, offset: int, node: str) -> Pulled:
        """Read on from an offset of a queue on one node; one by one where a record is bad."""
        source = MessageQueue(topic, BROKER_NAME, queue)
        for count in (DRAIN_MESSAGES_MAX, 1):
            try:
                return await self._pull(source, offset, count, BROKER_IDS[node])
            except RemoteProtocolError as error:
                why = str(error)
                if UNREADABLE not in why:
                    raise
        low, high = await self._consumer.bounds(source, broker_id=BROKER_IDS[node])
        return Pulled([], low, high, offset + 1, unreadable=why)

    async def _pull(self, queue: MessageQueue, offset: int, count: int, broker_id: int) -> Pulled:
        result = await self._consumer.pull(queue, offset, count, broker_id=broker_id)
        messages = delivered(result.messages)
        return Pulled(messages, result.min_offset, result.max_offset, result.next_offset)

    async def dump(self, node: str) -> Mapping[str, Any]:
        """Describe a node's commit log by checksums."""

        async def digest(begin: int, end: int) -> LogDigest:
            return await self._admin.log_digest(self._sessions.address(node), begin, end)

        (other,) = (name for name in BROKER_IDS if name != node)
        found: dict[str, Any] = msgspec.to_builtins(
            await dump_log(digest, (await self._sessions.ends(other)).end)
        )
        return found

    async def send(self, topic: str, body: bytes) -> str:
        """Send one message and return its status."""
        result = await self._producer.send(Message(topic=topic, body=body))
        return str(result.status)

    async def create_topic(self, topic: str, queues: int) -> None:
        """Make a topic on the master; the slave learns it from the log."""
        await self._admin.create_topic(self._sessions.address("master"), topic, queues)

    async def brokers(self) -> Mapping[int, str]:
        """List the brokers that the name server knows, by id."""
        known = (await self._admin.cluster_list()).broker_addr_table.get(BROKER_NAME)
        return known.broker_addrs if known else {}

    async def status(self, node: str) -> Mapping[str, str]:
        """Return a broker's own figures."""
        return await self._admin.broker_status(self._sessions.address(node))

    async def has_route(self, topic: str) -> bool:
        """Whether the name server knows both brokers for a topic."""
        route = await self._session.fresh_route(topic)
        return all(
            route.address(BROKER_NAME, broker_id) for broker_id in BROKER_IDS.values()
        ) and bool(route.publish_queues(topic))

    async def resynchronise(self) -> str:
        """Make a diverged slave give up what the master does not have."""
        done = await self._admin.resynchronise(self._sessions.address("slave"))
        return f"the slave's log was cut from {done.old_end} to {done.kept} bytes"

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
