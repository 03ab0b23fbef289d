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
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

__all__ = ["CutMode", "Link", "LinkState", "Node", "NodeEnds", "Stream", "Targets"]


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
        """The running process, or None."""

    def paused(self) -> bool:
        """Whether it is stopped by SIGSTOP."""

    async def start(self) -> None:
        """Start it and wait until it serves; does nothing if it runs."""

    async def stop(self) -> None:
        """Ask it to stop cleanly (SIGTERM) and wait for its end."""

    async def kill(self) -> None:
        """End it at once (SIGKILL) and wait for its end."""

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


class Targets(Protocol):
    """All that can be broken in one world."""

    @property
    def nodes(self) -> Mapping[str, Node]:
        """By name."""

    @property
    def links(self) -> Mapping[str, Link]:
        """By name."""

    def now_ns(self) -> int:
        """The history's clock."""
