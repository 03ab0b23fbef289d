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

__all__ = ["PACKAGES", "NemesisNameError", "choose", "colour_of"]


class NemesisNameError(ValueError):
    """A name that no nemesis has."""


PACKAGES: Mapping[str, Package] = MappingProxyType(
    {package.name: package for family in FAMILIES for package in family.PACKAGES}
)


def choose(text: str, rng: Random, offers: Sequence[str] = ()) -> tuple[Package, ...]:
    """Return what ``--nemesis`` asks for: names with commas, ``swarm`` or ``none``.

    ``offers`` is what the world has of what a package may need; ``swarm`` draws only from what
    the world can carry out and the contract covers.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if words in ([], ["none"]):
        return ()
    if words == ["swarm"]:
        able = [
            package
            for package in PACKAGES.values()
            if package.contract and all(need in offers for need in package.needs)
        ]
        return tuple(draw_some(rng, able))
    if unknown := [word for word in words if word not in PACKAGES]:
        raise NemesisNameError("; ".join(_complaint(word) for word in unknown))
    packages = [PACKAGES[word] for word in dict.fromkeys(words)]
    lacking = [
        f"{package.name} needs {need}"
        for package in packages
        for need in package.needs
        if need not in offers
    ]
    if lacking:
        raise NemesisNameError(f"this world cannot carry it out: {', '.join(lacking)}")
    return tuple(packages)


def colour_of(name: str) -> str:
    """Return the colour of a fault in charts, also of one that no package here makes."""
    package = PACKAGES.get(name)
    return package.colour if package else "#CCCCCC"


def _complaint(word: str) -> str:
    known = [*PACKAGES, "swarm", "none"]
    near = get_close_matches(word, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "see `mqhavoc list nemeses`"
    return f"nemesis {word!r} is not known; {hint}"
