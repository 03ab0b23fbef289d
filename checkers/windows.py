"""A window is a fault's life: four nemesis ops, before and after the injection and the cure.

    inject  before   at the earliest the fault bites now
            after    it has bitten, if ``bit``; here is the proof
    cure    before   it may end from now on
            after    it has ended, if ``bit``

A fault whose cure is not in the history lasts to its end. A restart storm kills again and again
while it is on, so what a fault destroys it may destroy at any moment of its window.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checkers.contract import DESTRUCTIVE, NO_CONTRACT, Contract, FaultClass
from checkers.messages import NEVER
from histories.history import NONE, History
from histories.op import FaultRecord, Op

__all__ = [
    "CRASHES",
    "Window",
    "ages",
    "damaged_row",
    "epochs",
    "holds_down",
    "last_cure_row",
    "merged",
    "met",
    "row_spans",
    "touches_replication",
    "windows_of",
]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

CRASHES = (FaultClass.PROCESS, FaultClass.POWER, FaultClass.DISK, FaultClass.DAMAGE)
"""Faults of these classes end a node's process, and with it what it knew of its readers."""

CLIENT_LINKS = ("client->", "foreign->")
AGEING = ("disk-full", "clock")
"""Faults so named may make a node delete old files."""

STILLING = ("kill", "stop", "pause", "power", "restart")
"""A fault so named keeps its node from answering, from its proof on until it is cured."""


@dataclass(frozen=True, slots=True)
class Window:
    """One fault; rows and times are NEVER where the history does not have them."""

    id: int
    name: str
    fault_class: FaultClass
    targets: tuple[str, ...]
    options: Mapping[str, Any]
    stops_writes: bool
    bit: bool | None
    cure_bit: bool | None
    proof: str
    ends: Mapping[str, Any]
    inject_row: int
    bitten_row: int
    cure_row: int
    cured_row: int
    inject_ns: int
    bitten_ns: int
    cure_ns: int
    cured_ns: int

    @property
    def destructive(self) -> bool:
        """Whether it may take acknowledged records from a node."""
        return self.fault_class in DESTRUCTIVE

    @property
    def resync(self) -> bool:
        """Whether it is the operator's command that ends a divergence, and no fault."""
        return "resync" in self.name

    @property
    def voids_contract(self) -> bool:
        """Whether nothing is promised once it was about."""
        return self.name in NO_CONTRACT or self.options.get("contract") is False

    def destroys(self, node: str) -> bool:
        """Whether it may take acknowledged records from this node."""
        return self.destructive and node in self.targets

    def sets_back(self, contract: Contract) -> bool:
        """Whether the master's log may be shorter, or another, after it."""
        if not self.destroys(contract.master):
            return False
        # Under SYNC_FLUSH only fsynced records are readable and shipped, so a power cut of the
        # master takes nothing that anybody has seen.
        return self.fault_class is not FaultClass.POWER or not contract.sync_flush


def windows_of(history: History, time: Ints) -> tuple[Window, ...]:
    """Put the nemesis ops together, fault by fault, in the order of injection."""
    parts: dict[int, dict[str, list[tuple[int, Op]]]] = {}
    rows = np.flatnonzero(history.process < NONE)
    for row in rows.tolist():
        op = history.op(row)
        if op.fault is not None:
            phases = parts.setdefault(op.fault.id, {"inject": [], "cure": []})
            phases.setdefault(op.fault.phase, []).append((row, op))
    windows = [_window(part["inject"], part["cure"], time) for part in parts.values()]
    return tuple(sorted(windows, key=lambda window: window.inject_row))


def last_cure_row(windows: Sequence[Window]) -> int:
    """Give the row of the last thing the nemesis did, the operator's command apart; else NONE."""
    rows = [
        row
        for window in windows
        if not window.resync
        for row in (window.inject_row, window.bitten_row, window.cure_row, window.cured_row)
        if row != NEVER
    ]
    return max(rows, default=NONE)


def holds_down(window: Window, node: str) -> bool:
    """Whether the node cannot answer while the fault is on."""
    if node not in window.targets or window.bit is not True:
        return False
    stills = window.options.get("down", window.name.split("-")[0] in STILLING)
    return bool(stills) and window.fault_class in (FaultClass.PROCESS, FaultClass.POWER)


def ages(window: Window, node: str) -> bool:
    """Whether a node may delete old files for it: its disk looks full, or its clock is ahead."""
    return node in window.targets and window.name.startswith(AGEING)


def touches_replication(window: Window) -> bool:
    """Whether the slave may fall behind while the fault is on: any but one of client links."""
    return not window.targets or not all(
        target.startswith(CLIENT_LINKS) for target in window.targets
    )


def damaged_row(windows: Sequence[Window], node: str, contract: Contract) -> int:
    """Give the row from which bits of a node may be bad, NEVER if it was not damaged.

    A slave copies its master's bits; which queue a bad record is in, each node may see otherwise.
    """
    sources = {node, contract.master} if node == contract.slave else {node}
    rows = [
        window.inject_row
        for window in windows
        if window.fault_class is FaultClass.DAMAGE and not sources.isdisjoint(window.targets)
    ]
    return min(rows, default=NEVER)


def epochs(breaks: Sequence[Window], begin_row: Ints, end_row: Ints) -> Ints:
    """Give numbers to the stretches between breaks; NONE for what was under way during a break.

    Two ops of one epoch have no break between them.
    """
    spans = row_spans(breaks)
    epoch = np.searchsorted(spans[1], begin_row)  # breaks over before it began
    following = spans[0][epoch]
    # A send in doubt ends NEVER, and so does the break that does not come.
    return np.where((following <= end_row) & (following != NEVER), NONE, epoch)


def met(windows: Sequence[Window], begin_row: Ints, end_row: Ints) -> Bools:
    """Tell which stretches of the history some fault was on in."""
    spans = row_spans(windows)
    first = np.searchsorted(spans[1], begin_row, side="right")
    meets: Bools = spans[0][first] < end_row
    return meets


def row_spans(windows: Sequence[Window]) -> tuple[Ints, Ints]:
    """Give the rows in which some fault was on, as ascending begins and ends; a last one is NEVER.

    The end that never comes makes every search end at a place that is there.
    """
    spans = merged([(window.inject_row, window.cured_row) for window in windows])
    begins, ends = ([span[side] for span in spans] for side in (0, 1))
    return np.array([*begins, NEVER], np.int64), np.array([*ends, NEVER], np.int64)


def merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join spans that touch, ascending.

    >>> merged([(5, 7), (0, 2), (1, 3)])
    [(0, 3), (5, 7)]
    """
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _window(injected: list[tuple[int, Op]], cured: list[tuple[int, Op]], time: Ints) -> Window:
    first = _record((injected or cured)[0])
    before, after = (*injected[:1], None)[0], (*injected[1:2], None)[0]
    # A cure that came to nothing is tried again: the last try is the one that ended the fault.
    cure, healed = (*cured[:1], None)[0], (None, *cured[1:])[-1]
    said = _record(injected[-1] if injected else cured[-1])
    return Window(
        id=first.id,
        name=first.name,
        fault_class=FaultClass(said.fault_class),
        targets=tuple(said.targets),
        options=said.options,
        stops_writes=said.stops_writes,
        # A hand-written history may say in a single op that the fault was injected and bit.
        bit=said.bit,
        cure_bit=_record(cured[-1]).bit if cured else None,
        proof=said.proof,
        ends=first.ends,
        **_place("inject", before or cure, time),
        **_place("bitten", after or (before if said.bit else None), time),
        **_place("cure", cure, time),
        **_place("cured", healed or cure, time),
    )


def _record(entry: tuple[int, Op]) -> FaultRecord:
    record = entry[1].fault
    assert record is not None, "only ops with a fault are kept"
    return record


def _place(name: str, entry: tuple[int, Op] | None, time: Ints) -> dict[str, int]:
    row = NEVER if entry is None else entry[0]
    return {f"{name}_row": row, f"{name}_ns": NEVER if entry is None else int(time[row])}
