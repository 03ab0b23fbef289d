"""A verdict is valid, invalid or unknown, and never less certain than its parts allow.

    INVALID   a promise is broken, and here is the proof
    UNKNOWN   nothing broken was seen, but not enough was seen to say that nothing is
    VALID     everything was seen, and every promise held

Composing takes the worst: invalid before unknown before valid, so that a checker that crashed
or saw too little never hides another's finding (Jepsen lets unknown hide invalid in its exit
code; we do not).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

__all__ = ["Anomaly", "Finding", "Validity", "Verdict"]


class Validity(IntEnum):
    """How a judgement ended; the larger, the worse. ``exit_code`` is the process's."""

    VALID = 0
    UNKNOWN = 1
    INVALID = 2

    @property
    def exit_code(self) -> int:
        """Jepsen's: 0 valid, 1 invalid, 2 unknown."""
        return {Validity.VALID: 0, Validity.INVALID: 1, Validity.UNKNOWN: 2}[self]

    @property
    def word(self) -> str:
        """The spelling in reports and JSON."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """One instance of an anomaly, with the few ops that prove it."""

    text: str  # one sentence for people
    ops: tuple[int, ...] = ()  # history indices of the ops that prove it, in order
    data: Mapping[str, Any] = field(default_factory=dict)  # the same for machines


@dataclass(frozen=True, slots=True)
class Anomaly:
    """All instances of one kind; the first few in full, the rest counted."""

    name: str  # by the table of part C, e.g. lost
    count: int
    validity: Validity  # VALID for what is only counted, such as redelivered
    promise: str = ""  # P1 to P12, where the contract has one
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one checker, or a whole suite, has to say of a history."""

    validity: Validity
    anomalies: Mapping[str, Anomaly] = field(default_factory=dict)
    counts: Mapping[str, Any] = field(default_factory=dict)
    why: tuple[str, ...] = ()  # reasons, needed when unknown
