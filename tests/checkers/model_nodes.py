"""The nodes and faults of the correct cluster in ``model``: values, and a log that is a list."""

import zlib
from dataclasses import dataclass, field
from typing import Any

MS = 1_000_000
TOPIC = "T"
BLOCK = 64
FLUSH_MS, LAG_MS, COPY_MS = 10_000, 1_000, 10_000
PATIENCE_MS = 4_000

FAULTS = (
    ("kill-master", "process", ("master",)),
    ("kill-slave", "process", ("slave",)),
    ("kill-both", "process", ("master", "slave")),
    ("power-cut-master", "power", ("master",)),
    ("power-cut-slave", "power", ("slave",)),
    ("power-cut-both", "power", ("master", "slave")),
    ("lose-disk-master", "disk", ("master",)),
    ("lose-disk-slave", "disk", ("slave",)),
    ("partition-replication", "link", ("slave->master-ha",)),
    ("partition-client-master", "link", ("client->master",)),
)
GENTLE = tuple(name for name, kind, _ in FAULTS if kind in ("process", "link"))
ALL = tuple(name for name, _, _ in FAULTS)


@dataclass(frozen=True)
class Record:
    value: str
    queue: int
    queue_offset: int
    physical_offset: int
    written_ms: int

    @property
    def data(self) -> bytes:
        return f"<{self.queue}/{self.queue_offset}={self.value}>".encode()

    @property
    def end(self) -> int:
        return self.physical_offset + len(self.data)


@dataclass
class Node:
    name: str
    log: list[Record] = field(default_factory=list)
    flushed: int = 0  # records
    up: bool = True

    def queue(self, queue: int, readable: int) -> list[Record]:
        return [record for record in self.log[:readable] if record.queue == queue]


def listed(records: list[Record]) -> list[list[Any]]:
    return [
        [record.queue_offset, record.value, zlib.crc32(record.value.encode())] for record in records
    ]
