"""A sync that failed is never the same as a write that failed, so it gets its own error."""

from broker.errors import FlushError
from broker.ports import File

__all__ = ["sync_file"]


async def sync_file(file: File) -> None:
    """Return once a file is durable; ``FlushError`` if nobody can say that, now or later."""
    try:
        await file.sync()
    except OSError as error:
        raise FlushError(
            f"sync of {file.path} failed: {error}; mend the disk, then restart"
        ) from error
