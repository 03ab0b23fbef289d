"""What a finding is about, cut out of a history: one queue, a few messages, shorter drains.

Whole ops can be dropped one by one (``minimal``), but a drain is one op and lists a whole queue. So
of the finding's queue only the offsets from the first to the last that the finding names are kept,
in every drain, whose bounds move with them: no hole comes about, and what is absent stays so. Of
lists without offsets the values that the finding names are kept. Sends of other messages, other
queues, and pulls that prove nothing are left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from checkers.verdict import Finding
from histories.history import History
from histories.messages import queue_of
from histories.op import NEMESIS, Op

__all__ = ["cut_around"]

PUTTING = ("send", "enqueue", "add", "publish")
LISTING = ("drain", "read", "fetch")
_SET = "#{}"


@dataclass(slots=True)
class _Subject:
    """What a finding is about."""

    queue: str | None
    values: set[str] = field(default_factory=set)
    offsets: list[int] = field(default_factory=list)

    def keeps(self, offset: int | None, value: str) -> bool:
        """Whether a message of a list is kept."""
        if offset is None or not self.offsets:
            return value in self.values
        return min(self.offsets) <= offset <= max(self.offsets)

    def bounds(self, op: Op) -> dict[str, int]:
        """Move the bounds of a drain into what is kept, and never beyond what they were."""
        if op.min_offset is None or op.max_offset is None or not self.offsets:
            return {}
        least = min(max(op.min_offset, min(self.offsets)), op.max_offset)
        return {
            "min_offset": least,
            "max_offset": max(least, min(op.max_offset, max(self.offsets) + 1)),
        }


def cut_around(history: History, finding: Finding, proof: Sequence[int]) -> History | None:
    """Give the part of a history that a finding is about; None if it names no message."""
    subject = _subject(history, finding, proof)
    if not subject.values and not subject.offsets:
        return None
    if not any(history.op(row).f in PUTTING for row in proof):
        subject.values |= _witness(history)
    proven = set(proof)
    ops = [_cut(op, subject, row in proven) for row, op in enumerate(history.ops())]
    listed = {value for op in ops if op is not None for value in _listed(op)}
    kept = subject.values | listed
    gone = [
        row
        for row, op in enumerate(ops)
        if op is None or (op.f in PUTTING and row not in proven and _spelled(op.value) not in kept)
    ]
    gone_too = {*gone, *history.pair[gone].tolist()}
    return History.from_ops(op for row, op in enumerate(ops) if op and row not in gone_too)


def _subject(history: History, finding: Finding, proof: Sequence[int]) -> _Subject:
    data = finding.data
    subject = _Subject(data.get("queue") or data.get("key"))
    named = [data.get("value"), *data.get("values", ()), *data.get("skipped", ())]
    subject.values |= {str(value) for value in named if value is not None}
    places = [data.get(name) for name in ("offset", "from", "to")] + list(data.get("offsets", ()))
    subject.offsets += [place for place in places if isinstance(place, int)]
    for row in proof:
        op = history.op(row)
        if op.f in PUTTING:
            subject.values.add(_spelled(op.value))
        elif op.f == "pull":
            subject.values |= set(_listed(op))
            subject.offsets += [entry[0] for entry in _entries(op) if entry[0] is not None]
        if op.f in (*PUTTING, "pull") and op.queue_offset is not None:
            subject.offsets.append(op.queue_offset)
    return subject


def _witness(history: History) -> set[str]:
    """Give a value that was put in and came out: by what was put a workload is known."""
    put = np.isin(history.f, [history.f_code(f) for f in PUTTING])
    rows = np.flatnonzero(put & np.isin(history.value, history.deliveries.value))
    return {_spelled(history.op(int(row)).value) for row in rows[:1]}


def _cut(op: Op, subject: _Subject, proven: bool) -> Op | None:  # noqa: FBT001 - one place calls it
    """Give what is left of an op, None if nothing."""
    if op.process == NEMESIS:
        return op
    if subject.queue is not None and queue_of(op) not in (None, subject.queue):
        return op if proven else None
    if op.f == "pull":
        return op if proven else None
    if op.f not in LISTING or op.type == "invoke" or op.value is None:
        return op
    value = op.value
    if isinstance(value, dict) and isinstance(value.get(_SET), list):
        return msgspec.structs.replace(op, value={_SET: _kept(value[_SET], subject)})
    if not isinstance(value, list):
        return op
    if op.topic is None:
        return msgspec.structs.replace(op, value=_kept(value, subject))
    entries = [entry for entry in _entries(op) if subject.keeps(entry[0], str(entry[1]))]
    if not entries and op.certified is False:
        return None  # a part of a long queue that has nothing to do with it
    return msgspec.structs.replace(op, value=entries, **subject.bounds(op))


def _kept(values: Sequence[Any], subject: _Subject) -> list[Any]:
    return [value for value in values if subject.keeps(None, _spelled(value))]


def _listed(op: Op) -> Iterator[str]:
    if op.f in LISTING or op.f == "pull":
        if op.topic is not None or op.f == "pull":
            yield from (_spelled(entry[1]) for entry in _entries(op))
        elif isinstance(op.value, list):
            yield from (_spelled(value) for value in op.value)


def _entries(op: Op) -> list[list[Any]]:
    if not isinstance(op.value, list):
        return []
    return [entry for entry in op.value if isinstance(entry, list) and len(entry) >= 2]


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
