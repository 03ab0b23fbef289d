"""After the cures nothing may be under way: no late send may land between two drains.

    1. every client is closed                        (the interpreter has done it)
    2. every client proxy is disabled and enabled    what it held is dropped with its connections
    3. both logs stand still for one second          what a node had already read is written by now

There is no fixed sleep: a cluster that is still is found still after a second, and one that
copies a backlog is waited for until it is done or ``quiesce_ms_max`` is over.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.operations import Operations
from harness.world import World
from nemesis.targets import NodeEnds

__all__ = ["Stillness", "quiesce"]

STILL_MS = 1_000
PROBE_MS = 100
QUIESCE_MS_MAX = 60_000
BROKERS = ("master", "slave")


@dataclass(slots=True)
class Stillness:
    """Whether some figures have stayed the same for long enough.

    >>> stillness = Stillness(still_ms=100)
    >>> [stillness.on_figures(figures, now) for figures, now in ((1, 0), (2, 50), (2, 149))]
    [False, False, False]
    >>> stillness.on_figures(2, 150)
    True
    """

    still_ms: int = STILL_MS
    figures: object = None
    since_ms: float = field(default=0.0)

    def on_figures(self, figures: object, now_ms: float) -> bool:
        """Take a reading, and say whether nothing has moved for ``still_ms``."""
        if figures != self.figures:
            self.figures, self.since_ms = figures, now_ms
            return False
        return now_ms - self.since_ms >= self.still_ms


async def quiesce(world: World, operations: Operations) -> str:
    """Wait until nothing moves; the answer is empty, or says what still did."""
    await world.cycle_clients()
    loop = asyncio.get_running_loop()
    started = loop.time()
    stillness = Stillness()

    while True:
        ends = await ends_of(world)
        if stillness.on_figures(ends, loop.time() * 1000):
            record_ends(operations, ends)
            return ""
        if (loop.time() - started) * 1000 > QUIESCE_MS_MAX:
            record_ends(operations, ends)
            return f"the logs did not stand still within {QUIESCE_MS_MAX} ms: {_words(ends)}"
        await asyncio.sleep(PROBE_MS / 1000)


async def ends_of(world: World) -> dict[str, NodeEnds]:
    """Ask both brokers how long their logs are."""
    nodes = world.targets.nodes
    found = await asyncio.gather(*(nodes[name].ends() for name in BROKERS))
    return dict(zip(BROKERS, found, strict=True))


def record_ends(operations: Operations, ends: Mapping[str, NodeEnds]) -> None:
    """Write the figures down as probes."""
    for name, found in ends.items():
        value = {"end": found.end, "flushed": found.flushed}
        if found.end is None:
            operations.record("probe", {"node": name}, failed="the node gave no figures")
        else:
            operations.record("probe", {"node": name}, {"value": value})


def _words(ends: Mapping[str, NodeEnds]) -> str:
    return ", ".join(f"{name} at {found.end}" for name, found in ends.items())
