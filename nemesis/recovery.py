"""Whether clients are served again: what was wrong before a fault is not held against it.

Clients say of each function when the last call began that ended, if it was ok (``served_ns``).
After a cure they are served again once a call is ok that began when the cluster was whole. After
that of a name server routes come back one by one: who asks meanwhile may learn of a slave alone.
"""

import asyncio
from collections.abc import Sequence

from nemesis.faults import Fault
from nemesis.targets import Targets

__all__ = ["ROUTES_MS", "SERVED_MS_MAX", "Recovery"]

SERVED_MS_MAX = 8000
"""How long a fault waits for clients to be served, before it begins and before it ends: time for a
broker that asked a name server without power to ask again."""

ROUTES_MS = 2000
"""How long routes may be without a master when a name server is heard again: brokers register, and
clients ask, once a second."""

LOOK_AGAIN_MS = 20


class Recovery:
    """Knows of one cluster when it was whole again, and waits for its clients."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._whole_ns = -1  # since when nothing that was cured is felt any more

    def on_cured(self, fault: Fault) -> None:
        """Hear that a fault was cured just now."""
        echo_ms = ROUTES_MS if any("nameserver" in target for target in fault.targets) else 0
        self._whole_ns = max(self._whole_ns, self._targets.now_ns() + echo_ms * 1_000_000)

    async def after_cures(self, fs: Sequence[str], patience_ms: int) -> None:
        """Wait until calls of each were ok that began after all cures; for so long at most."""
        await self.since(self._whole_ns, fs, patience_ms)

    async def since(self, since_ns: int, fs: Sequence[str], patience_ms: int) -> None:
        """Wait until calls of each were ok that began after an instant; for so long at most."""
        clients, loop = self._targets.clients, asyncio.get_running_loop()
        until_s = loop.time() + patience_ms / 1000

        def waits() -> bool:
            served_ns = clients.served_ns if clients else {}
            return any(f in served_ns and served_ns[f] <= since_ns for f in fs)

        while waits() and (left_s := until_s - loop.time()) > 0:  # noqa: ASYNC110 - an event per op
            await asyncio.sleep(min(LOOK_AGAIN_MS / 1000, left_s))
