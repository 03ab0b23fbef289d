"""A network between named hosts: streams with latency over links that can be cut.

A *link* is observer->listener, as in ``nemesis/topology``: which link a connection uses follows
from who opens it and to which address. Its toxics and whether it is enabled decide what the
connection feels; there is no proxy in between, the link itself is the proxy.

    open     one base latency each way; refused if nobody listens, the listener's host is dead,
             or the link is disabled. A paused listener's kernel still accepts
    close    a FIN behind the data; the other end closes as well (no half-open connections)
    crash    the dead host's kernel sends the FIN for it; after a power cut nobody does, and the
             peer learns by its own time-outs or by a reset when it next sends
"""

import asyncio
import contextvars
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from broker.ports import Listener
from simulation.hosts import PROCESS, Host, Process
from simulation.pipes import Pipe
from simulation.transport import StreamTransport

__all__ = ["Fabric", "LinkRules", "SimulatedNetwork"]

ProtocolT = TypeVar("ProtocolT", bound=asyncio.Protocol)


class LinkRules:
    """What is in force on one link, and the connections that feel it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.enabled = True
        self.toxics: dict[str, dict[str, Any]] = {}
        self.connections: list[_Connection] = []

    def changed(self) -> None:
        """Look at every packet under way again."""
        for connection in list(self.connections):
            connection.upstream.look()
            connection.downstream.look()

    def close_all(self) -> None:
        """End every connection at both ends, losing what is under way."""
        for connection in list(self.connections):
            connection.end(reset=False)


class Fabric:
    """All hosts, listeners and links of one simulated world."""

    def __init__(self, rng: Random, latency_ms: tuple[float, float] = (0.1, 0.5)) -> None:
        self.links: dict[str, LinkRules] = {}
        self._rng = rng
        self._latency_ms = latency_ms
        self._listeners: dict[tuple[str, int], _Listener] = {}
        self._routes: dict[tuple[str, str, int], LinkRules] = {}

    def add_link(self, name: str, observer: str, host: str, port: int) -> None:
        """Say that connections of ``observer`` to ``host:port`` use the link ``name``."""
        rules = self.links.setdefault(name, LinkRules(name))
        self._routes[observer, host, port] = rules

    def latency_s(self) -> float:
        """Draw the time that one chunk takes over the bare network."""
        low, high = self._latency_ms
        return (low + (high - low) * self._rng.random()) / 1e3

    def listen(self, host: Host, factory: Callable[[], Any], address: str, port: int) -> Listener:
        """Accept connections for a host; ``OSError`` if the address is taken."""
        taken = self._listeners.get((address, port))
        if taken is not None and taken.open():
            raise OSError(98, f"address already in use: {address}:{port}")
        assert host.process is not None, f"{host.name} is dead, and cannot listen"
        listener = _Listener(self, (address, port), host.process, factory)
        self._listeners[address, port] = listener
        return listener

    def forget(self, address: tuple[str, int], listener: "_Listener") -> None:
        """Free an address, if this listener still holds it."""
        if self._listeners.get(address) is listener:
            del self._listeners[address]

    def listens(self, address: tuple[str, int]) -> bool:
        """Whether a live host accepts connections there."""
        listener = self._listeners.get(address)
        return listener is not None and listener.open()

    def paused(self, address: tuple[str, int]) -> bool:
        """Whether the host that listens there is frozen."""
        listener = self._listeners.get(address)
        return listener is not None and listener.open() and not listener.process.runs

    async def connect(
        self, observer: Host | None, factory: Callable[[], ProtocolT], address: str, port: int
    ) -> tuple[StreamTransport, ProtocolT]:
        """Open a stream from an observer (None: the client) to an address."""
        name = "client" if observer is None else observer.name
        rules = self._routes.get((name, address, port)) or self.links.setdefault(
            f"{name}->{address}:{port}", LinkRules(f"{name}->{address}:{port}")
        )
        await asyncio.sleep(self.latency_s())
        listener = self._listeners.get((address, port))
        if not rules.enabled or listener is None or not listener.open():
            raise ConnectionRefusedError(111, f"connect to {address}:{port} refused")

        connection = _Connection(self, rules)
        near = connection.end_of(PROCESS.get(), contextvars.copy_context(), (address, port))
        far = connection.end_of(listener.process, listener.context, (name, 0))
        connection.join(near, far)
        protocol = factory()
        near.attach(protocol)
        far.accept(listener.factory)
        return near, protocol

    def crashed(self, host: Host, *, power: bool) -> None:
        """Free a dead host's addresses and end its connections, loudly unless it lost power."""
        for address, listener in list(self._listeners.items()):
            if listener.process.host == host.name:
                del self._listeners[address]
        for rules in self.links.values():
            for connection in list(rules.connections):
                connection.crashed(host, power=power)


class SimulatedNetwork:
    """The network port of one host (None: the client's machine, which never dies)."""

    def __init__(self, fabric: Fabric, host: Host | None) -> None:
        self._fabric = fabric
        self._host = host

    async def listen(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> Listener:
        """Accept connections; the address is freed when the host dies."""
        assert self._host is not None, "clients do not listen"
        return self._fabric.listen(self._host, factory, host, port)

    async def connect(
        self, factory: Callable[[], ProtocolT], host: str, port: int
    ) -> tuple[asyncio.Transport, ProtocolT]:
        """Open a connection over the link from this host to the address."""
        return await self._fabric.connect(self._host, factory, host, port)


class _Listener:
    def __init__(
        self,
        fabric: Fabric,
        address: tuple[str, int],
        process: Process,
        factory: Callable[[], asyncio.Protocol],
    ) -> None:
        self.process = process
        self.factory = factory
        self.context = contextvars.copy_context()  # of the listening process's code
        self._fabric = fabric
        self._address = address

    def open(self) -> bool:
        return self.process.alive

    def close(self) -> None:
        self._fabric.forget(self._address, self)

    async def wait_closed(self) -> None:
        """Do nothing: the address is free as soon as it is closed."""


class _Connection:
    """Two ends and the two pipes between them."""

    def __init__(self, fabric: Fabric, rules: LinkRules) -> None:
        self.rules = rules
        self.latency_s = fabric.latency_s
        self.upstream: Pipe
        self.downstream: Pipe
        self._ends: tuple[StreamTransport, StreamTransport]

    def end_of(
        self, process: Process, context: contextvars.Context, peer: tuple[str, int]
    ) -> StreamTransport:
        return StreamTransport(self, process, context, peer)

    def join(self, near: StreamTransport, far: StreamTransport) -> None:
        toxics = self.rules.toxics
        self.upstream = Pipe("upstream", toxics, far.received, far.lost)
        self.downstream = Pipe("downstream", toxics, near.received, near.lost)
        near.pipe, far.pipe = self.upstream, self.downstream
        self.upstream.on_drained, self.downstream.on_drained = near.drained, far.drained
        self._ends = near, far
        self.rules.connections.append(self)

    def closing(self) -> None:
        """Either end has closed: forget the connection once both know."""
        if all(end.is_closing() for end in self._ends) and self in self.rules.connections:
            self.rules.connections.remove(self)

    def end(self, *, reset: bool) -> None:
        self.upstream.end(reset=reset)
        self.downstream.end(reset=reset)

    def crashed(self, host: Host, *, power: bool) -> None:
        for end in self._ends:
            if end.process.host == host.name:
                end.crashed(power=power)
