"""The suite's own processes that vanish, connections and all; others take their place."""

from random import Random

from nemesis.faults import Fault, FaultClass, Kind, Proof
from nemesis.packages import Package
from nemesis.targets import TargetError, Targets
from nemesis.topology import Topology

__all__ = ["KINDS", "PACKAGES"]

VIOLET = "#B9B2E9"


async def _crash(targets: Targets, fault: Fault) -> Proof:
    if targets.clients is None:
        raise TargetError("expected clients that can be crashed, found none")
    gone = await targets.clients.crash(fault.option("count", int))
    return Proof(bool(gone), f"dropped: {', '.join(gone) or 'nobody'}")


async def _nothing(_targets: Targets, _fault: Fault) -> Proof:
    return Proof(bit=True, text="others took their place at once")


CRASH_CLIENTS = Kind(
    "crash-clients",
    _crash,
    _nothing,
    FaultClass.OTHER,
    does="drops client processes and their connections",
    cured="new processes take their place",
    proven="the names of those dropped",
)
KINDS = (CRASH_CLIENTS,)


def _draw(rng: Random, _topology: Topology) -> Fault:
    options = {"count": rng.randint(1, 3)}
    return Fault("crash-clients", CRASH_CLIENTS.name, ("client",), options)


PACKAGES = (
    Package.of(
        CRASH_CLIENTS,
        _draw,
        "crash-clients",
        VIOLET,
        "one to three client processes vanish and are replaced",
        needs=("clients",),
    ),
)
