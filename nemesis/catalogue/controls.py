"""Machines that are not sound: full or slow or lying disks, clocks that jump or run away.

A node's controls (nemesis.targets) are asked for, and then read back from the node itself. They
outlive its process: a node that another fault kills comes up again on the same bad disk. While it
is down nobody can say what is in force, so a proof waits for it to come back.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, replace
from random import Random

from nemesis.faults import Fault, FaultClass, Kind, OptionValue, Proof
from nemesis.packages import Draw, Package
from nemesis.targets import Controls, TargetError, Targets
from nemesis.topology import Topology

__all__ = ["KINDS", "PACKAGES", "change_controls"]

BROWN, TEAL = "#D8B48F", "#A0E9E3"

BROKERS = ("master", "slave")
ASK_MS_MAX = 15_000  # a node that is down is given this long to come back
ASK_AGAIN_MS = 100


async def change_controls(targets: Targets, node: str, **changes: bool | int | str) -> Controls:
    """Ask a node for other controls; what is not named stays. Returns what was asked for."""
    controls = targets.controls.get(node)
    if controls is None:
        raise TargetError(f"{node}: expected a node with testing controls, found none")
    wanted = replace(await controls.wanted(), **changes)  # type: ignore[arg-type]  # as named
    await controls.set(wanted)
    return wanted


async def _set(targets: Targets, fault: Fault) -> Proof:
    return await _put(targets, fault, fault.options["value"])


async def _reset(targets: Targets, fault: Fault) -> Proof:
    return await _put(targets, fault, asdict(Controls())[fault.option("control", str)])


async def _reset_and_restart(targets: Targets, fault: Fault) -> Proof:
    """Mend the disk and start anew: a broker that could not fsync trusts its disk no more."""
    control = fault.option("control", str)
    for name in fault.targets:
        await change_controls(targets, name, **{control: asdict(Controls())[control]})
        await targets.nodes[name].stop()
        await targets.nodes[name].start()
    return await _reset(targets, fault)


async def _put(targets: Targets, fault: Fault, value: OptionValue) -> Proof:
    control = fault.option("control", str)
    for name in fault.targets:
        assert isinstance(value, bool | int | str), "a control is a plain value"
        wanted = await change_controls(targets, name, **{control: value})
        found = await _applied(targets, name, wanted)
        if found != wanted:
            return Proof(bit=False, text=f"{name}: expected {wanted}, found {found}")
    return Proof(bit=True, text=f"{', '.join(fault.targets)}: {control}={value} read back")


async def _applied(targets: Targets, name: str, wanted: Controls) -> Controls | None:
    """Ask until the node has taken the controls over, or the time is up."""
    found = None
    for _ in range(ASK_MS_MAX // ASK_AGAIN_MS):
        found = await targets.controls[name].applied()
        if found == wanted:
            break
        await asyncio.sleep(ASK_AGAIN_MS / 1000)
    return found


CONTROL = Kind(
    "control",
    _set,
    _reset,
    FaultClass.OTHER,
    does="makes a node's disk or clock unsound",
    cured="made sound again",
    proven="the node itself says what is in force",
)
BROKEN_DISK = Kind(
    "broken-disk",
    _set,
    _reset_and_restart,
    FaultClass.OTHER,
    does="makes every fsync of a node fail",
    cured="made sound again, and the node restarted",
    proven="the node itself says what is in force",
)
KINDS = (CONTROL, BROKEN_DISK)


def _drawing(
    kind: Kind,
    name: str,
    node: str,
    control: str,
    value: Callable[[Random], bool | int],
    *,
    stops_writes: bool = False,
) -> Draw:
    def draw(rng: Random, _topology: Topology) -> Fault:
        options: dict[str, OptionValue] = {"control": control, "value": value(rng)}
        # Two changes of one node's controls at a time would overwrite each other.
        holds = (f"{node}/controls", *((node,) if kind is BROKEN_DISK else ()))
        return Fault(name, kind.name, (node,), options, stops_writes, holds)

    return draw


def _true(_rng: Random) -> bool:
    return True


def _jump_ms(rng: Random) -> int:
    """Draw from 16 ms to about 4 minutes, either way, as likely short as long."""
    return rng.choice((-1, 1)) * (1 << rng.randint(4, 18))


def _skew_ppm(rng: Random) -> int:
    """Draw a clock that goes up to a fifth too fast or too slow."""
    return rng.choice((-1, 1)) * rng.randint(1_000, 200_000)


def _package(name: str, draw: Draw, colour: str, does: str, kind: Kind = CONTROL) -> Package:
    return Package.of(kind, draw, name, colour, does, needs=("controls",))


def _packages(node: str) -> tuple[Package, ...]:
    """Make what can befall one node's machine."""
    master = node == "master"
    full, slow, fails = f"disk-full-{node}", f"slow-fsync-{node}", f"fail-fsync-{node}"
    jump, skew = f"clock-jump-{node}", f"clock-skew-{node}"
    return (
        _package(
            full,
            _drawing(CONTROL, full, node, "disk_full", _true, stops_writes=master),
            BROWN,
            f"every write of the {node} fails: no space left",
        ),
        _package(
            slow,
            _drawing(CONTROL, slow, node, "fsync_delay_ms", lambda rng: rng.randint(50, 2000)),
            BROWN,
            f"every fsync of the {node} takes 50 to 2000 ms longer",
        ),
        _package(
            fails,
            _drawing(BROKEN_DISK, fails, node, "fsync_fails", _true, stops_writes=master),
            BROWN,
            f"every fsync of the {node} fails: input/output error",
            BROKEN_DISK,
        ),
        _package(
            jump,
            _drawing(CONTROL, jump, node, "clock_offset_ms", _jump_ms),
            TEAL,
            f"the {node}'s clock jumps, by 16 ms to 4 minutes, either way",
        ),
        _package(
            skew,
            _drawing(CONTROL, skew, node, "clock_skew_ppm", _skew_ppm),
            TEAL,
            f"the {node}'s clock goes up to a fifth too fast or too slow",
        ),
    )


PACKAGES = tuple(package for node in BROKERS for package in _packages(node))
