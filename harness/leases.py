"""A cluster's ports are one block of numbers, leased by a lock on a file and proven free by bind.

    block   twenty-four numbers in a row, from 20000 to 32000: below the ephemeral ports, so that
            a client that retries a closed port can never connect to itself (spec/toxiproxy.md, A5)
    lease   the right to use a block while one file is locked

The lock is the kernel's (``flock``): it ends with the process however that dies, also by SIGKILL,
and the suite's children do not inherit it. A block whose lock is free may still be in use, by
the orphans of a killed suite or by somebody else, so each port of it is bound once as well.
The files stay behind, empty; removing one could hand the same block to two owners.
"""

import contextlib
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "BLOCK_SIZE",
    "PORT_FIRST",
    "PORT_LAST",
    "NoFreePortsError",
    "PortBlock",
    "lease_ports",
    "port_is_free",
    "ports_are_free",
]

PORT_FIRST = 20_000
PORT_LAST = 32_000
BLOCK_SIZE = 24


class NoFreePortsError(OSError):
    """Every block is leased or in use: too many clusters at once, or orphans of killed runs."""


@dataclass(slots=True)
class PortBlock:
    """A leased block; ports are handed out once each, from the first to the last."""

    first: int
    size: int
    handed_out: int = 0

    def take(self) -> int:
        """Return the next port of the block."""
        assert self.handed_out < self.size, "a cluster never needs more ports than a block has"
        port = self.first + self.handed_out
        self.handed_out += 1
        return port

    def skip(self, count: int) -> None:
        """Leave some ports unused, where a node needs the ones beside its own."""
        self.handed_out += count

    @property
    def ports(self) -> range:
        """Every port of the block."""
        return range(self.first, self.first + self.size)


@contextlib.contextmanager
def lease_ports(folder: Path | None = None, first: int = 0) -> Iterator[PortBlock]:
    """Lease a free block, or the one that begins at ``first``, until the context ends."""
    folder = folder or _default_folder()
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(PORT_FIRST, PORT_LAST - BLOCK_SIZE, BLOCK_SIZE)

    for start in [first] if first else _rotated(starts, os.getpid()):
        descriptor = os.open(folder / f"{start}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            if _lock(descriptor) and ports_are_free(range(start, start + BLOCK_SIZE)):
                yield PortBlock(start, BLOCK_SIZE)
                return
        finally:
            os.close(descriptor)  # and with it the lock

    if first:
        raise NoFreePortsError(f"the ports {first} to {first + BLOCK_SIZE - 1} are in use")
    raise NoFreePortsError(
        f"expected a free block of {BLOCK_SIZE} ports between {PORT_FIRST} and {PORT_LAST}, found "
        f"none; end the orphans of killed runs (`mqhavoc doctor` lists them)"
    )


def ports_are_free(ports: Sequence[int], host: str = "127.0.0.1") -> bool:
    """Whether each of these ports can be listened on at this moment."""
    return all(port_is_free(port, host) for port in ports)


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a port can be listened on, connections in TIME_WAIT notwithstanding."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _rotated(starts: Sequence[int], by: int) -> list[int]:
    """Begin at a place of one's own, so that neighbours rarely knock at the same door."""
    turn = by % len(starts)
    return [*starts[turn:], *starts[:turn]]


def _default_folder() -> Path:
    return Path(tempfile.gettempdir()) / f"mqhavoc-ports-{os.getuid()}"
