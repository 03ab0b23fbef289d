"""A network between named hosts: streams with latency over links that can be cut.

A *link* is observer->listener, as in ``nemesis/topology``: which link a connection uses follows
from who opens it and to which address. Its toxics and whether it is enabled decide what the
connection feels; there is no proxy in between, the link itself is the proxy.

    open     one base latency each way; refused if nobody listens, the listener's host is dead,
             or the link is disabled. A paused listener's kernel still accepts
    close    a FIN behind the data; the other end closes as well (no half-open connections)
    crash    the dead host's kernel sends the FIN for it; after a power cut nobody does, and the
             peer learns by its own time-outs or by a reset when it next sends

Every callback of an end runs in the context of the host that owns it, so it is held while the
host is paused and dropped when it is dead.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple, TypeVar, cast

from broker.ports import Listener
from simulation.hosts import Host
from simulation.loop import VirtualLoop
from simulation.pipes import Pipe

__all__ = ["Fabric", "LinkRules", "SimulatedNetwork", "StreamTransport"]

ProtocolT = TypeVar("ProtocolT", bound=asyncio.Protocol)
HIGH_WATER = 64 * 1024  # bytes under way before a writer is asked to pause, as asyncio's default


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
        listener = _Listener(self, (address, port), host, factory)
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
        return listener is not None and listener.host.paused

    async def connect(
        self, observer: Host | None, factory: Callable[[], ProtocolT], address: str, port: int
    ) -> tuple["StreamTransport", ProtocolT]:
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
        near = connection.end_of(observer, contextvars.copy_context(), (address, port))
        far = connection.end_of(listener.host, listener.context, (name, 0))
        connection.join(near, far)
        protocol = factory()
        near.attach(protocol)
        far.accept(listener.factory)
        return near, protocol

    def crashed(self, host: Host, *, power: bool) -> None:
        """Free a dead host's addresses and end its connections, loudly unless it lost power."""
        for address, listener in list(self._listeners.items()):
            if listener.host is host:
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
        host: Host,
        factory: Callable[[], asyncio.Protocol],
    ) -> None:
        self.host = host
        self.factory = factory
        self.context = contextvars.copy_context()  # of the listening host's code
        self._incarnation = host.incarnation
        self._fabric = fabric
        self._address = address

    def open(self) -> bool:
        return self.host.alive(self._incarnation)

    def close(self) -> None:
        self._fabric.forget(self._address, self)

    async def wait_closed(self) -> None:
        """Do nothing: the address is free as soon as it is closed."""


class _Connection:
    """Two ends and the two pipes between them."""

    def __init__(self, fabric: Fabric, rules: LinkRules) -> None:
        self.fabric = fabric
        self.rules = rules
        self.upstream: Pipe
        self.downstream: Pipe
        self._ends: tuple[StreamTransport, StreamTransport]

    def end_of(
        self, host: Host | None, context: contextvars.Context, peer: tuple[str, int]
    ) -> "StreamTransport":
        return StreamTransport(self, host, context, peer)

    def join(self, near: "StreamTransport", far: "StreamTransport") -> None:
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
            if end.host is host:
                end.crashed(power=power)


class _End(NamedTuple):
    """How the other end is gone: by a reset, or after a FIN."""

    reset: bool


class StreamTransport(asyncio.Transport):
    """One end of a simulated connection, with asyncio's transport interface."""

    def __init__(
        self,
        connection: _Connection,
        host: Host | None,
        context: contextvars.Context,
        peer: tuple[str, int],
    ) -> None:
        super().__init__(extra={"peername": peer, "sockname": (host.name if host else "client", 0)})
        self.host = host
        self.pipe: Pipe
        self._incarnation = host.incarnation if host else 0
        self._connection = connection
        self._context = context
        self._protocol: asyncio.Protocol | None = None
        self._closing = False
        self._lost = False
        self._paused_writer = False
        self._reading = True
        self._unread: deque[bytes | _End] = deque()  # what came while reading was paused
        self._loop = cast(VirtualLoop, asyncio.get_running_loop())

    def attach(self, protocol: asyncio.Protocol) -> None:
        """Give this end its protocol and tell it so."""
        self._protocol = protocol
        protocol.connection_made(self)

    def accept(self, factory: Callable[[], asyncio.Protocol]) -> None:
        """Make the protocol in the listening host's own time and context."""
        self._call(lambda: self.attach(factory()))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send; silently nothing once this end is closed or its host is dead."""
        if self._closing or not self._alive() or not data:
            return
        self.pipe.send(bytes(data), self._connection.fabric.latency_s())
        if self.pipe.queued > HIGH_WATER and not self._paused_writer and self._protocol:
            self._paused_writer = True
            self._protocol.pause_writing()

    def drained(self) -> None:
        """Let the writer go on: the other end took something, and little is left."""
        if self._paused_writer and self.pipe.queued <= HIGH_WATER // 4:
            self._paused_writer = False
            if self._protocol is not None:
                self._call(self._protocol.resume_writing)

    def close(self) -> None:
        """Send a FIN behind what is under way; this end is told at once."""
        if self._closing or not self._alive():
            return
        self._closing = True
        self.pipe.send(None, self._connection.fabric.latency_s())
        self._tell_lost(None)

    def abort(self) -> None:
        """Close without waiting for what is under way."""
        if self._closing or not self._alive():
            return
        self._closing = True
        self.pipe.end(reset=True)
        self._tell_lost(None)

    def is_closing(self) -> bool:
        """Whether this end has closed, or was told that the other one has."""
        return self._closing

    def received(self, data: bytes) -> None:
        """Take a chunk from the pipe, in the context of this end's host."""
        self._loop.happen_now(self._context, self._take, data)

    def lost(self, reset: bool) -> None:  # noqa: FBT001 -- a pipe's one answer
        """Take the FIN or the reset from the pipe: this end closes as well."""
        self._call(self._take, _End(reset))

    def crashed(self, *, power: bool) -> None:
        """Let this end die with its host; the kernel's FIN follows what it had sent."""
        self._closing = True
        if not power:
            self.pipe.send(None, self._connection.fabric.latency_s())
        self._connection.closing()

    def pause_reading(self) -> None:
        """Keep what arrives until reading resumes."""
        self._reading = False

    def resume_reading(self) -> None:
        """Hand over what arrived meanwhile, and go on."""
        self._reading = True
        if self._unread:
            self._call(self._read_on)

    def is_reading(self) -> bool:
        """Whether arriving data is handed over at once."""
        return self._reading and not self._closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Accept and ignore: the limits are the network's."""

    def get_write_buffer_size(self) -> int:
        """Bytes under way to the other end."""
        return self.pipe.queued

    def can_write_eof(self) -> bool:
        """No half-close: toxiproxy has none either."""
        return False

    def _take(self, arrived: "bytes | _End") -> None:
        """Hand over what arrived, or keep it behind what is kept already."""
        if not self._reading or self._unread:
            self._unread.append(arrived)
        else:
            self._hand_over(arrived)

    def _read_on(self) -> None:
        while self._unread and self._reading:
            self._hand_over(self._unread.popleft())

    def _hand_over(self, arrived: "bytes | _End") -> None:
        if isinstance(arrived, _End):
            self._end(arrived)
        elif not self._lost and self._protocol is not None:
            self._protocol.data_received(arrived)

    def _end(self, end: "_End") -> None:
        if not self._closing:
            self._closing = True
            self.pipe.send(None, self._connection.fabric.latency_s())
        self._tell_lost(ConnectionResetError(104, "reset by peer") if end.reset else None)

    def _tell_lost(self, error: Exception | None) -> None:
        self._connection.closing()
        if not self._lost:
            self._lost = True
            if self._protocol is not None:
                self._call(self._protocol.connection_lost, error)

    def _alive(self) -> bool:
        return self.host is None or self.host.alive(self._incarnation)

    def _call(self, callback: Callable[..., object], *args: Any) -> None:
        self._loop.call_soon(callback, *args, context=self._context)
