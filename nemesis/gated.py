"""A node whose links refuse while it is down, as its own ports would.

A proxy accepts connections whether anybody listens behind it or not, and only then hangs up. To an
observer that waits after a refusal, and not after a lost connection, that is no dead node but an
invitation: a slave of RocketMQ 4.9.3 then connects thousands of times a second (HAService).
"""

from collections.abc import Mapping, Sequence

from nemesis.links import ProxiedLink
from nemesis.nodes import ProcessNode
from nemesis.targets import NodeEnds

__all__ = ["GatedNode"]


class GatedNode:
    """A process that opens and shuts the proxies before it; implements ``targets.Node``."""

    def __init__(
        self, node: ProcessNode, links: Mapping[str, ProxiedLink], names: Sequence[str]
    ) -> None:
        self._node = node
        self._links = links
        self._names = names

    @property
    def name(self) -> str:
        """``nameserver``, ``master`` or ``slave``."""
        return self._node.name

    @property
    def volatile(self) -> bool:
        """Whether its un-fsynced bytes die with the process."""
        return self._node.volatile

    @property
    def exit_code(self) -> int | None:
        """How its last process ended."""
        return self._node.exit_code

    def pid(self) -> int | None:
        """Return the running process, or None."""
        return self._node.pid()

    def paused(self) -> bool:
        """Whether it is stopped by SIGSTOP."""
        return self._node.paused()

    async def start(self) -> None:
        """Start it, wait until it serves, and let observers in."""
        await self._node.start()
        for link in self._gates():
            await link.open()

    async def stop(self) -> None:
        """Ask it to stop and wait; then nobody is let in."""
        await self._node.stop()
        await self._shut()

    async def kill(self) -> None:
        """End it at once; then nobody is let in."""
        await self._node.kill()
        await self._shut()

    async def pause(self) -> None:
        """Freeze it."""
        await self._node.pause()

    async def resume(self) -> None:
        """Let it go on."""
        await self._node.resume()

    async def ends(self) -> NodeEnds:
        """Ask for its commit log's end, past every proxy."""
        return await self._node.ends()

    async def _shut(self) -> None:
        for link in self._gates():
            await link.shut()

    def _gates(self) -> list[ProxiedLink]:
        return [self._links[name] for name in self._names if name in self._links]
