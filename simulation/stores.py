"""The files and the configuration of a simulated node, changed while it is down."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from broker.properties import to_properties
from broker.server import Broker
from nemesis.targets import TargetError

if TYPE_CHECKING:
    from simulation.nodes import SimulatedNode

__all__ = ["STORE_ROOT", "SimulatedSettings", "SimulatedStore", "as_text"]

STORE_ROOT = "/store"
"""Where every simulated broker keeps its store."""


def as_text(properties: Mapping[str, str]) -> str:
    """Spell changed keys as the text of a ``.properties`` file; none needs an escape."""
    return "".join(f"{key}={value}\n" for key, value in properties.items())


class SimulatedStore:
    """A stopped node's disk."""

    def __init__(self, node: "SimulatedNode") -> None:
        self._node = node

    def files(self) -> Sequence[str]:
        """Paths below the store's root, sorted."""
        prefix = f"{STORE_ROOT}/"
        return [path[len(prefix) :] for path in self._node.disk.paths() if path.startswith(prefix)]

    def size(self, path: str) -> int:
        """Length in bytes."""
        return self._node.disk.open(f"{STORE_ROOT}/{path}").size()

    def read(self, path: str, position: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``position``."""
        return self._node.disk.open(f"{STORE_ROOT}/{path}").read(position, size)

    def write(self, path: str, position: int, data: bytes) -> None:
        """Overwrite bytes in place, durably."""
        self._stopped().disk.damage(f"{STORE_ROOT}/{path}", position, data)

    def truncate(self, path: str, size: int) -> None:
        """Cut the file, durably."""
        self._stopped().disk.damage(f"{STORE_ROOT}/{path}", size, None)

    def clear(self) -> None:
        """Lose the disk."""
        self._stopped().disk.wipe()

    def snapshot(self) -> None:
        """Keep a copy of everything, in place of any earlier copy."""
        self._node.kept = self._node.disk.snapshot()

    def restore(self) -> None:
        """Put the kept copy back in place of what is there."""
        if self._node.kept is None:
            raise TargetError(f"{self._node.name}: no copy was kept that could be restored")
        self._stopped().disk.restore(self._node.kept)

    def _stopped(self) -> "SimulatedNode":
        if self._node.pid() is not None:
            raise TargetError(f"{self._node.name} runs; its files change only while it is down")
        return self._node


class SimulatedSettings:
    """A node's configuration, as an operator changes it between two starts."""

    def __init__(self, node: "SimulatedNode") -> None:
        self._node = node

    async def override(self, properties: Mapping[str, str]) -> None:
        """Let these keys differ from the next start on; {} for none."""
        self._node.overridden = dict(properties)

    async def reload(self, properties: Mapping[str, str]) -> None:
        """Let the running node take these keys over at once; it forgets them when it ends."""
        broker = self._broker()
        if broker is None:
            raise TargetError(f"{self._node.name}: expected a running broker to reconfigure")
        broker.state.config = broker.state.config.updated(as_text(properties))

    async def effective(self) -> Mapping[str, str] | None:
        """Return what the running node goes by."""
        broker = self._broker()
        return None if broker is None else to_properties(broker.state.config)

    def _broker(self) -> Broker | None:
        server = self._node.server if self._node.pid() is not None else None
        return server if isinstance(server, Broker) else None
