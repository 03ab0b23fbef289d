"""A workload is a plan and a client for each process: what to do next, and how to do it.

    Plan        pure: gives the next invocation and learns from completions. Reproducible from
                its rng, so that the same seed asks for the same things.
    Client      thin: carries one invocation out against a real or simulated cluster and says how
                it ended. It never raises but for cancellation: errors are completions too.
    Workload    makes both for each logical process.

The interpreter runs ``concurrency`` processes at once. A process whose op ends as ``info`` is
over, as in Jepsen: its plan and client are dropped, and its place goes to a new process.
"""

from collections.abc import Mapping
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from histories.op import OpType

__all__ = ["Client", "Completion", "Invocation", "Plan", "Workload"]


class Invocation(NamedTuple):
    """What a process is about to do; ``fields`` go into the history as they are."""

    f: str
    fields: Mapping[str, Any]
    body: bytes = b""  # of a send; the history keeps only its CRC


class Completion(NamedTuple):
    """How it ended; ``fields`` are added to those of the invocation."""

    type: OpType
    fields: Mapping[str, Any] = MappingProxyType({})
    notes: Mapping[str, Any] = MappingProxyType({})  # for the plan alone


class Plan(Protocol):
    """What one process does, one invocation at a time."""

    def next(self) -> Invocation:
        """Decide what to do now."""

    def on_completion(self, invocation: Invocation, completion: Completion) -> None:
        """Learn how it ended."""


class Client(Protocol):
    """One process's session with the cluster."""

    async def invoke(self, invocation: Invocation) -> Completion:
        """Carry it out and say how it ended."""

    async def close(self) -> None:
        """Close every connection."""


class Workload(Protocol):
    """A kind of load on the cluster."""

    @property
    def name(self) -> str:
        """The name in ``mqhavoc list workloads``."""

    def plan(self, place: int, process: int, rng: Random) -> Plan:
        """Make the plan of a new process in one of the ``concurrency`` places."""

    async def client(self, place: int, process: int) -> Client:
        """Open the session of a new process; connecting may wait until the first request."""
