"""Which old log files go, and when the disk counts as full.

RocketMQ's rules (``CleanCommitLogService``): expired files go in the hours of ``deleteWhen`` or
when the disk fills; above ``used_ratio_forcibly`` any old file goes; above ``used_ratio_full``
nothing is stored until it falls below ``used_ratio_forcibly``. The file being written never goes.
Hours are UTC. Neither consumers nor slaves are asked.
"""

from broker.store.config import StoreConfig

__all__ = ["files_to_remove", "is_full"]

HOUR_MS = 3_600_000


def files_to_remove(
    config: StoreConfig, modified_ms: list[int], used_ratio: float, now_ms: int
) -> int:
    """Say how many of the oldest files go now, given when each was last written, oldest first.

    >>> config = StoreConfig(root="/store", delete_when=(4,), file_reserved_ms=HOUR_MS)
    >>> files_to_remove(config, [0, 0, 0], 0.10, now_ms=4 * HOUR_MS)
    2
    >>> files_to_remove(config, [0, 0, 0], 0.10, now_ms=5 * HOUR_MS)
    0
    >>> files_to_remove(config, [0, 0, 0], 0.80, now_ms=5 * HOUR_MS)
    2
    """
    in_time = now_ms // HOUR_MS % 24 in config.delete_when
    if not in_time and used_ratio <= config.used_ratio_max:
        return 0
    forcibly = config.clean_forcibly and used_ratio > config.used_ratio_forcibly
    count = 0
    for modified in modified_ms[:-1][: config.clean_files_max]:
        if not forcibly and modified + config.file_reserved_ms >= now_ms:
            break
        count += 1
    return count


def is_full(config: StoreConfig, used_ratio: float, *, was_full: bool) -> bool:
    """Say whether the disk counts as full, with a gap between the two edges.

    >>> config = StoreConfig(root="/store")
    >>> [is_full(config, r, was_full=w) for r, w in ((0.91, 0), (0.87, 0), (0.87, 1), (0.8, 1))]
    [True, False, True, False]
    """
    if used_ratio > config.used_ratio_full:
        return True
    return bool(was_full) and used_ratio >= config.used_ratio_forcibly
