"""An operation as the linearizability checks see it: an interval, a function, in and out.

The interval is counted in rows of the history, not in nanoseconds: rows are the order in which
the recorder saw the events, all different, and that is all the definition needs. An operation
that failed did not happen and is left out; one that is info, or never completed, has no end: it
may take effect at any time after its invocation, or never (``end`` is None).
"""

from dataclasses import dataclass, replace
from typing import Any

from histories.history import NEMESIS_PROCESS, NONE, History
from histories.op import Op, OpType

__all__ = ["Operation", "operations"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of one function on the object under test."""

    begin: int  # row of the invocation
    end: int | None  # row of the ok completion; None: pending for ever
    f: str
    input: Any = None
    output: Any = None
    key: Any = None  # which object, for partitioning

    def __str__(self) -> str:
        words = [self.f, *(str(word) for word in (self.input, self.output) if word is not None)]
        return f"{' '.join(words)} [{self.begin}, {'' if self.end is None else self.end}]"


def operations(history: History) -> list[Operation]:
    """List the client operations of a history that happened, or may have.

    A drain is as many dequeues as it returned messages. If the values of all calls are
    ``[key, value]``, they are Jepsen's independent keys, and are taken apart.
    """
    found: list[Operation] = []
    keyed = True
    for begin in history.rows(type=OpType.INVOKE).tolist():
        if history.process[begin] == NEMESIS_PROCESS:
            continue
        other = int(history.pair[begin])
        kind = OpType.INFO if other == NONE else OpType(int(history.type[other]))
        if kind == OpType.FAIL:
            continue
        invoked = history.op(begin)
        completed = history.op(other) if kind == OpType.OK else None
        keyed = keyed and all(_has_key(op) for op in (invoked, completed) if op is not None)
        found += _of(begin, other if completed else None, invoked, completed)
    return [_taken_apart(operation) for operation in found] if keyed else found


def _has_key(op: Op) -> bool:
    """Tell whether an op on a register is of a key; a bare cas has a pair of values too."""
    if op.f not in ("read", "write", "cas") or not isinstance(op.value, list):
        return False
    nested = op.f != "cas" or (len(op.value) == 2 and isinstance(op.value[1], list))
    return len(op.value) == 2 and nested


def _taken_apart(operation: Operation) -> Operation:
    key, given = operation.input if operation.input is not None else operation.output
    got = operation.output[1] if isinstance(operation.output, list) else operation.output
    if operation.f == "read":
        return replace(operation, key=key, input=None, output=got)
    given = tuple(given) if operation.f == "cas" else given
    return replace(operation, key=key, input=given, output=got)


def _of(begin: int, end: int | None, invoked: Op, completed: Op | None) -> list[Operation]:
    output = completed.value if completed else None
    match invoked.f:
        case "drain" if isinstance(output, list) and invoked.queue is None:
            return [Operation(begin, end, "dequeue", None, value) for value in output]
        case "drain":
            return []  # of unknown length: it took nothing that it can be held to
        case "read" if isinstance(invoked.value, list):
            return [Operation(begin, end, "read", invoked.value, output)]  # of a key
        case "dequeue" | "read" | "acquire" | "release":
            return [Operation(begin, end, invoked.f, None, output)]
        case "cas":
            return [Operation(begin, end, "cas", tuple(invoked.value))]
        case _:
            return [Operation(begin, end, invoked.f, invoked.value, output)]
