"""An unsound machine for a sound node: its ports, wrapped, obey a file of controls.

    Disk       writes fail for want of space; fsyncs take longer, or fail
    Clock      jumps, or goes too fast or too slow from the moment it is told to
    CrashPoint one named place is deadly: SIGKILL, so that a volatile disk loses power with it

The broker knows nothing of this. The file (nemesis.control_file) is read before the node starts,
so that also its recovery runs on a bad disk, and then looked at a hundred times each second.
"""

import asyncio
import errno
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TypeVar

from broker.ports import Clock, Disk, File, Listener, Network, Ports
from nemesis.control_file import Page, acknowledge, read_page
from nemesis.targets import Controls

__all__ = ["Machine", "kill_me", "unsound"]

LOOK_MS = 10

ProtocolT = TypeVar("ProtocolT", bound=asyncio.Protocol)


class Machine:
    """What is wrong with one node's machine right now."""

    def __init__(self, folder: Path, die: Callable[[], None]) -> None:
        self._folder = folder
        self._die = die
        self._page: Page | None = None
        self._since = monotonic()
        self.look()

    @property
    def controls(self) -> Controls:
        """What is in force."""
        assert self._page is not None, "it has looked once when it was made"
        return self._page.controls

    @property
    def clock_error_ms(self) -> int:
        """How far ahead of the true time the clock is."""
        run_away = (monotonic() - self._since) * self.controls.clock_skew_ppm / 1000
        return self.controls.clock_offset_ms + round(run_away)

    def look(self) -> None:
        """Take over what the file asks for, and say so."""
        page = read_page(self._folder)
        if page == self._page:
            return
        if self._page is None or page.controls.clock_skew_ppm != self.controls.clock_skew_ppm:
            self._since = monotonic()
        self._page = page
        acknowledge(self._folder, page, os.getpid())

    def reach(self, place: str) -> None:
        """Die if this place is the deadly one; a CrashPoint."""
        if place == self.controls.crash_point:
            self._die()

    async def watch(self) -> None:
        """Look at the file for as long as the node lives."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_MS / 1000)


def unsound(ports: Ports, machine: Machine) -> Ports:
    """Wrap a node's ports, so that they are as unsound as its machine."""
    return replace(
        ports,
        network=_WatchedNetwork(ports.network, machine),
        disk=_UnsoundDisk(ports.disk, machine),
        clock=_UnsoundClock(ports.clock, machine),
        crash_point=machine.reach,
    )


def kill_me() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


class _WatchedNetwork:
    """A sound network; whoever listens has an event loop, in which the machine is watched."""

    def __init__(self, network: Network, machine: Machine) -> None:
        self._network = network
        self._machine = machine
        self._watching: asyncio.Task[None] | None = None

    async def listen(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> Listener:
        if self._watching is None:
            self._watching = asyncio.create_task(self._machine.watch())
        return await self._network.listen(factory, host, port)

    async def connect(
        self, factory: Callable[[], ProtocolT], host: str, port: int
    ) -> tuple[asyncio.Transport, ProtocolT]:
        return await self._network.connect(factory, host, port)


@dataclass(frozen=True, slots=True)
class _UnsoundClock:
    """A clock that is off."""

    clock: Clock
    machine: Machine

    def now_ms(self) -> int:
        return self.clock.now_ms() + self.machine.clock_error_ms


@dataclass(frozen=True, slots=True)
class _UnsoundFile:
    """A file on a disk that may be full, slow, or broken."""

    file: File
    machine: Machine

    @property
    def path(self) -> str:
        return self.file.path

    def size(self) -> int:
        return self.file.size()

    def read(self, position: int, size: int) -> bytes:
        return self.file.read(position, size)

    def write(self, position: int, data: bytes | bytearray | memoryview) -> None:
        if self.machine.controls.disk_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
        self.file.write(position, data)

    def truncate(self, size: int) -> None:
        self.file.truncate(size)

    async def sync(self) -> None:
        if self.machine.controls.fsync_delay_ms:
            await asyncio.sleep(self.machine.controls.fsync_delay_ms / 1000)
        if self.machine.controls.fsync_fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO), self.path)
        await self.file.sync()

    def close(self) -> None:
        self.file.close()


class _UnsoundDisk:
    """A disk whose files are unsound; its names are sound, as a journal would keep them."""

    def __init__(self, disk: Disk, machine: Machine) -> None:
        self._machine = machine
        self._disk = disk
        self.exists = disk.exists
        self.list = disk.list
        self.remove = disk.remove
        self.rename = disk.rename
        self.modified_ms = disk.modified_ms
        self.lock = disk.lock
        self.sync_folder = disk.sync_folder

    def open(self, path: str, *, create: bool = False) -> File:
        return _UnsoundFile(self._disk.open(path, create=create), self._machine)

    def used_ratio(self, path: str) -> float:  # noqa: ARG002 -- the machine has one disk
        # How full the disk is that the suite itself runs on is no fault of a schedule: a broker
        # refuses sends on one that is nine tenths full, and deletes its old files before that.
        return 1.0 if self._machine.controls.disk_full else 0.0
