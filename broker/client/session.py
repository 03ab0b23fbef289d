"""A client's session with a cluster: connections, routes, and the name server it sticks to.

Connections are made when first needed, one an address, through ``address_map``, so that no link
is made past its proxy. A route is fetched when first asked for; once it is older than the refresh
interval, whoever asks gets what is known and sets a new fetch going behind its back. A route that
was known outlives its name servers: a topic that had one keeps it until a newer one is told.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from broker.errors import BrokerError, NoRouteError, RemotingError
from broker.nameserver.route import MASTER_ID, TopicRoute
from broker.nameserver.topics import from_json
from broker.peers import Peers
from broker.ports import Ports
from broker.remoting.answers import unsupported
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Answer, Connection

__all__ = ["Session", "succeed"]

ROUTE_REFRESH_MS = 30_000
"""RocketMQ's ``pollNameServerInterval``."""

NAME_SERVER_TIMEOUT_MS = 3000
"""RocketMQ's ``mqClientApiTimeout``."""


@dataclass(slots=True)
class _Known:
    """What is known of a topic's route."""

    route: TopicRoute
    body: bytes  # that it was read from
    fetched_s: float


@dataclass(slots=True)
class Session:
    """Shared by the producers and consumers of one client."""

    ports: Ports
    name_servers: Sequence[str]
    address_map: Mapping[str, str] = field(default_factory=dict)
    route_refresh_ms: float = ROUTE_REFRESH_MS
    name_server_timeout_ms: float = NAME_SERVER_TIMEOUT_MS
    on_request: dict[int, list[Callable[[Command], Answer]]] = field(default_factory=dict)
    """Who wants to hear of the brokers' own requests, by code; whom one is not for says None."""
    _peers: Peers = field(init=False)
    _servers: list[str] = field(init=False)  # the one to ask first comes first
    _routes: dict[str, _Known] = field(init=False, default_factory=dict)
    _fetching: dict[str, asyncio.Task[TopicRoute]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._peers = Peers(
            self.ports.network,
            self.address_map,
            make_connection=lambda: Connection(self._on_request),
        )
        self._servers = self.ports.rng.sample(self.name_servers, len(self.name_servers))

    async def close(self) -> None:
        """End every connection."""
        fetching = list(self._fetching.values())
        for task in fetching:
            task.cancel()
        await asyncio.gather(*fetching, return_exceptions=True)
        self._peers.close()

    async def request(self, address: str, command: Command, timeout_ms: float) -> Command:
        """Ask a broker by its advertised address; ``RemotingError`` if there is no answer."""
        return await self._peers.request(address, command, timeout_ms)

    async def send_oneway(self, address: str, command: Command) -> None:
        """Tell a broker something, wanting no answer."""
        await self._peers.send_oneway(address, command)

    async def ask_name_server(self, command: Command) -> Command:
        """Ask the name server that answered last, and the others in turn if it does not."""
        failure: RemotingError | None = None
        for address in list(self._servers):
            try:
                return await self.request(address, command, self.name_server_timeout_ms)
            except RemotingError as error:
                failure = error
                self._servers.sort(key=address.__eq__)  # to the end
        raise NoRouteError(f"no name server answers: {failure}") from failure

    async def route(self, topic: str) -> TopicRoute:
        """Give a topic's route; ``NoRouteError`` if there is none."""
        known = self._routes.get(topic)
        if known is None:
            return await asyncio.shield(self._fetch_once(topic))
        age_ms = (asyncio.get_running_loop().time() - known.fetched_s) * 1000
        if age_ms >= self.route_refresh_ms:
            self._fetch_once(topic)
        return known.route

    async def fresh_route(self, topic: str) -> TopicRoute:
        """Fetch a topic's route now; ``NoRouteError`` if no name server tells one."""
        return await asyncio.shield(self._fetch_once(topic))

    async def address(self, topic: str, broker_name: str, broker_id: int) -> str:
        """Give the advertised address of one broker; ``NoRouteError`` if it is not there."""
        route = await self.route(topic)
        address = route.address(broker_name, broker_id)
        if address is None:
            raise NoRouteError(f"no broker {broker_name}-{broker_id} in the route of {topic}")
        return address

    async def serving_broker(self, topic: str, broker_name: str, preferred: int = MASTER_ID) -> int:
        """Give the id of a broker to read from: the preferred one if it is there, else another."""
        for broker in (await self.route(topic)).broker_datas:
            if broker.broker_name == broker_name and broker.broker_addrs:
                ids = broker.broker_addrs
                return preferred if preferred in ids else min(ids)
        raise NoRouteError(f"no broker of {broker_name} in the route of {topic}")

    def _on_request(self, command: Command, _connection: Connection) -> Answer:
        listeners = self.on_request.get(command.code)
        if listeners is None:
            return unsupported(command)
        answers = [listener(command) for listener in listeners]
        return next((answer for answer in answers if answer is not None), None)

    def _fetch_once(self, topic: str) -> asyncio.Task[TopicRoute]:
        """Fetch a route, or join the fetch that is under way."""
        task = self._fetching.get(topic)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._fetch(topic))
            self._fetching[topic] = task
            task.add_done_callback(lambda done: self._fetched(topic, done))
        return task

    def _fetched(self, topic: str, task: asyncio.Task[TopicRoute]) -> None:
        del self._fetching[topic]
        if not task.cancelled():
            task.exception()  # whoever awaits it gets it; a refresh behind the back is silent

    async def _fetch(self, topic: str) -> TopicRoute:
        ask = Command(RequestCode.GET_ROUTEINFO_BY_TOPIC, ext_fields={"topic": topic})
        begun_s = asyncio.get_running_loop().time()
        reply = await self.ask_name_server(ask)
        if reply.code == ResponseCode.TOPIC_NOT_EXIST:
            raise NoRouteError(f"no route for topic {topic}: code 17: {reply.remark}")
        body, known = succeed(reply).body, self._routes.get(topic)
        # Nearly always nothing has changed, and then the same value stays.
        same = known is not None and known.body == body
        route = known.route if known is not None and same else from_json(body, TopicRoute)
        self._routes[topic] = _Known(route, body, begun_s)
        return route


def succeed(reply: Command) -> Command:
    """Pass a reply that says SUCCESS; ``BrokerError`` for any other."""
    if reply.code != ResponseCode.SUCCESS:
        raise BrokerError(reply.code, reply.remark)
    return reply
