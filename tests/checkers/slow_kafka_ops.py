"""Completed Kafka ops with the messages that they sent and polled, in the order of the history.

Keys and values are text here: a value is unique per key, and any JSON may be one.
"""

from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from histories.history import NONE, History
from histories.op import Op, OpType

FUNCTIONS = ("send", "poll", "txn", "assign", "subscribe")


class Message(NamedTuple):
    """One message sent or polled."""

    key: str
    offset: int | None
    value: str


@dataclass(frozen=True, slots=True)
class KafkaOp:
    """One completion; ``assigned`` holds the keys of an assign or subscribe, else None."""

    index: int
    process: int | str
    type: str
    sends: list[Message]
    polls: list[Message]
    rebalanced: tuple[str, ...] = ()
    assigned: tuple[str, ...] | None = None


def ops_of(history: History) -> list[KafkaOp]:
    """Give every completion that touches the log or a consumer's assignment."""
    codes = [history.f_code(f) for f in FUNCTIONS]
    completed = np.isin(history.f, codes) & (history.type != OpType.INVOKE)
    sends, polls = _by_row(history, history.sends), _by_row(history, history.deliveries)
    ops = []
    for row in np.flatnonzero(completed).tolist():
        op = history.op(row)
        assigned = op.f in ("assign", "subscribe")
        if assigned and op.type == "fail":
            continue
        ops.append(
            KafkaOp(
                index=op.index,
                process=op.process,
                type=op.type,
                sends=sends.get(row, []),
                polls=polls.get(row, []),
                rebalanced=_rebalanced(op),
                assigned=_keys(op.value) if assigned else None,
            )
        )
    return ops


def _by_row(history: History, table: Any) -> dict[int, list[Message]]:
    rows = zip(
        table.row.tolist(),
        table.queue.tolist(),
        table.offset.tolist(),
        table.value.tolist(),
        strict=True,
    )
    return {
        row: [
            Message(
                history.queues[queue] if queue != NONE else "",
                None if offset == NONE else offset,
                history.values.text(value),
            )
            for _, queue, offset, value in entries
        ]
        for row, entries in groupby(rows, key=lambda entry: entry[0])
    }


def _rebalanced(op: Op) -> tuple[str, ...]:
    log = op.extra.get("rebalance-log")
    if not isinstance(log, list):
        return ()
    return tuple(
        key for entry in log if isinstance(entry, dict) for key in _keys(entry.get("keys"))
    )


def _keys(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(str(key).removeprefix("'").removeprefix(":") for key in value)
