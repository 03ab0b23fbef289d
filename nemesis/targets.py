"""What a fault acts on: nodes and links of some world, local or simulated.

A fault never touches a process or a proxy itself; it asks these ports, and reads back from them
whether it bit. The local world implements them with psutil and toxiproxy, the simulation with
its own hosts and network, and a fault cannot tell which one it is in.

    node   an OS process with a store: nameserver, master, slave
    link   one directed path observer->listener, e.g. client->master or slave->master-ha

A link carries bytes both ways: ``upstream`` from the observer to the listener, ``downstream``
back. Cut modes are those of toxiproxy (spec/toxiproxy.md, A7):

    refuse     listener closed, connections closed             everyone knows
    blackhole  bytes acknowledged and dropped; FIN passes      closed on heal
    stall      bytes held, delivered on heal; FIN passes       ghost writes
    stall+     bytes and FIN held                              nearest to a pulled cable

What only some worlds offer is a port of its own, by node, absent where it is not offered:

    NodeControls   disk, clock and crash points of a running node
    Store          the files of a stopped node
    Settings       a node's configuration, changed as an operator would
    Clients        the suite's own client processes

A world that cannot do what was asked raises ``TargetError``; it never does nothing quietly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

__all__ = [
    "Clients",
    "Controls",
    "CutMode",
    "Link",
    "LinkState",
    "Node",
    "NodeControls",
    "NodeEnds",
    "NothingToHitError",
    "Settings",
    "Store",
    "Stream",
    "TargetError",
    "Targets",
]


class TargetError(Exception):
    """The world refused: a node that does not start, a proxy that does not answer."""


class NothingToHitError(TargetError):
    """What the fault would change is not there, or was never reached; everything is as it was.

    By this name checkers know that a fault which did not bite did not happen either.
    """


class CutMode(StrEnum):
    """How a link is cut; see the table above."""

    REFUSE = "refuse"
    BLACKHOLE = "blackhole"
    STALL = "stall"
    STALL_PLUS = "stall+"


class Stream(StrEnum):
    """Which way bytes are affected."""

    UPSTREAM = "upstream"  # observer to listener
    DOWNSTREAM = "downstream"  # listener to observer
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class NodeEnds:
    """How long a broker's commit log is, in physical offsets; None where it cannot be asked."""

    end: int | None
    flushed: int | None


@dataclass(frozen=True, slots=True)
class LinkState:
    """What the proxy says of itself when read back."""

    enabled: bool
    toxics: Mapping[str, Mapping[str, Any]]  # name -> {type, stream, attributes...}


class Node(Protocol):
    """One node of the cluster, dead or alive."""

    @property
    def name(self) -> str:
        """``nameserver``, ``master`` or ``slave``."""

    @property
    def volatile(self) -> bool:
        """Whether its un-fsynced bytes die with the process (a kill is then a power cut)."""

    def pid(self) -> int | None:
        """Return the running process, or None."""

    def paused(self) -> bool:
        """Whether it is stopped by SIGSTOP."""

    async def start(self) -> None:
        """Start it and wait until it serves; does nothing if it runs.

        ``TargetError`` if it ends before it serves, as when it is killed meanwhile.
        """

    async def stop(self) -> None:
        """Ask it to stop cleanly (SIGTERM) and wait for its end; does nothing if it is down."""

    async def kill(self) -> None:
        """End it at once (SIGKILL), frozen or not, and wait; does nothing if it is down."""

    async def pause(self) -> None:
        """Freeze it (SIGSTOP)."""

    async def resume(self) -> None:
        """Let it go on (SIGCONT)."""

    async def ends(self) -> NodeEnds:
        """Its commit log's end and flushed end, asked past every proxy; never raises."""


class Link(Protocol):
    """One directed, proxied path between two parties."""

    @property
    def name(self) -> str:
        """``observer->listener``."""

    async def cut(self, mode: CutMode, stream: Stream) -> None:
        """Cut it; a one-way REFUSE is a ValueError."""

    async def add_toxic(self, name: str, kind: str, stream: Stream, **attributes: int) -> None:
        """Add a toxic by toxiproxy's type name and attributes."""

    async def heal(self) -> None:
        """Remove every toxic and enable it."""

    async def cycle(self) -> None:
        """Disable and enable it, so that every connection through it ends."""

    async def state(self) -> LinkState:
        """Read back what is in force."""

    async def probe(self, timeout_ms: int) -> str:
        """Try the path as the observer would: ``answers``, ``refused``, ``closed``, ``silent``."""


@dataclass(frozen=True, slots=True)
class Controls:
    """What is asked of a node beyond its protocol; the default is a sound machine."""

    crash_point: str = ""  # the node dies when it next reaches this place
    disk_full: bool = False  # every write raises ENOSPC
    fsync_delay_ms: int = 0  # every fsync takes this much longer
    fsync_fails: bool = False  # every fsync raises EIO
    clock_offset_ms: int = 0  # its wall clock is this far ahead, or behind
    clock_skew_ppm: int = 0  # and goes this much too fast, from the moment it is set


class NodeControls(Protocol):
    """The testing hooks of one node: kept while it is down, in force again when it starts."""

    async def set(self, controls: Controls) -> None:
        """Ask for exactly this; returns once a running node has taken it over."""

    async def wanted(self) -> Controls:
        """Return what was last asked for, whether the node runs or not."""

    async def applied(self) -> Controls | None:
        """Return what the running node says is in force; None if it cannot be asked."""


class Store(Protocol):
    """The files of one node's store, which are changed only while the node is down."""

    def files(self) -> Sequence[str]:
        """Paths below the store's root, with ``/``, sorted."""

    def size(self, path: str) -> int:
        """Length in bytes."""

    def read(self, path: str, position: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``position``."""

    def write(self, path: str, position: int, data: bytes) -> None:
        """Overwrite bytes in place."""

    def truncate(self, path: str, size: int) -> None:
        """Cut the file."""

    def clear(self) -> None:
        """Remove everything: the disk is lost."""

    def snapshot(self) -> None:
        """Keep a copy of everything, in place of any earlier copy."""

    def restore(self) -> None:
        """Put the kept copy back in place of what is there."""


class Settings(Protocol):
    """One node's configuration file, changed over by an operator between two starts."""

    async def override(self, properties: Mapping[str, str]) -> None:
        """Let these keys differ from the node's own file, from the next start on; {} for none."""

    async def reload(self, properties: Mapping[str, str]) -> None:
        """Let the running node take these keys over at once; it forgets them when it ends."""

    async def effective(self) -> Mapping[str, str] | None:
        """Return what the running node reports; None if it cannot be asked."""


class Clients(Protocol):
    """The suite's own logical processes."""

    @property
    def served_ns(self) -> Mapping[str, int]:
        """When the last send and the last pull to end began, by the history's clock; -1 if not ok.

        What nobody has called is not there.
        """

    async def crash(self, count: int) -> Sequence[str]:
        """Drop ``count`` of them, connections and all, and say which; others take their place."""


class Targets(Protocol):
    """All that can be broken in one world."""

    @property
    def nodes(self) -> Mapping[str, Node]:
        """By name."""

    @property
    def links(self) -> Mapping[str, Link]:
        """By name."""

    @property
    def controls(self) -> Mapping[str, NodeControls]:
        """By node; empty in a world without them."""

    @property
    def stores(self) -> Mapping[str, Store]:
        """By node; empty in a world without them."""

    @property
    def settings(self) -> Mapping[str, Settings]:
        """By node; empty in a world without them."""

    @property
    def clients(self) -> Clients | None:
        """The suite's processes, where they can be crashed."""

    def now_ns(self) -> int:
        """Return the time by the history's clock."""
