"""The world as the broker sees it: a network, a disk, a clock, and named places to crash at.

Everything in ``broker`` that touches the outside does it through these four ports, so that the
very same code runs on real sockets and files (``broker/live/``) and inside the simulation.

    Network       listen and connect with asyncio protocols, as the event loop itself does
    Disk, File    positioned reads and writes that reach the page cache at once,
                  and a ``sync`` that is awaited until they are durable
    Clock         wall time in milliseconds; it may jump or be skewed by a nemesis
    CrashPoint    a no-op, but for a test that wants the process dead exactly there

Timers and tasks are asyncio's own (``asyncio.sleep``, ``loop.time()``): the simulation replaces
the event loop, not the calls. Nothing here blocks but ``Disk`` calls, which take microseconds.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol, TypeAlias, TypeVar

__all__ = ["Clock", "CrashPoint", "Disk", "File", "Listener", "Network", "Ports"]


ProtocolT = TypeVar("ProtocolT", bound=asyncio.Protocol)


class Listener(Protocol):
    """A socket that accepts connections until it is closed."""

    def close(self) -> None:
        """Stop accepting; connections already accepted live on."""

    async def wait_closed(self) -> None:
        """Wait until the address is free again."""


class Network(Protocol):
    """Streams between named addresses."""

    async def listen(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> Listener:
        """Accept connections on an address; ``OSError`` if it is taken."""

    async def connect(
        self, factory: Callable[[], ProtocolT], host: str, port: int
    ) -> tuple[asyncio.Transport, ProtocolT]:
        """Open a connection; ``OSError`` if it is refused. The caller bounds the time."""


class File(Protocol):
    """An open file. Writes are visible to every reader at once, and durable after ``sync``."""

    @property
    def path(self) -> str:
        """The path it was opened by."""

    def size(self) -> int:
        """Its length in bytes."""

    def read(self, position: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``position``; fewer only at the end of the file."""

    def write(self, position: int, data: bytes | bytearray | memoryview) -> None:
        """Write all of ``data``, or raise ``OSError`` (full, EIO) with an unknown part written."""

    def truncate(self, size: int) -> None:
        """Cut or extend (with zeros, sparsely) to ``size``."""

    async def sync(self) -> None:
        """Return once every earlier write, and the file's name, is durable.

        ``OSError`` if that cannot be said: then no later ``sync`` can say it either.
        """

    def close(self) -> None:
        """Give the descriptor back. Idempotent; makes nothing durable."""


class Disk(Protocol):
    """A tree of files. Paths are absolute strings with ``/``."""

    def open(self, path: str, *, create: bool = False) -> File:
        """Open for reading and writing; ``create`` makes it (and its parents) if missing."""

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""

    def list(self, path: str) -> list[str]:
        """Names in a folder, sorted; empty if it does not exist."""

    def remove(self, path: str) -> None:
        """Remove a file; silent if it is not there."""

    def rename(self, source: str, target: str) -> None:
        """Replace ``target`` with ``source`` in one step."""

    async def sync_folder(self, path: str) -> None:
        """Return once every earlier removal and renaming in a folder is durable."""

    def modified_ms(self, path: str) -> int:
        """When the file was last written, by the wall clock."""

    def used_ratio(self, path: str) -> float:
        """How full the file system of ``path`` is, from 0.0 to 1.0."""

    def lock(self, path: str) -> Callable[[], None]:
        """Take the exclusive lock on a file and return its release; ``OSError`` if it is held."""


class Clock(Protocol):
    """The node's wall clock. Durations are measured with ``loop.time()``, never with this."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch; may step in either direction."""


CrashPoint: TypeAlias = Callable[[str], None]
"""Called with the name of the place just reached; it may never return."""


@dataclass(frozen=True, slots=True)
class Ports:
    """One node's whole outside world."""

    network: Network
    disk: Disk
    clock: Clock
    rng: Random
    crash_point: CrashPoint = lambda _name: None
