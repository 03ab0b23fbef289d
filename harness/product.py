"""Whose programs the nodes of a cluster are: ours, or Apache RocketMQ's.

A cluster of processes behind proxies is made in one way (``harness.cluster``). What depends on the
programs is asked of a product:

    links         which connections of theirs go through a proxy
    node          how a node is configured and started, and how it says that it serves
    probe         what a listener answers to a stranger
    fed           how one knows that the slave replicates
    operator      how whole logs are read, and a divergence is mended
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from broker.client.admin import Admin
from harness.layout import Layout
from harness.options import RunOptions
from harness.sessions import Sessions
from harness.world import Operator
from nemesis.nodes import ProcessNode
from nemesis.targets import Node, NodeControls, NodeEnds

__all__ = ["Ends", "Place", "Probe", "Product"]

Ends: TypeAlias = Callable[[], Awaitable[NodeEnds]]
"""Asks a node how long its log is, past every proxy."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one node of a run lives."""

    name: str
    folder: Path  # its configuration, log and data
    layout: Layout
    options: RunOptions

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.folder / "node.properties"

    @property
    def data(self) -> Path:
        """Its store's root."""
        return self.folder / "data"

    @property
    def role(self) -> str:
        """What it is to serve as."""
        return "nameserver" if self.name == "nameserver" else "broker"


@dataclass(frozen=True, slots=True)
class Probe:
    """What a stranger says to a listener, and whether its only answer is to hang up."""

    request: bytes
    hangs_up: bool = False


class Product(Protocol):
    """The programs of one kind of cluster."""

    @property
    def links(self) -> tuple[str, ...]:
        """The links that have a proxy."""

    @property
    def gates(self) -> Mapping[str, tuple[str, ...]]:
        """By node: links that must refuse while it is down."""

    @property
    def starts(self) -> tuple[tuple[str, ...], ...]:
        """In which order nodes are started, those of one group at once."""

    @property
    def asked_to_end(self) -> bool:
        """Whether nodes are asked to stop when a run is over, or ended at once."""

    @property
    def surroundings(self) -> Mapping[str, Any]:
        """What test.json should know of the programs."""

    def properties(self, place: Place) -> Mapping[str, str | int]:
        """Say a node's configuration."""

    def node(self, place: Place, ends: Ends | None) -> ProcessNode:
        """Make a node, not yet started; its configuration is in place."""

    def controls(self, place: Place, node: ProcessNode) -> NodeControls | None:
        """Give the nemesis a hand on a broker's machine, if there is one."""

    def probe(self, link: str) -> Probe:
        """Say how a link is tried."""

    async def ends(self, admin: Admin, address: str) -> NodeEnds:
        """Ask a broker how long its log is."""

    async def fed(self, sessions: Sessions) -> None:
        """Wait until both brokers are known and the slave replicates."""

    def operator(
        self, sessions: Sessions, nodes: Mapping[str, Node], data: Mapping[str, Path]
    ) -> Operator:
        """Open the run's own session with a cluster, whose brokers keep their data there."""
