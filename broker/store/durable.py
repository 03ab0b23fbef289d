"""A sync that failed is never the same as a write that failed, so it gets its own error."""

from broker.errors import FlushError
from broker.ports import Disk, File

__all__ = ["replace_file", "sync_file"]


async def sync_file(file: File) -> None:
    """Return once a file is durable; ``FlushError`` if nobody can say that, now or later."""
    try:
        await file.sync()
    except OSError as error:
        raise FlushError(
            f"sync of {file.path} failed: {error}; mend the disk, then restart"
        ) from error


async def replace_file(disk: Disk, path: str, data: bytes) -> None:
    """Put new contents in a file's place; a crash leaves the old ones, or the new, in full."""
    new = f"{path}.tmp"
    file = disk.open(new, create=True)
    try:
        file.truncate(0)
        file.write(0, data)
        await sync_file(file)
    finally:
        file.close()
    disk.rename(new, path)
    await disk.sync_folder(path.rpartition("/")[0])
