"""The toxics, by the names that the API knows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nemesis.toxiproxy_server.pipes import Toxic
from nemesis.toxiproxy_server.toxics.bandwidth import Bandwidth
from nemesis.toxiproxy_server.toxics.latency import Latency
from nemesis.toxiproxy_server.toxics.limit_data import LimitData
from nemesis.toxiproxy_server.toxics.noop import Noop
from nemesis.toxiproxy_server.toxics.reset_peer import ResetPeer
from nemesis.toxiproxy_server.toxics.slicer import Slicer
from nemesis.toxiproxy_server.toxics.slow_close import SlowClose
from nemesis.toxiproxy_server.toxics.timeout import Timeout

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of toxic: how to make one, and what the chain and the sockets must know of it."""

    make: Callable[..., Toxic]
    capacity: int = 1  # chunks that may wait before it
    closes_when_removed: bool = False
    resets: bool = False  # connections made under it end by RST


KINDS: Mapping[str, Kind] = {
    "bandwidth": Kind(Bandwidth),
    "latency": Kind(Latency, capacity=1024),
    "limit_data": Kind(LimitData),
    "noop": Kind(Noop),
    "reset_peer": Kind(ResetPeer, resets=True),
    "slicer": Kind(Slicer),
    "slow_close": Kind(SlowClose),
    "timeout": Kind(Timeout, closes_when_removed=True),
}
