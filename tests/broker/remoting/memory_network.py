"""A network in memory: two protocols back to back, and a wire that can be cut or stuffed.

It is the ``Network`` port with nothing behind it: bytes written in one turn of the loop arrive in
the next, whole or in pieces. ``room`` is how many more bytes a side can place; what exceeds it
stays in the transport's buffer, as with a peer that does not read.
"""

import asyncio
from collections.abc import Callable
from typing import Any


async def let_it_arrive() -> None:
    """Let every byte that is under way arrive, and what it sets going: turns, not time."""
    for _ in range(50):
        await asyncio.sleep(0)


Factory = Callable[[], asyncio.Protocol]


class MemoryTransport(asyncio.Transport):
    """One end of a wire."""

    def __init__(self, protocol: asyncio.Protocol, names: tuple[object, object]) -> None:
        super().__init__({"sockname": names[0], "peername": names[1]})
        self.protocol = protocol
        self.peer: MemoryTransport
        self.room = 1 << 60
        self.piece = 1 << 30  # bytes that arrive together
        self.writes: list[bytes] = []
        self.closing = False
        self.ending = False  # as soon as what is held has been placed
        self.held = b""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == 0

    def is_closing(self) -> bool:
        return self.closing or self.ending

    def get_write_buffer_size(self) -> int:
        return len(self.held)

    def write(self, data: Any) -> None:
        assert not self.closing
        self.writes.append(bytes(data))
        was_empty = not self.held
        self.held += data
        self.place()
        if was_empty and self.held:
            self.protocol.pause_writing()

    def place(self) -> None:
        taken, self.held = self.held[: self.room], self.held[self.room :]
        self.room -= len(taken)
        if taken:
            asyncio.get_running_loop().call_soon(self.peer.arrive, taken)

    def make_room(self, size: int = 1 << 60) -> None:
        """Let the peer read again."""
        was_full = bool(self.held)
        self.room = size
        self.place()
        if was_full and not self.held:
            self.protocol.resume_writing()
        if self.ending and not self.held:
            self.end(None)

    def arrive(self, data: bytes) -> None:
        for start in range(0, len(data), self.piece):
            if not self.closing:
                self.protocol.data_received(data[start : start + self.piece])

    def close(self) -> None:
        if self.held:
            self.ending = True
        else:
            self.end(None)

    def abort(self) -> None:
        self.held = b""
        self.end(None)

    def end(self, error: Exception | None) -> None:
        if self.closing:
            return
        self.closing = True
        loop = asyncio.get_running_loop()
        loop.call_soon(self.protocol.connection_lost, error)
        loop.call_soon(self.peer.end, None)  # behind the bytes that are under way


class MemoryListener:
    def __init__(self, network: "MemoryNetwork", address: tuple[str, int]) -> None:
        self.network = network
        self.address = address

    def close(self) -> None:
        self.network.listeners.pop(self.address, None)

    async def wait_closed(self) -> None:
        return None


class MemoryNetwork:
    """Listeners by address; ``black_holes`` swallow a connection attempt for ever."""

    def __init__(self) -> None:
        self.listeners: dict[tuple[str, int], Factory] = {}
        self.black_holes: set[tuple[str, int]] = set()
        self.dialled: list[str] = []
        self.wires: list[tuple[MemoryTransport, MemoryTransport]] = []

    async def listen(self, factory: Factory, host: str, port: int) -> MemoryListener:
        if (host, port) in self.listeners:
            raise OSError(98, "address in use")
        self.listeners[host, port] = factory
        return MemoryListener(self, (host, port))

    async def connect(self, factory: Any, host: str, port: int) -> tuple[Any, Any]:
        self.dialled.append(f"{host}:{port}")
        await asyncio.sleep(0)
        if (host, port) in self.black_holes:
            await asyncio.Event().wait()
        if (host, port) not in self.listeners:
            raise ConnectionRefusedError(111, "connection refused")
        name = ("10.0.0.9", 50_000 + len(self.wires))
        near = MemoryTransport(factory(), (name, (host, port)))
        far = MemoryTransport(self.listeners[host, port](), ((host, port), name))
        near.peer, far.peer = far, near
        self.wires.append((near, far))
        far.protocol.connection_made(far)
        near.protocol.connection_made(near)
        return near, near.protocol
