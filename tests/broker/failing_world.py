"""The Nth effect of one simulated node fails: on its network, or on its disk.

    connect     refused
    write       the connection breaks, and what was written is lost with it
    disk        EIO; half of a failing write is there

Nothing fails and nothing is counted until ``arm``; ``failed`` says what it hit.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from errno import ECONNREFUSED, EIO
from typing import Any

from simulation.nodes import SimulatedNode

Factory = Callable[[], asyncio.Protocol]


@dataclass(slots=True)
class Effects:
    """Counts effects, and picks the one that fails."""

    fail_at: int = 0
    count: int = 0
    failed: str = ""

    def arm(self, nth: int) -> None:
        self.fail_at, self.count, self.failed = nth, 0, ""

    def fails(self, what: str) -> bool:
        self.count += 1
        if self.count != self.fail_at or self.failed:
            return False
        self.failed = f"{what}, effect {self.count}"
        return True


def break_network(node: SimulatedNode, effects: Effects) -> None:
    node._fabric = FailingFabric(node._fabric, effects)  # type: ignore[assignment]


def break_disk(node: SimulatedNode, effects: Effects) -> None:
    node.disk = FailingDisk(node.disk, effects)  # type: ignore[assignment]


@dataclass(slots=True)
class FailingFabric:
    inner: Any
    effects: Effects

    def listen(self, host: object, factory: Factory, address: str, port: int) -> object:
        return self.inner.listen(host, lambda: self._wrapped(factory), address, port)

    async def connect(
        self, observer: object, factory: Factory, address: str, port: int
    ) -> tuple[object, asyncio.Protocol]:
        if self.effects.fails(f"connect to {address}:{port}"):
            raise OSError(ECONNREFUSED, "refused")
        transport, protocol = await self.inner.connect(
            observer, lambda: self._wrapped(factory), address, port
        )
        return FailingTransport(transport, self.effects), protocol

    def _wrapped(self, factory: Factory) -> Any:
        protocol: Any = factory()
        made = protocol.connection_made
        protocol.connection_made = lambda t: made(FailingTransport(t, self.effects))
        return protocol

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


@dataclass(slots=True)
class FailingTransport:
    """A transport whose write may break it; as asyncio's, it raises nothing."""

    inner: Any
    effects: Effects

    def write(self, data: bytes) -> None:
        if self.effects.fails(f"write to {self.inner.get_extra_info('peername')}"):
            self.inner.abort()
        else:
            self.inner.write(data)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


@dataclass(slots=True)
class FailingDisk:
    inner: Any
    effects: Effects

    def open(self, path: str, *, create: bool = False) -> "FailingFile":
        self.check("open", path)
        return FailingFile(self.inner.open(path, create=create), self)

    def rename(self, source: str, target: str) -> None:
        self.check("rename", source)
        self.inner.rename(source, target)

    def remove(self, path: str) -> None:
        self.check("remove", path)
        self.inner.remove(path)

    async def sync_folder(self, path: str) -> None:
        self.check("sync", path)
        await self.inner.sync_folder(path)

    def check(self, verb: str, path: str) -> None:
        if self.effects.fails(f"{verb} {path}"):
            raise OSError(EIO, f"{verb} failed", path)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


@dataclass(slots=True)
class FailingFile:
    inner: Any
    disk: FailingDisk

    def read(self, position: int, size: int) -> bytes:
        self.disk.check("read", self.inner.path)
        found: bytes = self.inner.read(position, size)
        return found

    def write(self, position: int, data: bytes) -> None:
        try:
            self.disk.check("write", self.inner.path)
        except OSError:
            self.inner.write(position, bytes(data)[: len(data) // 2])
            raise
        self.inner.write(position, data)

    def truncate(self, size: int) -> None:
        self.disk.check("truncate", self.inner.path)
        self.inner.truncate(size)

    async def sync(self) -> None:
        self.disk.check("sync", self.inner.path)
        await self.inner.sync()

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)
