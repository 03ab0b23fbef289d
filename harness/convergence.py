"""After all cures the cluster must become whole again: promise P12, shown and not assumed.

    a send succeeds     with SEND_OK, which from a SYNC_MASTER means that the slave has it
    both logs equal     the same end on master and slave, and the same again a moment later

Both within a bound, from the moment of asking; how long it took is a figure of the report. The
send goes to a topic of its own, so that it is in no queue that was drained.
"""

import asyncio
from dataclasses import dataclass

from checkers.verdict import Anomaly, Finding, Validity, Verdict
from harness.operations import Operations
from harness.quiesce import Stillness, ends_of, record_ends
from harness.timings import CONVERGENCE_MS_MAX
from harness.world import Operator, World
from nemesis.targets import NodeEnds

__all__ = ["CONVERGENCE_TOPIC", "Convergence", "converge"]

CONVERGENCE_TOPIC = "MqhavocConvergence"
PAUSE_MS = 100
EQUAL_MS = 300


@dataclass(slots=True)
class Convergence:
    """What is known so far of a cluster that should become whole."""

    send_status: str = "no send was answered"
    sent_after_ms: float | None = None
    equal_after_ms: float | None = None
    ends: str = "unknown"

    def verdict(self) -> Verdict:
        """Judge P12."""
        counts = {"send_ok_after_ms": self.sent_after_ms, "equal_after_ms": self.equal_after_ms}
        missing = []
        if self.sent_after_ms is None:
            missing.append(f"no send succeeded ({self.send_status})")
        if self.equal_after_ms is None:
            missing.append(f"the logs did not become equal ({self.ends})")
        if not missing:
            return Verdict(Validity.VALID, counts=counts)

        text = f"{CONVERGENCE_MS_MAX} ms after all cures {' and '.join(missing)}"
        anomaly = Anomaly("unconverged", 1, Validity.INVALID, "P12", [Finding(text)])
        return Verdict(Validity.INVALID, {"unconverged": anomaly}, counts)


async def converge(world: World, operator: Operator, operations: Operations) -> Verdict:
    """Send until it succeeds, wait until both logs are equal, and judge."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    found, equal = Convergence(), Stillness(EQUAL_MS)

    while (elapsed_ms := (loop.time() - began) * 1000) < CONVERGENCE_MS_MAX:
        if found.sent_after_ms is None:
            found.send_status = await _send(operator)
            if found.send_status == "SEND_OK":
                found.sent_after_ms = round(elapsed_ms)
        else:
            ends = await ends_of(world)
            found.ends = ", ".join(f"{name} at {end.end}" for name, end in ends.items())
            if equal.on_figures(_common_end(ends), loop.time() * 1000) and _common_end(ends):
                found.equal_after_ms = round(elapsed_ms)
                break
        await asyncio.sleep(PAUSE_MS / 1000)

    record_ends(operations, await ends_of(world))
    return found.verdict()


async def _send(operator: Operator) -> str:
    try:
        return await operator.send(CONVERGENCE_TOPIC, b"whole again?")
    except Exception as error:  # noqa: BLE001  whatever it is, the next try may succeed
        return f"{type(error).__name__}: {error}"


def _common_end(ends: dict[str, NodeEnds]) -> int | None:
    """Return the end that all logs share; None if they differ or one is unknown."""
    figures = [found.end for found in ends.values()]
    return figures[0] if len(set(figures)) == 1 else None
