"""Planted bugs: where they are, and a broker that has one for a while.

The mutants are no part of the product, so they are not installed with it: they are imported from
``tests/quality`` of the repository that this package lies in. A simulated run may have one by its
name (``RunOptions.mutant``), and then says so wherever it is stored, replayed or shrunk.
"""

import importlib
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Mutant", "MutantError", "catalogue", "mutant_of", "planted"]

ROOT = Path(__file__).parents[1]
REGISTRY = "tests.quality.mutants.registry"


class MutantError(ValueError):
    """No mutant has that name, or there is no repository around this installation."""


class Mutant(Protocol):
    """What ``tests/quality/mutants/mutant.py`` makes of a planted bug."""

    @property
    def name(self) -> str: ...  # noqa: D102 - fields of a value

    @property
    def breaks(self) -> str: ...  # noqa: D102

    @property
    def finds(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def options(self) -> Mapping[str, Any]: ...  # noqa: D102

    def planted(self, *, correct: bool = False) -> AbstractContextManager[None]: ...  # noqa: D102


def catalogue() -> Mapping[str, Mutant]:
    """Give every mutant by name; ``MutantError`` if this is not a repository."""
    if not ROOT.joinpath(*REGISTRY.split(".")).with_suffix(".py").is_file():
        raise MutantError(
            f"expected tests/quality/mutants in {ROOT}, found none; planted bugs are not "
            "installed with mqhavoc: clone its repository and install that with pip install -e"
        )
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    mutants: Mapping[str, Mutant] = importlib.import_module(REGISTRY).MUTANTS
    return mutants


def mutant_of(name: str) -> Mutant:
    """Give a mutant by its name; ``MutantError`` says which name may have been meant."""
    known = catalogue()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
        raise MutantError(f"--mutant {name!r} is not known; {hint}")
    return known[name]


def planted(name: str) -> AbstractContextManager[None]:
    """Have a bug while the context lasts; none if there is no name."""
    return mutant_of(name).planted() if name else nullcontext()
