"""The marker ``chaos``: which runs a test is about, as a value that is checked where it is written.

>>> Chaos(nemesis="kill-master", seeds=3).seed_list
(0, 1, 2)
>>> Chaos(seeds=[7, 41]).seed_list
(7, 41)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from harness.options import WORLDS, nemeses_of

__all__ = ["Chaos", "chaos"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chaos:
    """Which runs; what is None is drawn from the seed when simulated, else the default of a run."""

    workload: str = "queue"
    nemesis: str | None = None  # names with commas, swarm or none
    mode: str | None = None  # brokerRole+flushDiskType
    seeds: int | Iterable[int] = 1  # so many from 0 on, or these
    world: str = "simulated"
    time_limit_s: float | None = None
    rate: float | None = None
    concurrency: int | None = None
    queues: int | None = None
    volatile: bool | None = None  # is a kill a power cut?

    def __post_init__(self) -> None:
        if self.world not in WORLDS:
            raise ValueError(f"chaos: expected world {' or '.join(WORLDS)}, got {self.world!r}")
        if not self.seed_list:
            raise ValueError(f"chaos: expected at least one seed, got {self.seeds!r}")

    @property
    def seed_list(self) -> tuple[int, ...]:
        """The seeds, one run each."""
        return tuple(range(self.seeds) if isinstance(self.seeds, int) else self.seeds)

    @property
    def given(self) -> dict[str, Any]:
        """The options of a run that are not left to the seed."""
        figures = ("mode", "time_limit_s", "rate", "concurrency", "queues", "volatile")
        return {
            "workload": self.workload,
            "nemeses": None if self.nemesis is None else nemeses_of(self.nemesis),
            **{name: getattr(self, name) for name in figures},
        }


def chaos(**options: Any) -> pytest.MarkDecorator:
    """Run a cluster once for each seed, and give the test each result as ``chaos_run``.

    Takes the options of ``Chaos``: ``@chaos(nemesis="kill-master", seeds=20)``.
    """
    Chaos(**options)
    mark: pytest.MarkDecorator = pytest.mark.chaos(**options)
    return mark
