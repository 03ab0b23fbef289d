"""One process a store: who would share its files with another does not start."""

from collections.abc import Callable

from broker.errors import StoreError, StoreLockedError
from broker.ports import Disk

__all__ = ["take_lock"]


def take_lock(disk: Disk, root: str) -> Callable[[], None]:
    """Take a store's lock and return its release; ``StoreError`` says why it cannot be had."""
    path = f"{root}/lock"
    try:
        return disk.lock(path)
    except BlockingIOError as error:
        raise StoreLockedError(
            f"{path} is held by another process; stop it, or give this node a "
            "storePathRootDir of its own"
        ) from error
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
