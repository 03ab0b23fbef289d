"""A package is what a user can ask for by name: faults, when they happen, and how they look.

As in Jepsen, the package is the unit: a source of faults, the shape of their schedule, their
final cure and their colour in every chart. The final cure needs no data of its own: a fault is
cured from its value alone (nemesis.faults), and after the last of them everything is swept
(nemesis.healing).
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from nemesis.faults import Fault, Kind
from nemesis.shapes import Shape, Source, Turn, flip_flop
from nemesis.topology import Topology

__all__ = ["Draw", "Need", "Package", "Tempo"]

Draw: TypeAlias = Callable[[Random, Topology], Fault]
"""Draws the next fault of a package: to whom, in which mode, how strong."""

Need: TypeAlias = str
"""What a world must offer: volatile, controls, stores, settings or clients."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """From how long to how long a fault is on, and the quiet before it."""

    hold_ms: tuple[int, int] = (600, 3000)
    gap_ms: tuple[int, int] = (300, 1500)


@dataclass(frozen=True, slots=True)
class Package:
    """One entry of ``mqhavoc list nemeses``. The three sentences are for people."""

    name: str
    draw: Draw
    colour: str
    does: str
    cure: str
    proof: str
    tempo: Tempo = Tempo()
    needs: tuple[Need, ...] = ()
    contract: bool = True  # False: guarantees.md promises nothing while it is about
    shape: Callable[[Source], Shape] = flip_flop  # its schedule when it is alone

    @classmethod
    def of(
        cls,
        kind: Kind,
        draw: Draw,
        name: str,
        colour: str,
        does: str,
        *,
        tempo: Tempo | None = None,
        needs: tuple[Need, ...] = (),
        contract: bool = True,
    ) -> "Package":
        """Make a package whose faults are all of one kind, which knows its cure and its proof."""
        cure, proof = kind.cured, kind.proven
        return cls(name, draw, colour, does, cure, proof, tempo or Tempo(), needs, contract)

    def source(self, topology: Topology) -> Source:
        """Return the source of its turns in one cluster."""

        def turn(rng: Random) -> Turn:
            fault = self.draw(rng, topology)
            return Turn(fault, rng.randint(*self.tempo.hold_ms), rng.randint(*self.tempo.gap_ms))

        return turn
