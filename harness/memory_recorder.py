"""A history that is kept in memory, timed by the loop that runs: for virtual time and for tests."""

import asyncio
from dataclasses import dataclass, field

from histories.op import Op

__all__ = ["MemoryRecorder"]


@dataclass(slots=True)
class MemoryRecorder:
    """Keeps ops in the order in which they happen."""

    ops: list[Op] = field(default_factory=list)

    def record(self, **fields: object) -> Op:
        """Keep an op that happens now."""
        now_ns = round(asyncio.get_running_loop().time() * 1e9)
        op = Op(index=len(self.ops), time=now_ns, **fields)  # type: ignore[arg-type]
        self.ops.append(op)
        return op
