"""The run's own hand on a real cluster: what 4.9.3 does not tell is read from its files.

A dump is made of checksums of the commit log's files, up to the end that the broker says; both logs
stand still by then. To resynchronise there is no command in 4.9.3, so it is done as people do it:
the slave is ended, gets a copy of the master's commit log, and builds its queues from it anew.
"""

import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from broker.client.admin import LogDigest
from harness.dumping import dump_log
from harness.sessions import ClusterOperator, Sessions
from harness.world import Pulled
from nemesis.disks import FolderStore, log_files
from nemesis.targets import Node, Store, TargetError

__all__ = ["RocketmqOperator", "digest_of"]

CHUNK = 1 << 20
BUILT_FROM_THE_LOG = ("consumequeue", "index")
OF_THE_LOG = ("checkpoint", "abort")


class RocketmqOperator:
    """The run's own session; see ``world.Operator``."""

    def __init__(
        self, sessions: Sessions, nodes: Mapping[str, Node], data: Mapping[str, Path]
    ) -> None:
        self._sessions = sessions
        self._nodes = nodes
        self._data = data
        self._session = ClusterOperator(sessions)

    async def pull(self, topic: str, queue: int, offset: int, node: str) -> Pulled:
        """Read on from an offset of a queue on one node."""
        return await self._session.pull(topic, queue, offset, node)

    async def send(self, topic: str, body: bytes) -> str:
        """Send one message and return its status."""
        return await self._session.send(topic, body)

    async def has_route(self, topic: str) -> bool:
        """Whether the name server knows both brokers for a topic."""
        return await self._session.has_route(topic)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def dump(self, node: str) -> Mapping[str, Any]:
        """Describe a node's commit log by checksums of its files."""
        store = FolderStore(self._data[node], self._data[node])

        async def digest(begin: int, end: int) -> LogDigest:
            return digest_of(store, await self._end(node), begin, end)

        (other,) = (name for name in self._data if name != node)
        found: dict[str, Any] = msgspec.to_builtins(
            await dump_log(digest, (await self._sessions.ends(other)).end)
        )
        return found

    async def resynchronise(self) -> str:
        """Give the slave a copy of the master's log."""
        master, slave = self._data["master"], self._data["slave"]
        await self._nodes["slave"].kill()  # a clean end would save what is thrown away
        for name in ("commitlog", *BUILT_FROM_THE_LOG):
            shutil.rmtree(slave / name, ignore_errors=True)
        for name in OF_THE_LOG:
            (slave / name).unlink(missing_ok=True)
        shutil.copytree(master / "commitlog", slave / "commitlog")
        await self._nodes["slave"].start()
        end = await self._end("slave")
        return f"the slave was started on a copy of the master's log, of {end} bytes"

    async def _end(self, node: str) -> int:
        end = (await self._sessions.ends(node)).end
        if end is None:
            raise TargetError(f"{node}: expected the end of its log, found none")
        return end


def digest_of(store: Store, log_end: int, begin: int, end: int) -> LogDigest:
    """Compute what our brokers answer to LOG_DIGEST from the files of a log."""
    files = log_files(store)
    log_begin = files[0][0] if files else log_end
    crc = 0
    for file_begin, path in files:
        file_end = file_begin + store.size(path)
        position, stop = max(begin, file_begin), min(end, file_end)
        while position < stop:
            data = store.read(path, position - file_begin, min(CHUNK, stop - position))
            crc = zlib.crc32(data, crc)
            position += len(data)
    return LogDigest(begin=begin, crc_end=end, crc=crc, min=log_begin, end=log_end, flushed=log_end)
