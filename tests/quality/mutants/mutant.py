"""A mutant is one small change to the broker or its client, kept apart from the product's code.

The decorator makes one from a function: its name is the mutant's, its docstring says in one
sentence what is broken, and its body plants the bug by putting other functions in the place of
the product's. Everything is put back when the run is over.

    @mutant(finds=("lost",), mode="ASYNC_MASTER+SYNC_FLUSH", nemeses=("power-cut-master",))
    def skip_fsync(plant: Plant) -> None:
        \"\"\"The log is called durable without an fsync.\"\"\"
        plant(CommitLog, sync=no_sync)

``finds`` names the anomalies that are this bug's own; whatever else a run is invalid by counts,
and is marked. The options make the bug likely to matter; a seed draws the rest. A ``setting`` does
so as well, where no option can: bigger messages, say. It is planted alone when the correct broker
runs on the same seed, which must bear it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from harness.scenarios import options_of_scenario

__all__ = ["SCENARIOS", "Mutant", "Plant", "mutant"]

Plant: TypeAlias = Callable[..., None]
"""``plant(target, name=value, ...)`` sets attributes of a module or a class for a while."""


def _as_it_is(_plant: Plant) -> None:
    """Change nothing."""


SCENARIOS = Path(__file__).parents[1] / "scenarios"
"""What must happen for a bug to matter, where no draw of faults is likely to bring it about."""

DEFAULTS: Mapping[str, Any] = {"time_limit_s": 8.0, "rate": 60.0}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A planted bug, and how it should be found."""

    name: str
    breaks: str
    finds: tuple[str, ...]
    bug: Callable[[Plant], None]
    options: Mapping[str, Any] = field(default_factory=dict)
    defect: int = 0  # its number among guarantees.md's defects of RocketMQ 4.9.3
    setting: Callable[[Plant], None] = _as_it_is

    @contextmanager
    def planted(self, *, correct: bool = False) -> Iterator[None]:
        """Be broken for a while; or be correct, in the same setting."""
        before: list[tuple[Any, str, Any]] = []

        def plant(target: Any, **values: Any) -> None:
            for name, value in values.items():
                before.append((target, name, vars(target)[name]))
                setattr(target, name, value)

        try:
            self.setting(plant)
            if not correct:
                self.bug(plant)
            yield
        finally:
            for target, name, value in reversed(before):
                setattr(target, name, value)


def mutant(
    *,
    finds: tuple[str, ...],
    defect: int = 0,
    setting: Callable[[Plant], None] = _as_it_is,
    **options: Any,
) -> Callable[[Callable[[Plant], None]], Mutant]:
    """Make a mutant of a function that plants a bug."""

    def make(bug: Callable[[Plant], None]) -> Mutant:
        name, says = bug.__name__.replace("_", "-"), bug.__doc__ or ""
        given = {**DEFAULTS, **options}
        if "scenario" in options:
            given = {**given, **options_of_scenario(options["scenario"], options.get("mode"))}
        return Mutant(name, says, finds, bug, given, defect, setting)

    return make
