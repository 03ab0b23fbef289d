"""Walking over raw log bytes: which records are whole, and what each one puts where.

A log that crashed or is being copied ends anywhere. ``walk`` tells three ends apart:

    the bytes run out inside a record     more may come: no problem, go on from ``end`` later
    zeros                                 nothing was written here (``problem`` is None, ``over``)
    anything else                         a torn or damaged record: ``problem`` says what

A record counts only if its parts add up to its length, the CRC of its body fits, it says that it
lies where it lies, as many messages as its number says fit before it, and no NUL stands in its
topic or properties. The CRC covers the body alone, hence the last rules: a flipped bit can make a
number that no queue could be filled up to, and a power cut that takes the page behind the body
leaves zeros in its place.

Source of the facts: ``CommitLog.checkMessageAndReturnSize`` of RocketMQ, which checks neither the
position nor the number nor the properties.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final, TypeAlias
from zlib import crc32

import msgspec

from broker.store.message import BLANK_MAGIC, BLANK_SIZE, HEADERS, MESSAGE_MAGIC
from broker.store.properties import TAGS, delay_level, keys_of, parse_properties, tags_code

__all__ = [
    "RECORD_SIZE_MIN",
    "SCHEDULE_TOPIC",
    "Dispatch",
    "DispatchReader",
    "Reading",
    "Walk",
    "check_record",
    "queue_tags_code",
    "walk",
]

SCHEDULE_TOPIC: Final = "SCHEDULE_TOPIC_XXXX"

LONG_MAX: Final = (1 << 63) - 1

RECORD_SIZE_MIN: Final = HEADERS[0].size + 3
_LENGTH_AND_MAGIC = Struct(">iI")
_SYS_FLAG = Struct(">i")
# The transaction bits of the SYSFLAG: a prepared or rolled-back message is in no queue.
_TRANSACTION: Final = 0xC
_UNQUEUED: Final = (0x4, 0xC)


class Dispatch(msgspec.Struct, frozen=True):
    """What a record in the log puts into its consume queue and into the index."""

    topic: str
    queue_id: int
    queue_offset: int
    physical_offset: int
    size: int
    tags_code: int
    store_timestamp: int
    keys: Sequence[str]
    queued: bool = True


class Walk(msgspec.Struct, frozen=True):
    """How far a walk came: ``end`` is the physical offset behind the last whole record."""

    records: list[Dispatch]
    end: int
    problem: str | None = None
    over: bool = False  # true where zeros say that nothing follows


def queue_tags_code(
    topic: str,
    properties: Mapping[str, str],
    store_timestamp: int,
    delay_levels_ms: tuple[int, ...],
) -> int:
    """Give the code of a queue entry: a tag's hash, or when a delayed message is due."""
    if topic == SCHEDULE_TOPIC and delay_levels_ms:
        level = delay_level(properties)
        if level > 0:
            due_ms = store_timestamp + delay_levels_ms[min(level, len(delay_levels_ms)) - 1]
            return min(due_ms, LONG_MAX)
    return tags_code(properties.get(TAGS))


Reading: TypeAlias = Callable[[bytes | bytearray, int, int, int], Dispatch | str | None]
"""Reads the record of some size at a place in the data that lies at a log offset.

Gives what the record enters where, or None if it is sound and nobody asked, or what is wrong.
"""


@dataclass(frozen=True, slots=True)
class DispatchReader:
    """Checks a record and says what it puts into its queue and the index."""

    delay_levels_ms: tuple[int, ...] = ()
    check_crc: bool = True

    def __call__(
        self, data: bytes | bytearray, at: int, size: int, position: int
    ) -> Dispatch | str | None:
        """Read one record that is there in full."""
        found = _check(data, at, size, position, check_crc=self.check_crc)
        if isinstance(found, str):
            return found
        fields, name, text = found
        properties = parse_properties(text)
        return Dispatch(
            name,
            fields[3],
            fields[5],
            position,
            size,
            queue_tags_code(name, properties, fields[11], self.delay_levels_ms),
            fields[11],
            keys_of(properties),
            fields[7] & _TRANSACTION not in _UNQUEUED,
        )


def check_record(data: bytes | bytearray, at: int, size: int, position: int) -> str | None:
    """Check one record that is there in full, and no more than that."""
    found = _check(data, at, size, position, check_crc=True)
    return found if isinstance(found, str) else None


def walk(data: bytes | bytearray, base: int, file_size: int, read: Reading) -> Walk:
    """Walk over bytes that lie at ``base`` in a log with files of ``file_size`` bytes.

    After a blank, ``end`` is the beginning of the next file, even if the bytes end before it.
    """
    records: list[Dispatch] = []
    at, stop = 0, len(data)
    while at + BLANK_SIZE <= stop:
        size, magic = _LENGTH_AND_MAGIC.unpack_from(data, at)
        position = base + at
        room = file_size - position % file_size
        if magic == BLANK_MAGIC:
            if size != room:
                return Walk(records, position, f"a blank of {size} bytes with {room} left")
            at += size
            continue
        if magic != MESSAGE_MAGIC:
            if size == 0 and magic == 0:
                return Walk(records, position, over=True)
            return Walk(records, position, f"magic {magic:#x} and length {size}")
        if not RECORD_SIZE_MIN <= size <= room - BLANK_SIZE:
            return Walk(records, position, f"a record of {size} bytes with {room} left")
        if at + size > stop:
            break
        record = read(data, at, size, position)
        if isinstance(record, Dispatch):
            records.append(record)
        elif record is not None:
            return Walk(records, position, record)
        at += size
    return Walk(records, base + at)


def _check(
    data: bytes | bytearray, at: int, size: int, position: int, *, check_crc: bool
) -> tuple[tuple[Any, ...], str, str] | str:
    """Give a sound record's header fields, topic and properties, or say what is wrong with it."""
    (sys_flag,) = _SYS_FLAG.unpack_from(data, at + 36)
    header = HEADERS[sys_flag & 0x30]
    if size < header.size + 3:
        return f"a record of {size} bytes with a header of {header.size}"
    fields = header.unpack_from(data, at)
    body_size = fields[16]
    body_at = at + header.size
    stop = at + size
    topic_at = body_at + body_size + 1
    if body_size < 0 or topic_at > stop - 2:
        return f"a body of {body_size} bytes in a record of {size}"
    properties_at = topic_at + data[topic_at - 1] + 2
    if properties_at > stop:
        return f"a topic of {data[topic_at - 1]} bytes that leaves the record"
    properties_size = int.from_bytes(data[properties_at - 2 : properties_at], "big")
    if properties_at + properties_size != stop:
        return f"parts that end {properties_at + properties_size - stop} bytes off"
    if fields[6] != position:
        return f"a record that says it lies at {fields[6]}"
    if not 0 <= fields[5] * RECORD_SIZE_MIN <= position:
        return f"a record that says it is number {fields[5]} of its queue"
    if check_crc and crc32(data[body_at : topic_at - 1]) & 0x7FFFFFFF != fields[2]:
        return "a body that does not fit its CRC"
    topic, text = data[topic_at : properties_at - 2], data[properties_at:stop]
    if not topic or b"\0" in topic or b"\0" in text:
        return "zeros in its topic or properties"
    try:
        return fields, topic.decode(), text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        return f"a topic or properties that are no text: {error}"
