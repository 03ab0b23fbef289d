"""A model is a sequential object as data: an initial state and a pure step.

``step(state, operation)`` gives the states in which the object may be afterwards: none if it
could not have answered so, several if the answer is unknown and it had a choice. A pending
operation's answer is unknown. States are hashable, so that the search can remember them. A model
may also know orders that every linearization keeps (``forced``): a search need not try others.

    register         write x; read -> x                      nil until the first write
    cas-register     also cas (old, new)
    mutex            acquire; release
    fifo-queue       enqueue x; dequeue -> x, or nil when empty
    unordered-queue  the same, in any order
    log              append x -> offset; read offset -> x, or nil beyond the end
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from checkers.linearizable.forced import forced_in_fifo
from checkers.linearizable.operations import Operation

__all__ = ["MODELS", "Forced", "Model"]

Forced: TypeAlias = Callable[[Sequence[Operation]], Sequence[Sequence[int]]]
States: TypeAlias = tuple[Hashable, ...]
ILLEGAL: States = ()


@dataclass(frozen=True, slots=True)
class Model:
    """A sequential specification."""

    name: str
    initial: Hashable
    step: Callable[[Any, Operation], States]
    forced: Forced | None = None
    """For each of some operations the places of others that come before it, whatever the order."""


def _register(state: Any, operation: Operation) -> States:
    if operation.f == "write":
        return (operation.input,)
    return _answering(operation, state, state)


def _cas_register(state: Any, operation: Operation) -> States:
    if operation.f != "cas":
        return _register(state, operation)
    old, new = operation.input
    if state == old:
        return (new,)
    return ILLEGAL if operation.end is not None else (state,)  # pending: it may have refused


def _mutex(state: Any, operation: Operation) -> States:
    wanted = operation.f == "acquire"
    return (wanted,) if state is not wanted else ILLEGAL


def _fifo_queue(state: Any, operation: Operation) -> States:
    if operation.f == "enqueue":
        return ((*state, operation.input),)
    return _answering(operation, state[0] if state else None, state[1:])


def _unordered_queue(state: Any, operation: Operation) -> States:
    if operation.f == "enqueue":
        return (state | {operation.input},)
    if operation.end is None:
        return tuple(state - {value} for value in sorted(state, key=repr)) or (state,)
    if operation.output is None:
        return ILLEGAL if state else (state,)
    return (state - {operation.output},) if operation.output in state else ILLEGAL


def _log(state: Any, operation: Operation) -> States:
    if operation.f == "append":
        return _answering(operation, len(state), (*state, operation.input))
    at = operation.input
    return _answering(operation, state[at] if at < len(state) else None, state)


def _answering(operation: Operation, answer: Any, then: Hashable) -> States:
    """Allow the step if the object's answer is the one seen; a pending operation saw none."""
    return (then,) if operation.end is None or operation.output == answer else ILLEGAL


MODELS: Mapping[str, Model] = MappingProxyType(
    {
        model.name: model
        for model in (
            Model("register", None, _register),
            Model("cas-register", None, _cas_register),
            Model("mutex", initial=False, step=_mutex),
            Model("fifo-queue", (), _fifo_queue, forced_in_fifo),
            Model("unordered-queue", frozenset(), _unordered_queue),
            Model("log", (), _log),
        )
    }
)
