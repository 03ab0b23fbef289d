"""What a mode promises, and what it may lose to which fault, as data.

A mode is brokerRole x flushDiskType. It decides which copies of a message must exist when the
master answers SEND_OK:

    ASYNC_MASTER + ASYNC_FLUSH   in the master's page cache
    ASYNC_MASTER + SYNC_FLUSH    on the master's disk
    SYNC_MASTER  + ASYNC_FLUSH   in the page caches of both
    SYNC_MASTER  + SYNC_FLUSH    on the master's disk and in the slave's page cache

A weak status weakens its own axis: FLUSH_DISK_TIMEOUT the disk; FLUSH_SLAVE_TIMEOUT and
SLAVE_NOT_AVAILABLE both, for the broker reports only the worse of the two.

A fault has a class, which says what it may destroy. Only ``power``, ``disk`` and ``damage``
destroy copies; how faults fold into what may be lost is ``checkers.durability``. The time bounds
are fields of the contract, never the broker's word: a broker that never flushes would otherwise
be excused from every loss.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

__all__ = [
    "DESTRUCTIVE",
    "FAULT_CLASSES",
    "MODES",
    "NO_CONTRACT",
    "SEND_OK",
    "STATUSES",
    "BrokerRole",
    "Contract",
    "Copies",
    "FaultClass",
    "FlushDiskType",
]

SEND_OK = "SEND_OK"
STATUSES = (SEND_OK, "FLUSH_DISK_TIMEOUT", "FLUSH_SLAVE_TIMEOUT", "SLAVE_NOT_AVAILABLE")
"""The statuses of a send that was stored; all but the first are weak."""

MS = 1_000_000


class BrokerRole(StrEnum):
    """Whether the master waits for the slave."""

    ASYNC_MASTER = "ASYNC_MASTER"
    SYNC_MASTER = "SYNC_MASTER"


class FlushDiskType(StrEnum):
    """Whether the master waits for the disk."""

    ASYNC_FLUSH = "ASYNC_FLUSH"
    SYNC_FLUSH = "SYNC_FLUSH"


class FaultClass(StrEnum):
    """What a fault may destroy."""

    PROCESS = "process"
    POWER = "power"
    DISK = "disk"
    DAMAGE = "damage"
    LINK = "link"
    OTHER = "other"


FAULT_CLASSES: Mapping[FaultClass, str] = MappingProxyType(
    {
        FaultClass.PROCESS: "the process's memory; the page cache survives, so nothing is lost",
        FaultClass.POWER: "every byte that was not fsynced on that node",
        FaultClass.DISK: "the node's store, or all of it since a snapshot",
        FaultClass.DAMAGE: "everything from the first bad record on, on that node",
        FaultClass.LINK: "nothing but bytes under way",
        FaultClass.OTHER: "nothing",
    }
)

DESTRUCTIVE = (FaultClass.POWER, FaultClass.DISK, FaultClass.DAMAGE)
"""The classes after which an acknowledged record may be missing from a node."""

NO_CONTRACT = ("second-master", "take-over")
"""Faults after which nothing is promised: two masters with one brokerId, a slave made a master."""

MODES = tuple(f"{role}+{flush}" for role in BrokerRole for flush in FlushDiskType)


@dataclass(frozen=True, slots=True)
class Copies:
    """Which copies of a record an answer promises. The master's page cache always holds one."""

    master_disk: bool
    slave_cache: bool


@dataclass(frozen=True, slots=True)
class Contract:
    """A mode with its time bounds and the names that the history uses.

    >>> Contract.parse("sync_master+async_flush").copies("SEND_OK")
    Copies(master_disk=False, slave_cache=True)
    >>> Contract().mode
    'SYNC_MASTER+SYNC_FLUSH'
    """

    broker_role: BrokerRole = BrokerRole.SYNC_MASTER
    flush_disk_type: FlushDiskType = FlushDiskType.SYNC_FLUSH

    flush_interval_ms: int = 10_000  # flushCommitLogThoroughInterval in force
    flush_slack_ms: int = 1_000
    replication_lag_ms: int = 1_000  # how far a healthy slave may be behind
    convergence_ms: int = 30_000  # P12: from a cure until the HA link counts as healthy again
    copy_ms: int = 15_000  # slaveSyncInterval in force, and some more for the copy itself
    answer_ms: int = 9_000  # slaveTimeout and syncFlushTimeout in force, and some more
    route_ms: int = 35_000  # a client's refresh of its routes, and some more
    silence_ms: int = 130_000  # brokerExpiredTime and the time between two looks for it
    retention_ms: int = 48 * 3_600_000  # fileReservedTime in force

    master: str = "master"
    slave: str = "slave"
    replication_link: str = "slave->master-ha"

    @classmethod
    def parse(cls, mode: str) -> "Contract":
        """Read ``SYNC_MASTER+ASYNC_FLUSH``, in any case; a ValueError names the four modes."""
        role, _, flush = mode.upper().replace(" ", "").partition("+")
        if role not in BrokerRole.__members__ or flush not in FlushDiskType.__members__:
            raise ValueError(f"mode: expected one of {', '.join(MODES)}, got {mode!r}")
        return cls(BrokerRole[role], FlushDiskType[flush])

    @property
    def mode(self) -> str:
        """The mode as people write it."""
        return f"{self.broker_role}+{self.flush_disk_type}"

    @property
    def sync_flush(self) -> bool:
        """Whether SEND_OK means that the master has fsynced the record."""
        return self.flush_disk_type is FlushDiskType.SYNC_FLUSH

    @property
    def sync_master(self) -> bool:
        """Whether SEND_OK means that the slave has the record."""
        return self.broker_role is BrokerRole.SYNC_MASTER

    @property
    def flush_bound_ns(self) -> int:
        """After how long on a node that is well a record is certainly fsynced."""
        return (self.flush_interval_ms + self.flush_slack_ms) * MS

    @property
    def lag_ns(self) -> int:
        """After how long on a link that is well a record is certainly on the slave."""
        return self.replication_lag_ms * MS

    @property
    def convergence_ns(self) -> int:
        """After how long from a cure replication is well again."""
        return self.convergence_ms * MS

    def copies(self, status: str) -> Copies:
        """Say which copies an answer promises, by the table of this module."""
        weak_both = status in ("FLUSH_SLAVE_TIMEOUT", "SLAVE_NOT_AVAILABLE")
        weak_disk = weak_both or status == "FLUSH_DISK_TIMEOUT"
        return Copies(
            master_disk=self.sync_flush and not weak_disk,
            slave_cache=self.sync_master and not weak_both,
        )
