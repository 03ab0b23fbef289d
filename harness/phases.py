"""The phases of a run, in order, and how long each took.

set up         nodes, proxies, topics; ready when the slave replicates
safety         clients work, faults come and go; the first second is a warm-up without faults
cure           everything is mended, and clients get time to succeed once more
quiesce        clients gone, nothing under way, logs still
drain          every queue of both nodes, every log
judge          the verdict, stored at once
resynchronise  only if the logs have diverged: the operator's command
converge       a send succeeds and both logs become equal (P12); the verdict again
report         for people and for CI
tear down      always, whatever happened
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

__all__ = ["PHASES", "Phases"]

PHASES = (
    "set up",
    "safety",
    "cure",
    "quiesce",
    "drain",
    "judge",
    "resynchronise",
    "converge",
    "report",
    "tear down",
)


@dataclass(slots=True)
class Phases:
    """Tells everybody which phase it is, and remembers how long each took."""

    now_s: Callable[[], float]
    on_enter: Callable[[str, float], None]
    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Be in a phase while the context lasts."""
        assert name in PHASES, f"a phase of the list above, not {name!r}"
        began = self.now_s()
        self.on_enter(name, began)
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + self.now_s() - began, 3)
