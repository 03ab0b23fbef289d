"""Nodes that die, stop, freeze, or come back too often.

A process is gone when its pid is; it is frozen when the system says so; and it is well again when
its node serves, which ``Node.start`` awaits.
"""

import asyncio
from collections.abc import Sequence
from random import Random

from nemesis.faults import Fault, FaultClass, Kind, Proof
from nemesis.packages import Draw, Package
from nemesis.targets import Node, Targets
from nemesis.topology import Topology

__all__ = ["KINDS", "PACKAGES", "start_all"]

RED, BLUE, DARK = "#E9A4A0", "#A0B1E9", "#B56A6A"


async def start_all(targets: Targets, fault: Fault) -> Proof:
    """Cure: let every target run again, and serve."""
    nodes = _nodes(targets, fault)
    for node in nodes:
        if node.paused():
            await node.resume()
        await node.start()
    down = [node.name for node in nodes if node.pid() is None]
    running = " and ".join(f"{node.name} serves as pid {node.pid()}" for node in nodes)
    return Proof(not down, f"still down: {', '.join(down)}" if down else running)


async def _kill(targets: Targets, fault: Fault) -> Proof:
    nodes = _nodes(targets, fault)
    pids = [node.pid() for node in nodes]
    for node in nodes:
        await node.kill()
    return _gone(nodes, pids)


async def _stop(targets: Targets, fault: Fault) -> Proof:
    nodes = _nodes(targets, fault)
    pids = [node.pid() for node in nodes]
    for node in nodes:
        await node.stop()
    return _gone(nodes, pids)


async def _pause(targets: Targets, fault: Fault) -> Proof:
    nodes = _nodes(targets, fault)
    for node in nodes:
        await node.pause()
    frozen = all(node.paused() for node in nodes)
    names = ", ".join(f"{node.name} (pid {node.pid()})" for node in nodes)
    return Proof(frozen, f"{names} {'frozen' if frozen else 'still runs'}")


async def _resume(targets: Targets, fault: Fault) -> Proof:
    nodes = _nodes(targets, fault)
    for node in nodes:
        if node.paused():
            await node.resume()
        await node.start()
    awake = all(node.pid() is not None and not node.paused() for node in nodes)
    names = ", ".join(node.name for node in nodes)
    return Proof(awake, f"{names} {'runs again' if awake else 'still frozen or gone'}")


async def _storm(targets: Targets, fault: Fault) -> Proof:
    """Kill and start again at once, several times over; the last death is not followed by life."""
    nodes = _nodes(targets, fault)
    pids = []
    for round_left in range(fault.option("rounds", int), 0, -1):
        for node in nodes:
            pids.append(node.pid())
            await node.kill()
            if round_left > 1:
                await node.start()
    proof = _gone(nodes, pids)
    distinct = len(dict.fromkeys(pids)) == len(pids)
    return Proof(proof.bit and distinct, proof.text)


async def _kill_starting(targets: Targets, fault: Fault) -> Proof:
    """Kill a node, and once more while it starts and recovers from the first time."""
    nodes = _nodes(targets, fault)
    pids = []
    for node in nodes:
        pids.append(node.pid())
        await node.kill()
        starting = asyncio.create_task(node.start())
        try:
            await asyncio.sleep(fault.option("delay_ms", int) / 1000)
            pids.append(node.pid())
            await node.kill()
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
    return _gone(nodes, pids)


def _gone(nodes: Sequence[Node], pids: Sequence[int | None]) -> Proof:
    """Prove that what ran under these pids runs no more, and that nothing took its place."""
    alive = [node.name for node in nodes if node.pid() is not None]
    if alive:
        return Proof(bit=False, text=f"still running: {', '.join(alive)}")
    if None in pids:
        return Proof(bit=False, text="nothing to end: a node was down already")
    return Proof(bit=True, text=f"gone: pid {', '.join(str(pid) for pid in pids)}")


def _nodes(targets: Targets, fault: Fault) -> list[Node]:
    return [targets.nodes[name] for name in fault.targets]


KILL = Kind(
    "kill",
    _kill,
    start_all,
    FaultClass.PROCESS,
    does="SIGKILL",
    cured="started again, until it serves",
    proven="the pid is gone",
    kills=True,
    stills=True,
)
STOP = Kind(
    "stop",
    _stop,
    start_all,
    FaultClass.PROCESS,
    does="SIGTERM",
    cured="started again, until it serves",
    proven="the pid is gone",
    stills=True,
)
PAUSE = Kind(
    "pause",
    _pause,
    _resume,
    FaultClass.PROCESS,
    does="SIGSTOP: alive to the network, dead to everybody",
    cured="SIGCONT",
    proven="the system reports it stopped",
    stills=True,
)
RESTART_STORM = Kind(
    "restart-storm",
    _storm,
    start_all,
    FaultClass.PROCESS,
    does="SIGKILL and start, several times without a pause, down at last",
    cured="started again, until it serves",
    proven="every pid is another, and the last is gone",
    kills=True,
)
KILL_STARTING = Kind(
    "kill-starting",
    _kill_starting,
    start_all,
    FaultClass.PROCESS,
    does="SIGKILL, and once more while it starts and recovers",
    cured="started again, until it serves",
    proven="both pids are gone",
    kills=True,
    stills=True,
)


KINDS = (KILL, STOP, PAUSE, RESTART_STORM, KILL_STARTING)


def _ending(kind: Kind, name: str, *nodes: str) -> Draw:
    """Draw the same fault every time: there is only one way to end these nodes."""
    fault = Fault(name, kind.name, nodes, {}, "master" in nodes)
    return lambda _rng, _topology: fault


def _pausing(name: str, *nodes: str) -> Draw:
    """SIGSTOP these nodes, and keep everybody's hands off their links meanwhile.

    Changing a proxy whose node does not read wedges toxiproxy (spec/toxiproxy.md, A6).
    """

    def draw(_rng: Random, topology: Topology) -> Fault:
        links = [link for node in nodes for link in topology.touching(node)]
        holds = (*nodes, *dict.fromkeys(links))
        return Fault(name, PAUSE.name, nodes, {}, "master" in nodes, holds)

    return draw


def _restarting(name: str, *nodes: str) -> Draw:
    """Restart these nodes two to four times in a row."""

    def draw(rng: Random, _topology: Topology) -> Fault:
        options = {"rounds": rng.randint(2, 4)}
        return Fault(name, RESTART_STORM.name, nodes, options, "master" in nodes)

    return draw


def _killing_at_start(name: str, *nodes: str) -> Draw:
    """Kill these nodes twice, the second time at a drawn moment of the start-up."""

    def draw(rng: Random, _topology: Topology) -> Fault:
        options = {"delay_ms": rng.randint(1, 400)}
        return Fault(name, KILL_STARTING.name, nodes, options, "master" in nodes)

    return draw


def _packages(node: str) -> tuple[Package, ...]:
    """Make what can befall one node's process."""
    kill, stop, pause = f"kill-{node}", f"stop-{node}", f"pause-{node}"
    storm, early = f"restart-storm-{node}", f"kill-starting-{node}"
    return (
        Package.of(KILL, _ending(KILL, kill, node), kill, RED, f"SIGKILL of the {node}"),
        Package.of(STOP, _ending(STOP, stop, node), stop, RED, f"SIGTERM of the {node}"),
        Package.of(PAUSE, _pausing(pause, node), pause, BLUE, f"SIGSTOP of the {node}"),
        Package.of(
            RESTART_STORM,
            _restarting(storm, node),
            storm,
            RED,
            f"SIGKILL and start of the {node}, two to four times without a pause",
        ),
        Package.of(
            KILL_STARTING,
            _killing_at_start(early, node),
            early,
            RED,
            f"SIGKILL of the {node}, and once more while it starts and recovers",
        ),
    )


def _power_cut(name: str, *nodes: str) -> Package:
    does = f"SIGKILL of {' and '.join(nodes)}, whose un-fsynced bytes vanish"
    draw = _ending(KILL, name, *nodes)
    return Package.of(KILL, draw, name, DARK, does, needs=("volatile",))


PACKAGES = (
    *_packages("master"),
    *_packages("slave"),
    *_packages("nameserver"),
    Package.of(
        KILL,
        _ending(KILL, "kill-both", "master", "slave"),
        "kill-both",
        RED,
        "SIGKILL of master and slave at once",
    ),
    _power_cut("power-cut-master", "master"),
    _power_cut("power-cut-slave", "slave"),
    _power_cut("power-cut-both", "master", "slave"),
)
