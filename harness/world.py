"""What a run needs of a world: a cluster that can be broken, clients for it, and an operator.

    World      starts and stops a cluster, and makes the clients of a workload
    Operator   the run's own hand on the cluster: reads whole queues, dumps logs, mends divergence

The local world has processes and sockets, the simulated one has neither; a run can't tell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from harness.workloads.workload import Workload
from nemesis.targets import Clients, Targets

__all__ = ["Operator", "Pulled", "World"]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one pull gave: messages as ``[offset, value, crc]``, and the queue's bounds."""

    messages: Sequence[list[Any]]
    min_offset: int
    max_offset: int  # one past the last message
    next_offset: int
    unreadable: str = ""  # why nobody can read the record that was asked for; else empty


class Operator(Protocol):
    """The run's own session with the cluster, when its clients are gone."""

    async def pull(self, topic: str, queue: int, offset: int, node: str) -> Pulled:
        """Read on from an offset of a queue on one node."""

    async def dump(self, node: str) -> Mapping[str, Any]:
        """Describe a node's commit log, as checkers/replicas.py reads it."""

    async def send(self, topic: str, body: bytes) -> str:
        """Send one message and return its status."""

    async def has_route(self, topic: str) -> bool:
        """Whether the name server knows both nodes for a topic."""

    async def resynchronise(self) -> str:
        """Tell a diverged slave to take the master's log; say what was done."""

    async def close(self) -> None:
        """Close every connection."""


class World(Protocol):
    """One cluster, from its set-up to its end."""

    @property
    def targets(self) -> Targets:
        """What faults act on."""

    @property
    def surroundings(self) -> Mapping[str, Any]:
        """What test.json should know of it: addresses, versions, timings."""

    async def start(self) -> None:
        """Start every node and wait until they serve and replicate."""

    async def stop(self) -> None:
        """End everything that was started; never raises."""

    async def workload(self) -> Workload:
        """Prepare the workload that the options name: make its topics."""

    def admit(self, clients: Clients) -> None:
        """Let faults reach the clients, too."""

    async def operator(self) -> Operator:
        """Open a session of the run's own."""

    async def cycle_clients(self) -> None:
        """End every connection of a client, so that nothing of theirs is under way."""
