"""Every nemesis there is, by the name that ``--nemesis`` takes.

The words of issue and README (kill-master, partition, delay-replication) are packages here; the
list that ``mqhavoc list nemeses`` prints and the table of the README are made from this one.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from random import Random
from types import MappingProxyType

from nemesis.catalogue import FAMILIES
from nemesis.packages import Package
from nemesis.shapes import draw_some
from nemesis.topology import Topology

__all__ = ["PACKAGES", "NemesisNameError", "able", "choose", "colour_of"]


class NemesisNameError(ValueError):
    """A name that no nemesis has."""


PACKAGES: Mapping[str, Package] = MappingProxyType(
    {package.name: package for family in FAMILIES for package in family.PACKAGES}
)


def able(offers: Sequence[str], topology: Topology) -> list[Package]:
    """List what a world can carry out and the contract covers: what a swarm draws from."""
    return [
        package
        for package in PACKAGES.values()
        if package.contract and not package.lacks(offers, topology)
    ]


def choose(
    text: str, rng: Random, offers: Sequence[str] = (), topology: Topology | None = None
) -> tuple[Package, ...]:
    """Return what ``--nemesis`` asks for: names with commas, ``swarm`` or ``none``.

    ``offers`` is what the world has of what a package may need.
    """
    topology = topology or Topology()
    words = [word.strip() for word in text.split(",") if word.strip()]
    if words in ([], ["none"]):
        return ()
    if words == ["swarm"]:
        return tuple(draw_some(rng, able(offers, topology)))
    if unknown := [word for word in words if word not in PACKAGES]:
        raise NemesisNameError("; ".join(_complaint(word) for word in unknown))
    packages = [PACKAGES[word] for word in dict.fromkeys(words)]
    lacking = [
        f"{package.name} needs {lack}"
        for package in packages
        for lack in package.lacks(offers, topology)
    ]
    if lacking:
        raise NemesisNameError(
            f"this world cannot carry it out: {'; '.join(lacking)}; "
            "`mqhavoc list nemeses --world WORLD` lists what a world can"
        )
    return tuple(packages)


def colour_of(name: str) -> str:
    """Return the colour of a fault in charts, also of one that no package here makes."""
    package = PACKAGES.get(name)
    return package.colour if package else "#CCCCCC"


def _complaint(word: str) -> str:
    known = [*PACKAGES, "swarm", "none"]
    if word in known:
        return f"nemesis {word!r} goes with no other"
    near = get_close_matches(word, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "see `mqhavoc list nemeses`"
    return f"nemesis {word!r} is not known; {hint}"
