"""The general check: look for one order of all operations that the model accepts.

Wing and Gong's search with Lowe's memory. An operation may be next if no other one that is not
yet placed ended before it began. Try each, step the model, go on; where nothing fits, go back.
A configuration (which operations are placed, and the state) that led nowhere leads nowhere
again, so each is visited once. What must end first is tried first, and an order that the model
knows to be wrong (``Model.forced``) is not tried at all: most histories then need no going back.

Objects with keys are checked key by key (Horn and Kroening 2015: linearizability is local). The
work is exponential in the number of concurrent operations; ``visits_max`` bounds it, and a search
that reaches the bound is ``UNKNOWN``, never valid.

Placed operations are a bit set in a Python int, in order of their beginnings: as most low bits
are soon all ones, they are cut off and counted (``base``), so that a long history stays cheap.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from checkers.linearizable.models import Model
from checkers.linearizable.operations import Operation
from checkers.verdict import Validity

__all__ = ["VISITS_MAX", "Linearization", "linearizable"]

VISITS_MAX = 1_000_000
FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Linearization:
    """How the search ended."""

    validity: Validity
    visits: int  # configurations looked at
    order: tuple[Operation, ...] = ()  # a linearization if valid; else the longest prefix found
    stuck: tuple[Operation, ...] = ()  # if invalid: of these one must come next, and none can
    key: Any = None


def linearizable(
    operations: Iterable[Operation], model: Model, visits_max: int = VISITS_MAX
) -> Linearization:
    """Check operations against a model, each key on its own; the worst of them is the answer."""
    by_key: dict[Any, list[Operation]] = {}
    for operation in operations:
        by_key.setdefault(operation.key, []).append(operation)

    worst = Linearization(Validity.VALID, 0)
    for key, own in by_key.items():
        found = _search(sorted(own, key=lambda one: one.begin), model, visits_max, key)
        if found.validity > worst.validity or len(by_key) == 1:
            worst = found
        if worst.validity is Validity.INVALID:
            break
    return worst


def _search(
    operations: Sequence[Operation], model: Model, visits_max: int, key: Any
) -> Linearization:
    must = sum(operation.end is not None for operation in operations)
    # A stack of choices: configurations still to try, each with the path that led to it.
    start = (0, 0, model.initial)
    seen = {start}
    stack: list[tuple[int, int, Any, int, tuple[Any, ...]]] = [(0, 0, model.initial, 0, ())]
    longest: tuple[Any, ...] = ()
    longest_done, longest_at = -1, (0, 0)
    forced = model.forced(operations) if model.forced else None

    while stack:
        base, placed, state, done, path = stack.pop()
        if done == must:
            return Linearization(Validity.VALID, len(seen), _unwound(path), key=key)
        if done > longest_done:
            longest, longest_done, longest_at = path, done, (base, placed)
        for number in reversed(_candidates(operations, base, placed)):
            operation = operations[number]
            if forced and not all(_is_placed(base, placed, other) for other in forced[number]):
                continue
            for after in model.step(state, operation):
                then = _placed(base, placed, number)
                configuration = (*then, after)
                if configuration in seen:
                    continue
                if len(seen) >= visits_max:
                    return Linearization(Validity.UNKNOWN, len(seen), _unwound(longest), key=key)
                seen.add(configuration)
                finished = done + (operation.end is not None)
                stack.append((*then, after, finished, (path, operation)))

    stuck = tuple(operations[number] for number in _candidates(operations, *longest_at))
    return Linearization(Validity.INVALID, len(seen), _unwound(longest), stuck, key)


def _candidates(operations: Sequence[Operation], base: int, placed: int) -> list[int]:
    """Give the operations that may come next, those that end first first.

    An operation may come next if it began before any open one has ended.
    """
    first_end = FOREVER
    found = []
    for number in range(base, len(operations)):
        operation = operations[number]
        if operation.begin > first_end:
            break  # it, and all that begin later
        if not placed >> (number - base) & 1:
            end = FOREVER if operation.end is None else operation.end
            found.append((end, number))
            first_end = min(first_end, end)
    return [number for _, number in sorted(found) if operations[number].begin < first_end]


def _is_placed(base: int, placed: int, number: int) -> bool:
    return number < base or bool(placed >> (number - base) & 1)


def _placed(base: int, placed: int, number: int) -> tuple[int, int]:
    """Mark an operation as placed, and cut off the low bits that are all ones."""
    placed |= 1 << (number - base)
    ones = (placed ^ (placed + 1)).bit_length() - 1
    return base + ones, placed >> ones


def _unwound(path: tuple[Any, ...]) -> tuple[Operation, ...]:
    """Turn the linked path of a search into the order of its operations."""
    order = []
    while path:
        path, operation = path
        order.append(operation)
    return tuple(reversed(order))
