"""Nodes that die at a named place in their own code, which no timer would ever hit.

The broker calls a hook at places where a crash is instructive, and knows nothing more; the node's
testing controls make one of them deadly. The fault has bitten when the node's process is gone:
some traffic must have led it there within the time it is given. If none did, the place is made
harmless again, and nothing has happened.

    after-append-before-flush        in the page cache, not on the disk
    after-flush-before-replicate     on the master's disk, not on the slave
    after-replicate-before-reply     on both, and nobody was told
    between-queue-and-index          the log has it, the consume queue may not
    in-mid-recovery                  while it mends what the last crash left
"""

import asyncio
from contextlib import suppress
from random import Random

from nemesis.catalogue.controls import change_controls
from nemesis.catalogue.processes import start_all
from nemesis.faults import Fault, FaultClass, Kind, Proof
from nemesis.packages import Draw, Package
from nemesis.targets import NothingToHitError, TargetError, Targets
from nemesis.topology import Topology

__all__ = ["CRASH_POINTS", "IN_RECOVERY", "KINDS", "PACKAGES"]

RED = "#E98080"

CRASH_POINTS = (
    "after-append-before-flush",
    "after-flush-before-replicate",
    "after-replicate-before-reply",
    "between-queue-and-index",
)
IN_RECOVERY = "in-mid-recovery"

REACHED_MS_MAX = 5000
LOOK_AGAIN_MS = 20


async def _crash(targets: Targets, fault: Fault) -> Proof:
    """Arm the place, and wait until the node has died there."""
    (name,) = fault.targets
    point = fault.option("crash_point", str)
    before = targets.nodes[name].pid()
    await change_controls(targets, name, crash_point=point)
    if await _dies(targets, name):
        return Proof(bit=True, text=f"{name} died at {point!r}: pid {before} gone")
    raise NothingToHitError(f"{name} did not reach {point!r} in {REACHED_MS_MAX} ms")


async def _crash_in_recovery(targets: Targets, fault: Fault) -> Proof:
    """Kill the node, and let it die once more on its way up."""
    (name,) = fault.targets
    node = targets.nodes[name]
    await node.kill()
    await change_controls(targets, name, crash_point=IN_RECOVERY)
    with suppress(TargetError):
        await node.start()
        return Proof(bit=False, text=f"{name} came up: it did not pass {IN_RECOVERY!r}")
    died = await _dies(targets, name)
    return Proof(died, f"{name} {'died' if died else 'hangs'} at {IN_RECOVERY!r}")


async def _dies(targets: Targets, name: str) -> bool:
    """Wait for an armed node's death, and then disarm it, whatever came of it.

    Whoever starts the node again must find it sound, and one that lives must not die there later.
    """
    node = targets.nodes[name]
    for _ in range(REACHED_MS_MAX // LOOK_AGAIN_MS):
        if node.pid() is None:
            break
        await asyncio.sleep(LOOK_AGAIN_MS / 1000)
    await change_controls(targets, name, crash_point="")
    return node.pid() is None


async def _disarm(targets: Targets, fault: Fault) -> Proof:
    for name in fault.targets:
        await change_controls(targets, name, crash_point="")
    return await start_all(targets, fault)


CRASH = Kind(
    "crash",
    _crash,
    _disarm,
    FaultClass.PROCESS,
    does="dies at a named place in the broker's code",
    cured="disarmed and started again, until it serves",
    proven="armed, and the pid is gone",
    kills=True,
    stills=True,
)
CRASH_IN_RECOVERY = Kind(
    "crash-in-recovery",
    _crash_in_recovery,
    _disarm,
    FaultClass.PROCESS,
    does="SIGKILL, and it dies once more while it recovers",
    cured="disarmed and started again, until it serves",
    proven="armed, and the start ends in death",
    kills=True,
    stills=True,
)
KINDS = (CRASH, CRASH_IN_RECOVERY)


def _crashing(kind: Kind, name: str, node: str, *points: str) -> Draw:
    def draw(rng: Random, _topology: Topology) -> Fault:
        options = {"crash_point": rng.choice(points)}
        holds = (node, f"{node}/controls")
        return Fault(name, kind.name, (node,), options, node == "master", holds)

    return draw


def _package(kind: Kind, name: str, node: str, points: tuple[str, ...], does: str) -> Package:
    draw = _crashing(kind, name, node, *points)
    return Package.of(kind, draw, name, RED, does, needs=("controls",))


PACKAGES = (
    _package(CRASH, "crash-master", "master", CRASH_POINTS, "the master dies at a drawn place"),
    *(
        _package(CRASH, f"crash-master-{point}", "master", (point,), f"the master dies at {point}")
        for point in CRASH_POINTS
    ),
    *(
        _package(
            CRASH_IN_RECOVERY,
            f"crash-{node}-{IN_RECOVERY}",
            node,
            (IN_RECOVERY,),
            f"SIGKILL of the {node}, which then dies once more while it recovers",
        )
        for node in ("master", "slave")
    ),
)
