"""A node that dies without a nemesis is the system's own doing, and must not be mended in silence.

The cure at the end of a run starts whatever is down. So the nodes are watched meanwhile: one that
is gone while no active fault touches it has ended by itself, and the run says so.
"""

import asyncio
from collections.abc import Callable, Mapping

from nemesis.faults import Fault
from nemesis.targets import Targets

__all__ = ["Watch"]

LOOK_S = 0.1


class Watch:
    """Looks at every node ten times a second, and keeps what it saw."""

    def __init__(self, targets: Targets, active: Callable[[], Mapping[int, Fault]]) -> None:
        self._targets = targets
        self._active = active
        self._down: dict[str, str] = {}

    @property
    def problems(self) -> list[str]:
        """Say which nodes ended by themselves, once each."""
        return list(self._down.values())

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Note every node that is down and should not be."""
        touched = [name for fault in self._active().values() for name in _touched(fault)]
        for name, node in self._targets.nodes.items():
            if node.pid() is None and name not in touched and name not in self._down:
                code = getattr(node, "exit_code", None)
                end = "" if code is None else f" with exit code {code}"
                self._down[name] = f"{name} ended by itself{end}; its log says why"


def _touched(fault: Fault) -> tuple[str, ...]:
    return (*fault.targets, *fault.occupies)
