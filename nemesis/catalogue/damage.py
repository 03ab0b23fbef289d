"""Stores that were lost, set back or damaged while their node was down.

Each fault stops its node, cleanly or by SIGKILL, changes its files, and leaves it down; the cure
is to start it, and to let its recovery and its operator see to the rest. A node on a volatile
disk is always stopped cleanly: otherwise the fault would be a power cut as well.

    disk     lost: every file gone                 set back: an older copy of every file
    damage   a bit flipped near the log's end      the log's last file cut near its end

Positions are drawn as a distance from the log's end, since nobody knows the end beforehand. The
history gets them as physical offsets: ``damaged_from``, ``snapshot_end``.
"""

import asyncio
from random import Random

from nemesis.catalogue.processes import start_all
from nemesis.disks import log_files, place_in_log
from nemesis.faults import Act, Fault, FaultClass, Kind, OptionValue, Proof
from nemesis.packages import Draw, Package, Tempo
from nemesis.targets import NothingToHitError, Store, TargetError, Targets
from nemesis.topology import Topology

__all__ = ["KINDS", "PACKAGES"]

PURPLE, GREY = "#C9A0E9", "#99A2B2"

BACK_MAX = 4096  # how far from its end a log is damaged, at most: a few records
GROWN_MS_MAX = 5000
LOOK_AGAIN_MS = 20


async def _lose(targets: Targets, fault: Fault) -> Proof:
    (name,) = fault.targets
    store = _store(targets, name)
    lost = len(store.files())
    await _end(targets, fault)
    store.clear()
    left = store.files()
    return Proof(lost > 0 and not left, f"{name}: {lost} files lost, {len(left)} left")


async def _set_back(targets: Targets, fault: Fault) -> Proof:
    """Copy the store, let the node live on for a while, and put the copy back."""
    (name,) = fault.targets
    store, node = _store(targets, name), targets.nodes[name]
    await node.stop()
    store.snapshot()
    await node.start()
    snapshot_end = (await node.ends()).end or 0
    await asyncio.sleep(fault.option("age_ms", int) / 1000)
    end = (await node.ends()).end or 0
    await _end(targets, fault)
    store.restore()
    learned: dict[str, OptionValue] = {"snapshot_end": snapshot_end}
    grown = f"copy of a log of {snapshot_end} bytes put back when it had {end}"
    return Proof(bool(store.files()), f"{name}: {grown}", learned)


async def _flip(targets: Targets, fault: Fault) -> Proof:
    (name,) = fault.targets
    store = _store(targets, name)
    offset = await _place(targets, fault)
    await _end(targets, fault)
    path, position = place_in_log(store, offset)
    sound = store.read(path, position, 1)
    store.write(path, position, bytes([sound[0] ^ 1 << fault.option("bit", int)]))
    found = store.read(path, position, 1)
    changed = f"{sound.hex()} became {found.hex()} at physical offset {offset}"
    return Proof(found != sound, f"{name}: {changed}", {"damaged_from": offset})


async def _truncate(targets: Targets, fault: Fault) -> Proof:
    (name,) = fault.targets
    store = _store(targets, name)
    offset = await _place(targets, fault)
    await _end(targets, fault)
    path, position = place_in_log(store, offset)
    store.truncate(path, position)
    cut = f"log cut at physical offset {offset}"
    return Proof(store.size(path) == position, f"{name}: {cut}", {"damaged_from": offset})


async def _place(targets: Targets, fault: Fault) -> int:
    """Turn the drawn distance into a physical offset in the log's last file.

    A slave that has just lost all it had is given some time to hold something again.
    """
    (name,) = fault.targets
    for _ in range(GROWN_MS_MAX // LOOK_AGAIN_MS):
        end = (await targets.nodes[name].ends()).end or 0
        files = [begin for begin, _ in log_files(_store(targets, name)) if begin < end]
        if files:
            return max(files[-1], end - 1 - fault.option("back", int))
        await asyncio.sleep(LOOK_AGAIN_MS / 1000)
    raise NothingToHitError(f"{name}: expected a log to damage, found none in {GROWN_MS_MAX} ms")


async def _end(targets: Targets, fault: Fault) -> None:
    (name,) = fault.targets
    node = targets.nodes[name]
    if fault.option("unclean", bool) and not node.volatile:
        await node.kill()
    else:
        await node.stop()
    if node.pid() is not None:
        raise TargetError(f"{name}: expected it down before its files are touched")


def _store(targets: Targets, name: str) -> Store:
    store = targets.stores.get(name)
    if store is None:
        raise TargetError(f"{name}: expected a node whose files can be reached, found none")
    return store


def _kind(name: str, inject: Act, fault_class: FaultClass, does: str, proven: str) -> Kind:
    cured = "started again, until it serves"
    return Kind(name, inject, start_all, fault_class, does, cured, proven, stills=True)


LOST = _kind("disk-lost", _lose, FaultClass.DISK, "empties a store", "no file is left")
SET_BACK = _kind(
    "set-back", _set_back, FaultClass.DISK, "puts an old copy of a store back", "files copied back"
)
FLIP = _kind("bit-flip", _flip, FaultClass.DAMAGE, "flips a bit of a log", "byte read back")
TRUNCATE = _kind("truncate", _truncate, FaultClass.DAMAGE, "cuts a log short", "size read back")
KINDS = (LOST, SET_BACK, FLIP, TRUNCATE)


def _draw(kind: Kind, name: str, node: str) -> Draw:
    def draw(rng: Random, _topology: Topology) -> Fault:
        options: dict[str, OptionValue] = {"unclean": rng.random() < 1 / 2}
        if kind is SET_BACK:
            options["age_ms"] = rng.randint(300, 2000)
        if kind in (FLIP, TRUNCATE):
            options["back"] = rng.randrange(BACK_MAX)
        if kind is FLIP:
            options["bit"] = rng.randrange(8)
        return Fault(name, kind.name, (node,), options, node == "master")

    return draw


def _package(kind: Kind, name: str, node: str, colour: str, does: str) -> Package:
    tempo = Tempo(hold_ms=(300, 1500), gap_ms=(1000, 3000))
    draw = _draw(kind, name, node)
    needs = ("stores", "short-files") if kind is TRUNCATE else ("stores",)
    return Package.of(kind, draw, name, colour, does, tempo=tempo, needs=needs)


PACKAGES = tuple(
    _package(kind, f"{kind.name}-{node}", node, colour, f"{does} the {node}'s {what}, while down")
    for node in ("master", "slave")
    for kind, colour, does, what in (
        (LOST, PURPLE, "loses", "whole disk"),
        (SET_BACK, PURPLE, "sets back", "disk to a copy of 300 to 2000 ms before"),
        (FLIP, GREY, "flips a bit near the end of", "log"),
        (TRUNCATE, GREY, "cuts up to 4 KB off", "log"),
    )
)
