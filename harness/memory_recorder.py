"""A history that is kept in memory, timed by the loop that runs: for virtual time and for tests."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from histories.op import Op

__all__ = ["MemoryRecorder"]


@dataclass(slots=True)
class MemoryRecorder:
    """Keeps ops in the order in which they happen."""

    ops: list[Op] = field(default_factory=list)

    def record(self, **fields: Any) -> Op:
        """Keep an op that happens now."""
        fields["index"] = len(self.ops)
        fields["time"] = round(asyncio.get_running_loop().time() * 1e9)
        op = Op(**fields)
        self.ops.append(op)
        return op
