"""What people do to a cluster: restart it node by node, change a role, mistype an address.

An operator stops a node, changes its configuration, and starts it again; the cure does the same
with the configuration that it had. What the node itself reports is the proof.

Some keys a broker takes over while it runs, and forgets when it ends: reload-config closes the
master to senders, or to readers, and opens it again.

Two of these have no contract (spec/guarantees.md): with two masters of one id, or a slave that was
made a master, RocketMQ promises nothing, and a run reports what it counts.
"""

from collections.abc import Mapping
from random import Random

from nemesis.catalogue.processes import start_all
from nemesis.faults import Act, Fault, FaultClass, Kind, Proof
from nemesis.packages import Package, Tempo
from nemesis.targets import Settings, TargetError, Targets
from nemesis.topology import Topology

__all__ = ["KINDS", "PACKAGES"]

ORANGE = "#E9B872"

AS_MASTER = {"brokerRole": "ASYNC_MASTER", "brokerId": "0"}
NOBODY = "127.0.0.1:1"  # nothing listens there


async def _roll(targets: Targets, fault: Fault) -> Proof:
    """Stop and start the nodes one after another, cleanly."""
    nodes = [targets.nodes[name] for name in fault.targets]
    before = [node.pid() for node in nodes]
    for node in nodes:
        await node.stop()
        await node.start()
    same = [node.name for node, pid in zip(nodes, before, strict=True) if node.pid() in (pid, None)]
    if same:
        return Proof(bit=False, text=f"not restarted: {', '.join(same)}")
    return Proof(bit=True, text=f"restarted in turn: {', '.join(fault.targets)}")


async def _second_master(targets: Targets, _fault: Fault) -> Proof:
    """Restart the slave as one more master of the same id."""
    return await _reconfigure(targets, "slave", AS_MASTER)


async def _take_over(targets: Targets, _fault: Fault) -> Proof:
    """End the master, and restart the slave in its place."""
    await targets.nodes["master"].kill()
    return await _reconfigure(targets, "slave", AS_MASTER)


async def _mistype(targets: Targets, _fault: Fault) -> Proof:
    """Restart the master with an HA address where nobody listens."""
    return await _reconfigure(targets, "master", {"brokerIP2": NOBODY})


async def _undo(targets: Targets, fault: Fault) -> Proof:
    """Cure: give every target its own configuration back, and restart those that differ."""
    for name in fault.targets:
        settings = targets.settings.get(name)
        if settings is not None:
            await settings.override({})
            await targets.nodes[name].stop()
    return await start_all(targets, fault)


async def _reconfigure(targets: Targets, name: str, properties: Mapping[str, str]) -> Proof:
    settings = _settings(targets, name)
    await settings.override(properties)
    await targets.nodes[name].stop()
    await targets.nodes[name].start()
    return await _reported(settings, name, properties)


async def _reported(settings: Settings, name: str, properties: Mapping[str, str]) -> Proof:
    reported = await settings.effective() or {}
    found = {key: reported.get(key) for key in properties}
    if found != properties:
        return Proof(bit=False, text=f"{name}: expected {dict(properties)}, it reports {found}")
    return Proof(bit=True, text=f"{name} reports {found}")


async def _reload(targets: Targets, fault: Fault) -> Proof:
    """Let the running node take a changed key over."""
    return await _turn(targets, fault, {fault.option("key", str): fault.option("value", str)})


async def _reload_own(targets: Targets, fault: Fault) -> Proof:
    """Cure: let it take its own value over again."""
    for name in fault.targets:
        await targets.nodes[name].start()
    return await _turn(targets, fault, {fault.option("key", str): fault.option("own", str)})


async def _turn(targets: Targets, fault: Fault, properties: Mapping[str, str]) -> Proof:
    (name,) = fault.targets
    settings = _settings(targets, name)
    await settings.reload(properties)
    return await _reported(settings, name, properties)


def _settings(targets: Targets, name: str) -> Settings:
    settings = targets.settings.get(name)
    if settings is None:
        raise TargetError(f"{name}: expected a configuration to change, found none")
    return settings


ROLL = Kind(
    "rolling-restart",
    _roll,
    start_all,
    FaultClass.PROCESS,
    does="SIGTERM and start, node by node",
    cured="started again, until it serves",
    proven="every pid is another",
)


def _kind(name: str, inject: Act, does: str, *, kills: bool = False) -> Kind:
    return Kind(
        name,
        inject,
        _undo,
        FaultClass.PROCESS,
        does,
        cured="restarted with its own configuration",
        proven="the node reports the changed configuration",
        kills=kills,
    )


SECOND_MASTER = _kind("second-master", _second_master, "makes the slave one more master")
TAKE_OVER = _kind("take-over", _take_over, "makes the slave the master", kills=True)
MISTYPE = _kind("wrong-ha-address", _mistype, "advertises an HA address where nobody listens")
RELOAD = Kind(
    "reload-config",
    _reload,
    _reload_own,
    FaultClass.OTHER,
    does="changes a key of a running node's configuration",
    cured="the key has its own value again",
    proven="the node reports the changed configuration",
)
KINDS = (ROLL, SECOND_MASTER, TAKE_OVER, MISTYPE, RELOAD)

RELOADS = (
    ("startAcceptSendRequestTimeStamp", "4102444800000", "0"),  # no sends before the year 2100
    ("brokerPermission", "2", "6"),  # no reads
)
"""A key, what it is changed to, and its own value."""


def _draw_reload(rng: Random, _topology: Topology) -> Fault:
    key, value, own = rng.choice(RELOADS)
    options = {"key": key, "value": value, "own": own}
    return Fault(RELOAD.name, RELOAD.name, ("master",), options, key != "brokerPermission")


def _package(
    kind: Kind,
    nodes: tuple[str, ...],
    does: str,
    needs: tuple[str, ...] = (),
    *,
    contract: bool = True,
) -> Package:
    fault = Fault(kind.name, kind.name, nodes)
    return Package.of(
        kind,
        lambda _rng, _topology: fault,
        kind.name,
        ORANGE,
        does,
        tempo=Tempo(hold_ms=(1000, 4000), gap_ms=(500, 2000)),
        needs=needs,
        contract=contract,
    )


PACKAGES = (
    _package(
        ROLL, ("slave", "master", "nameserver"), "SIGTERM and start of every node, one by one"
    ),
    _package(
        MISTYPE,
        ("master",),
        "the master is restarted with a brokerIP2 where nobody listens",
        ("settings", "ha-address"),
    ),
    Package.of(
        RELOAD,
        _draw_reload,
        RELOAD.name,
        ORANGE,
        "the running master is told to refuse every send, or every pull",
        needs=("settings", "reload"),
    ),
    _package(
        SECOND_MASTER,
        ("slave",),
        "the slave is restarted as a master of the same brokerId",
        ("settings",),
        contract=False,
    ),
    _package(
        TAKE_OVER,
        ("master", "slave"),
        "SIGKILL of the master; the slave is restarted as the master",
        ("settings",),
        contract=False,
    ),
)
