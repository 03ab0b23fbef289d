"""What is surely on disk, in one sector: RocketMQ's three timestamps and a mark of our own.

    at    field               bytes
    0     physic timestamp    8    store time of the newest durable record
    8     logic timestamp     8    ... of the newest durable consume-queue entry
    16    index timestamp     8    ... of the newest durable index entry
    1024  magic, mark, crc    4 + 8 + 8 + 4

The *mark* is where a record ends. Every record before it is durable, and so is what the consume
queues and the index hold of it: a start needs to look no further back. RocketMQ leaves the bytes
at 1024 alone, so a mark may be old, but never wrong: it holds because logs only grow. It comes with
where that record begins; if none that ends at the mark lies there after all (a store was copied
back, or damaged), the mark is not believed.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final
from zlib import crc32

import msgspec

from broker.ports import Disk
from broker.store.durable import sync_file

__all__ = [
    "Checkpoint",
    "Mark",
    "decode_checkpoint",
    "encode_checkpoint",
    "read_checkpoint",
    "write_checkpoint",
]

SIZE: Final = 4096
MARK_AT: Final = 1024
MARK_MAGIC: Final = 0x4D51484D
_TIMESTAMPS = Struct(">qqq")
_MARK = Struct(">Iqq")
_CRC = Struct(">I")


class Mark(msgspec.Struct, frozen=True):
    """The last record that is durable everywhere: where it begins and where it ends."""

    last_record: int
    end: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far log, queues and index are durable."""

    physic_timestamp: int = 0
    logic_timestamp: int = 0
    index_timestamp: int = 0
    mark: Mark | None = None  # None if the file holds none


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Give the bytes of the whole file."""
    data = bytearray(SIZE)
    times = (
        checkpoint.physic_timestamp,
        checkpoint.logic_timestamp,
        checkpoint.index_timestamp,
    )
    _TIMESTAMPS.pack_into(data, 0, *times)
    mark = checkpoint.mark
    if mark is not None:
        packed = _MARK.pack(MARK_MAGIC, mark.last_record, mark.end)
        data[MARK_AT : MARK_AT + len(packed) + 4] = packed + _CRC.pack(crc32(packed))
    return bytes(data)


def decode_checkpoint(data: bytes) -> Checkpoint:
    """Read the file's bytes; what is missing or damaged is as if it had never been written.

    >>> decode_checkpoint(b"")
    Checkpoint(physic_timestamp=0, logic_timestamp=0, index_timestamp=0, mark=None)
    """
    data = data.ljust(SIZE, b"\0")
    physic, logic, index = (max(0, time) for time in _TIMESTAMPS.unpack_from(data))
    mark = data[MARK_AT : MARK_AT + _MARK.size]
    (crc,) = _CRC.unpack_from(data, MARK_AT + _MARK.size)
    magic, last_record, end = _MARK.unpack(mark)
    sound = magic == MARK_MAGIC and crc == crc32(mark) and 0 <= last_record < end
    return Checkpoint(physic, logic, index, Mark(last_record, end) if sound else None)


def read_checkpoint(disk: Disk, path: str) -> Checkpoint:
    """Read the checkpoint from its file, which may be missing."""
    if not disk.exists(path):
        return Checkpoint()
    file = disk.open(path)
    try:
        return decode_checkpoint(file.read(0, SIZE))
    finally:
        file.close()


async def write_checkpoint(disk: Disk, path: str, checkpoint: Checkpoint) -> None:
    """Write the checkpoint in place and make it durable; each half of it fits in a sector."""
    file = disk.open(path, create=True)
    try:
        file.write(0, encode_checkpoint(checkpoint))
        await sync_file(file)
    finally:
        file.close()
