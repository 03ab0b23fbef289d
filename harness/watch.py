"""A node that dies without a nemesis is the system's own doing, and must not be mended in silence.

The cure at the end of a run starts whatever is down. So the nodes are watched until all is cured
and clients had their moment: one that is gone, or is another process than before, while no active
fault touches it has ended by itself, and the run says so. So does it if the watch itself breaks.
Nobody starts a node but the cure of a fault that touches it, so a look before each fault and one
at the end see whatever there is to see.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from nemesis.faults import Fault
from nemesis.targets import Targets

__all__ = ["Watch"]

LOOK_S = 1.0
"""How often it looks besides: so it also sees what a person, or a bug of ours, started again."""


class Watch:
    """Looks at every node again and again, and keeps what it saw."""

    def __init__(self, targets: Targets, active: Callable[[], Mapping[int, Fault]]) -> None:
        self._targets = targets
        self._active = active
        self._pids: dict[str, int] = {}  # of nodes that nothing has touched since
        self._ended: dict[str, str] = {}
        self._broke: list[str] = []

    @property
    def problems(self) -> list[str]:
        """Say which nodes ended by themselves, once each, and what broke the watch."""
        return [*self._ended.values(), *self._broke]

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch while the context lasts, to its very end."""
        looking = asyncio.create_task(self._look_again_and_again(), name="watch")
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait({looking})
        if not looking.cancelled() and (error := looking.exception()) is not None:
            self._broke.append(f"the watch over the nodes broke: {error!r}")
        else:
            self.look()

    def on_inject(self, fault: Fault) -> None:
        """Look before a fault touches its nodes: what they are afterwards is its doing."""
        self.look()
        for name in _touched(fault):
            self._pids.pop(name, None)

    def look(self) -> None:
        """Note every node that is down, or was started again, and that no fault touches."""
        touched = [name for fault in self._active().values() for name in _touched(fault)]
        for name, node in self._targets.nodes.items():
            pid = node.pid()
            if name in touched:
                self._pids.pop(name, None)
            elif pid is not None and self._pids.setdefault(name, pid) == pid:
                continue
            elif name not in self._ended:
                code = getattr(node, "exit_code", None)
                end = "" if code is None else f" with exit code {code}"
                self._ended[name] = f"{name} ended by itself{end}; its log says why"

    async def _look_again_and_again(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)


def _touched(fault: Fault) -> tuple[str, ...]:
    return (*fault.targets, *fault.occupies)
