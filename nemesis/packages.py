"""A package is what a user can ask for by name: faults, when they happen, and how they look.

As in Jepsen, the package is the unit: a source of faults, the shape of their schedule, their
final cure and their colour in every chart. The final cure needs no data of its own: a fault is
cured from its value alone (nemesis.faults), and after the last of them everything is swept
(nemesis.healing).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import TypeAlias

from nemesis.faults import Fault, Kind
from nemesis.shapes import Shape, Source, Turn, flip_flop
from nemesis.topology import Topology

__all__ = ["NEEDS", "Draw", "Need", "Package", "Tempo"]

Draw: TypeAlias = Callable[[Random, Topology], Fault]
"""Draws the next fault of a package: to whom, in which mode, how strong."""

Need: TypeAlias = str
"""What a world must offer, one of the words below."""

NEEDS: Mapping[Need, str] = MappingProxyType(
    {
        "volatile": "disks that forget what was not fsynced",
        "controls": "hooks in the node's own code and machine",
        "stores": "the files of a stopped node",
        "short-files": "a node that starts on a log file that was cut short",
        "settings": "a node's configuration",
        "reload": "a configuration that a running node takes over, and forgets when it ends",
        "ha-address": "a slave that is told by its master where to replicate from",
        "clients": "client processes that can be crashed",
    }
)


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
    cuts: tuple[str, ...] = ()  # the named cuts of the topology that it may make

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
        cuts: tuple[str, ...] = (),
    ) -> "Package":
        """Make a package whose faults are all of one kind, which knows its cure and its proof."""
        cure, proof, tempo = kind.cured, kind.proven, tempo or Tempo()
        return cls(name, draw, colour, does, cure, proof, tempo, needs, contract, cuts=cuts)

    def lacks(self, offers: Sequence[Need], topology: Topology) -> tuple[str, ...]:
        """Say what a world lacks to carry it out; nothing if it can."""
        missing = [f"{need}: {NEEDS[need]}" for need in self.needs if need not in offers]
        whole = [link for cut in self.cuts for link in topology.stays_whole(cut)]
        missing += [f"a proxy on {link}" for link in dict.fromkeys(whole)]
        return tuple(missing)

    def source(self, topology: Topology) -> Source:
        """Return the source of its turns in one cluster."""

        def turn(rng: Random) -> Turn:
            fault = self.draw(rng, topology)
            return Turn(fault, rng.randint(*self.tempo.hold_ms), rng.randint(*self.tempo.gap_ms))

        return turn
