"""What the nodes said of their own logs, as far as it may be believed.

Fault ops carry the ends that were read as they began, probes carry them on purpose, and a strong
ack of a SYNC_MASTER says that the slave has the log up to that record. All of it counts only
until the first fault that may take anything from a node: a log that was set back and has grown
again reaches the same offsets with other bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.contract import SEND_OK
from checkers.messages import NEVER
from histories.history import NONE
from histories.op import OpType

__all__ = ["Figure", "Figures", "figures_of"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """How far a log had got at the latest, as a staircase: ``offset`` from ``time`` on."""

    time: Ints  # ascending
    offset: Ints  # ascending

    def reached(self, offsets: Ints) -> Ints:
        """Give when the log had certainly reached each offset, NEVER if it is not known to."""
        place = np.searchsorted(self.offset, offsets, side="left")
        return np.append(self.time, NEVER)[place]


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """The three that can narrow a loss."""

    master_flushed: Figure
    slave_end: Figure
    slave_flushed: Figure
    until_ns: int  # records acknowledged later are of another lineage


def figures_of(case: Case) -> Figures:
    """Collect the figures of a history."""
    contract = case.contract
    until = min((window.inject_row for window in case.windows if window.destructive), default=NEVER)
    said: dict[str, list[tuple[int, int]]] = {"flushed": [], "slave_end": [], "slave_flushed": []}
    for row, node, ends in _readings(case):
        if row >= until:
            continue
        at = int(case.time[row])
        if node == contract.master:
            _add(said["flushed"], at, ends.get("flushed"))
            _add(said["slave_end"], at, ends.get("slave_end"))
        elif node == contract.slave:
            _add(said["slave_end"], at, ends.get("end"))
            _add(said["slave_flushed"], at, ends.get("flushed"))
    slave_end = _staircase(said["slave_end"])
    if contract.sync_master:
        slave_end = _joined(slave_end, _strong_acks(case, until))
    return Figures(
        master_flushed=_staircase(said["flushed"]),
        slave_end=slave_end,
        slave_flushed=_staircase(said["slave_flushed"]),
        until_ns=NEVER if until == NEVER else int(case.time[until]),
    )


def _readings(case: Case) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Give every reading of a node's figures: row, node, figures."""
    history = case.history
    for window in case.windows:
        # The reading was made no later than the op was written.
        if window.inject_row != NEVER:
            for node, ends in window.ends.items():
                if isinstance(ends, dict):
                    yield window.inject_row, str(node), ends
    for row in history.rows("probe", OpType.OK).tolist():
        op = history.op(row)
        if op.node is not None and isinstance(op.value, dict):
            yield row, op.node, op.value


def _strong_acks(case: Case, until_row: int) -> Figure:
    messages, history = case.messages, case.history
    strong = (
        messages.ok
        & (messages.status == history.status_code(SEND_OK))
        & (messages.physical_offset != NONE)
        & (messages.end_row < until_row)
    )
    order = np.argsort(messages.end_ns[strong], kind="stable")
    offset = messages.physical_offset[strong][order]
    return Figure(messages.end_ns[strong][order], np.maximum.accumulate(offset))


def _add(readings: list[tuple[int, int]], at: int, offset: object) -> None:
    if isinstance(offset, int) and offset >= 0:
        readings.append((at, offset))


def _staircase(readings: list[tuple[int, int]]) -> Figure:
    pairs = np.array(sorted(readings), np.int64).reshape(-1, 2)
    return Figure(pairs[:, 0], np.maximum.accumulate(pairs[:, 1]))


def _joined(one: Figure, other: Figure) -> Figure:
    time = np.concatenate([one.time, other.time])
    order = np.argsort(time, kind="stable")
    offset = np.concatenate([one.offset, other.offset])[order]
    return Figure(time[order], np.maximum.accumulate(offset))
