"""The file that says how the last run stopped: gone, empty, or with a reason in it.

    missing     CLEAN     everything was made durable, and nothing has run since
    empty       CRASH     the process died; what it wrote is in the page cache, or lost with it
    a reason    FAILED    a sync failed: pages may be in the cache, count as clean, and still not
                          be on the disk; what was written since the last checkpoint is written
                          once more before it is believed

RocketMQ knows the first two; to it any ``abort`` file is a crash.
"""

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from broker.ports import Disk
from broker.store.durable import sync_file

__all__ = ["AbortFile", "LastStop"]

REASON_MAX = 4096


class LastStop(StrEnum):
    """How the last run of a store ended."""

    CLEAN = "clean"
    CRASH = "crash"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AbortFile:
    """The abort file of one store."""

    disk: Disk
    path: str

    def last_stop(self) -> LastStop:
        """Say how the last run ended."""
        if not self.disk.exists(self.path):
            return LastStop.CLEAN
        file = self.disk.open(self.path)
        try:
            return LastStop.FAILED if file.read(0, REASON_MAX) else LastStop.CRASH
        finally:
            file.close()

    async def make(self) -> None:
        """Say that a run has begun: durable, and without a reason."""
        file = self.disk.open(self.path, create=True)
        try:
            file.truncate(0)
            await sync_file(file)
        finally:
            file.close()

    def say_failed(self, why: str) -> None:
        """Leave a reason. It need not be durable: a power cut takes the doubtful pages, too."""
        with suppress(OSError):
            file = self.disk.open(self.path, create=True)
            try:
                file.write(0, why.encode()[:REASON_MAX])
            finally:
                file.close()

    async def remove(self) -> None:
        """Say that everything is durable and the run is over."""
        self.disk.remove(self.path)
        await self.disk.sync_folder(self.path.rpartition("/")[0])
