"""A table kept as a JSON file, with its previous content beside it.

    write a new file, sync it  ->  the old one becomes .bak  ->  the new one takes its place

RocketMQ does not sync, and a power cut may leave it with an empty file (#3401). Whatever moment a
crash picks, either the file or its .bak is whole here, and ``load`` takes the first that is.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from broker.errors import MqError
from broker.ports import Disk

__all__ = ["TableFile"]


@dataclass(slots=True)
class TableFile:
    """One table's file."""

    disk: Disk
    path: str
    _saved: bytes = b""
    _saving: asyncio.Lock = field(default_factory=asyncio.Lock)

    def load(self, take: Callable[[bytes], object]) -> str:
        """Give the content to ``take``, else that of the .bak; say which, or "" for neither."""
        for path in (self.path, f"{self.path}.bak"):
            if not self.disk.exists(path):
                continue
            file = self.disk.open(path)
            try:
                data = file.read(0, file.size())
            finally:
                file.close()
            try:
                take(data)
            except MqError:
                continue
            return path
        return ""

    async def save(self, data: bytes) -> None:
        """Replace the content, unless it is the same; ``OSError`` leaves the old one."""
        async with self._saving:
            if data == self._saved:
                return
            temporary = f"{self.path}.tmp"
            file = self.disk.open(temporary, create=True)
            try:
                file.truncate(0)
                file.write(0, data)
                await file.sync()
            finally:
                file.close()
            if self.disk.exists(self.path):
                self.disk.rename(self.path, f"{self.path}.bak")
            self.disk.rename(temporary, self.path)
            await self.disk.sync_folder(self.path.rpartition("/")[0])
            self._saved = data
