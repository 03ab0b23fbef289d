"""A fault window is the time between the end of an injection and the end of its cure.

Both ends are read from the nemesis ops of the history, paired by fault id. A fault that was
never cured stays on to the end of the history, and its window says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from histories.op import Op

__all__ = ["Window", "windows"]


@dataclass(frozen=True, slots=True)
class Window:
    """One fault's time on, in seconds since the run began."""

    id: int
    name: str
    targets: str
    start_s: float
    end_s: float
    cured: bool
    bit: bool | None  # proven to have taken effect


def windows(nemesis_ops: Iterable[Op], end_s: float) -> list[Window]:
    """Pair injections with cures; in order of their starts."""
    # Each phase has two ops; the later one, its completion, carries the proof and overwrites.
    injected: dict[int, Op] = {}
    cured: dict[int, Op] = {}
    for op in nemesis_ops:
        if op.fault is not None:
            (injected if op.fault.phase == "inject" else cured)[op.fault.id] = op

    found = []
    for id_, op in injected.items():
        assert op.fault is not None, "only ops with a fault are kept above"
        cure = cured.get(id_)
        found.append(
            Window(
                id=id_,
                name=op.fault.name,
                targets=", ".join(op.fault.targets),
                start_s=round(op.time / 1e9, 3),
                end_s=round(cure.time / 1e9 if cure else end_s, 3),
                cured=cure is not None,
                bit=op.fault.bit,
            )
        )
    return sorted(found, key=lambda window: window.start_s)
