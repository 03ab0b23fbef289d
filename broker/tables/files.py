"""A table kept as a JSON file, with its previous content beside it.

    write .tmp, sync it  ->  the old file becomes .bak  ->  .tmp takes its place

RocketMQ does not sync, and a power cut may leave it with an empty file (#3401). Whatever moment a
crash picks, either the file or its .bak is whole here, and ``load`` takes the first that is; if
damage has taken both, a .tmp that is whole is better than nothing. A file that ``load`` had to
refuse does not become the .bak: the next save overwrites it, and the good .bak stays.
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
    _is_sound: bool = True  # as far as ``load`` knows, what is at the path may become the .bak
    _saving: asyncio.Lock = field(default_factory=asyncio.Lock)

    def load(self, take: Callable[[bytes], object]) -> str:
        """Give ``take`` the first content that it does not refuse; say from where, or "".

        The file itself comes first, then its .bak, then its .tmp, which then takes its place: the
        next save would write over it.
        """
        temporary = f"{self.path}.tmp"
        for path in (self.path, f"{self.path}.bak", temporary):
            if not self.disk.exists(path):
                continue
            try:
                take(self._read(path))
            except MqError:
                self._is_sound = self._is_sound and path != self.path
                continue
            if path == temporary:
                self.disk.rename(temporary, self.path)
                self._is_sound = True
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
            if self._is_sound and self.disk.exists(self.path):
                self.disk.rename(self.path, f"{self.path}.bak")
            self.disk.rename(temporary, self.path)
            self._is_sound = True
            await self.disk.sync_folder(self.path.rpartition("/")[0])
            self._saved = data

    def _read(self, path: str) -> bytes:
        file = self.disk.open(path)
        try:
            return file.read(0, file.size())
        finally:
            file.close()
