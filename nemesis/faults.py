"""A fault is a value: what is done to whom, with what options; its kind knows how and how undone.

    Fault   frozen data, as it stands in schedule.json, in the journal and in the history
    Kind    how faults of one sort are injected, cured and proven, and what they may destroy
    Proof   what was read back after an injection or a cure, and whether it had taken effect
    Step    a fault with its time

A cure takes nothing but the fault and the targets, so that another process can undo what a
killed suite left behind; and it is idempotent, so that curing twice is curing once.

The class says what a fault may destroy (spec/guarantees.md), and follows from what is done and
to which node, never from the name: a SIGKILL takes nothing from a node on a real disk, and all
that was not fsynced from one on a volatile disk.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias, TypeVar

from nemesis.targets import Targets

__all__ = ["Act", "Fault", "FaultClass", "Kind", "OptionValue", "Proof", "Step", "class_of"]

OptionValue: TypeAlias = bool | int | str | list[str] | dict[str, str]
"""What JSON and a person can read."""

ValueT = TypeVar("ValueT", bool, int, str)


class FaultClass(StrEnum):
    """What a fault may destroy."""

    PROCESS = "process"  # the process's memory; the page cache survives
    POWER = "power"  # what was not fsynced, too
    DISK = "disk"  # the store is gone or set back
    DAMAGE = "damage"  # from the first bad record on
    LINK = "link"  # nothing: bytes under way
    OTHER = "other"  # nothing


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, before, while and after it is on."""

    name: str  # by which people know it: kill-master
    kind: str  # the key of its Kind in the catalogue: kill
    targets: tuple[str, ...]  # node names, or link names such as client->master
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    stops_writes: bool = False  # no send can succeed while it is on
    holds: tuple[str, ...] = ()  # what no other fault may touch meanwhile, if not the targets

    @property
    def occupies(self) -> tuple[str, ...]:
        """What no other fault may touch while this one is on, sorted."""
        return tuple(sorted(self.holds or self.targets))

    def meets(self, other: "Fault") -> bool:
        """Whether the two cannot be on at the same time."""
        return any(thing in other.occupies for thing in self.occupies)

    def option(self, name: str, sort: type[ValueT]) -> ValueT:
        """Return an option of a known sort; ``ValueError`` says what was found instead."""
        value = self.options.get(name)
        if not isinstance(value, sort) or (sort is int and isinstance(value, bool)):
            expected = f"option {name!r} of {sort.__name__}"
            raise ValueError(f"fault {self.name!r}: expected {expected}, found {value!r}")
        return value


@dataclass(frozen=True, slots=True)
class Proof:
    """What was read back, and whether it shows the effect."""

    bit: bool
    text: str  # for people
    learned: Mapping[str, OptionValue] = field(default_factory=dict)  # more options, found out


@dataclass(frozen=True, slots=True)
class Step:
    """A fault and its time, in ms since the faults began, or since another step was injected."""

    at_ms: int
    until_ms: int
    fault: Fault
    after: int = 0  # the number of the step from whose injection on the time counts
    when: str = ""  # a condition that is awaited from at_ms on; see nemesis.conditions
    patience_ms: int = 0  # for so long; then it begins all the same. 0 waits for ever
    alone: bool = False  # no earlier fault is still on, and no later one begins, while it is on
    promised: bool = True  # somebody asked for it: without it the run proves less than it should

    @property
    def timed(self) -> bool:
        """Whether its time is known beforehand."""
        return not self.after and not self.when


Act: TypeAlias = Callable[[Targets, Fault], Awaitable[Proof]]


@dataclass(frozen=True, slots=True)
class Kind:
    """How faults of one sort are carried out. The three sentences are for people."""

    name: str
    inject: Act
    cure: Act
    fault_class: FaultClass
    does: str
    cured: str
    proven: str
    kills: bool = False  # the process ends without a farewell
    stills: bool = False  # its nodes answer nobody while it is on


def class_of(kind: Kind, *, volatile: bool) -> FaultClass:
    """Say what a fault of this kind may destroy on nodes whose disk is volatile, or is not."""
    if kind.kills and volatile and kind.fault_class is FaultClass.PROCESS:
        return FaultClass.POWER
    return kind.fault_class
