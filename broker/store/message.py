"""A commit-log record: RocketMQ 4.9.3's bytes for one message, and its ids.

Big endian, no padding; the same bytes lie in the log, travel to the slave and reach a consumer.

    at  field                    bytes   note
    0   TOTALSIZE                4       the whole record
    4   MAGIC                    4       0xDAA320A7; 0xCBD43194 for a blank at a file's end
    8   BODYCRC                  4       CRC-32 of the body without its sign bit
    12  QUEUEID, FLAG            4 + 4
    20  QUEUEOFFSET              8       the number of its consume-queue entry
    28  PHYSICALOFFSET           8       where the record lies in the log
    36  SYSFLAG                  4       0x10: born host is IPv6; 0x20: store host is
    40  BORNTIMESTAMP, BORNHOST  8 + 8   a host is 4 or 16 bytes of IP and 4 of port
    56  STORETIMESTAMP           8
    64  STOREHOST                8
    72  RECONSUMETIMES           4
    76  PREPARED TX OFFSET       8
    84  BODY                     4 + n
        TOPIC                    1 + n   at most 127
        PROPERTIES               2 + n   at most 32767

Source of the facts: RocketMQ's ``CommitLog.java`` and ``MessageDecoder.java``.
"""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from struct import Struct, error
from types import MappingProxyType
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from broker.errors import MessageIllegalError, RecordError
from broker.store.properties import format_properties, parse_properties

__all__ = [
    "BLANK",
    "BLANK_MAGIC",
    "BLANK_SIZE",
    "HEADERS",
    "MESSAGE_MAGIC",
    "PROPERTIES_SIZE_MAX",
    "QUEUE_OFFSET_AT",
    "TOPIC_SIZE_MAX",
    "Host",
    "MessageDraft",
    "StoredMessage",
    "body_crc",
    "decode_message",
    "decode_messages",
    "encode_record",
    "host_bytes",
    "message_id",
    "message_id_offset",
    "record_size",
]

MESSAGE_MAGIC: Final = 0xDAA320A7
BLANK_MAGIC: Final = 0xCBD43194
BLANK: Final = Struct(">iI")
BLANK_SIZE: Final = BLANK.size

TOPIC_SIZE_MAX: Final = 127
PROPERTIES_SIZE_MAX: Final = 32767
QUEUE_OFFSET_AT: Final = 20

BORN_HOST_V6: Final = 0x10
STORE_HOST_V6: Final = 0x20

HEADERS: Final = {
    0: Struct(">iIiiiqqiq4siq4siiqi"),
    BORN_HOST_V6: Struct(">iIiiiqqiq16siq4siiqi"),
    STORE_HOST_V6: Struct(">iIiiiqqiq4siq16siiqi"),
    BORN_HOST_V6 | STORE_HOST_V6: Struct(">iIiiiqqiq16siq16siiqi"),
}
"""Everything before the body, by the two host bits of the SYSFLAG."""

_SYS_FLAG = Struct(">i")
_TAIL_LENGTH = Struct(">H")


class Host(NamedTuple):
    """An IP address (IPv4 or IPv6, as text) and a port."""

    ip: str
    port: int


_NOWHERE = Host("127.0.0.1", 0)


class MessageDraft(msgspec.Struct, frozen=True):
    """A message to be stored: what the sender decides."""

    topic: str
    queue_id: int
    body: bytes
    properties: Mapping[str, str] = MappingProxyType({})
    flag: int = 0
    sys_flag: int = 0
    born_timestamp: int = 0
    born_host: Host = _NOWHERE
    reconsume_times: int = 0
    prepared_transaction_offset: int = 0


class StoredMessage(msgspec.Struct, frozen=True):
    """A message as it lies in a log: what the sender decided and what the broker added."""

    topic: str
    queue_id: int
    queue_offset: int
    physical_offset: int
    size: int
    body: bytes
    body_crc: int
    properties: dict[str, str]
    flag: int
    sys_flag: int
    born_timestamp: int
    born_host: Host
    store_timestamp: int
    store_host: Host
    reconsume_times: int
    prepared_transaction_offset: int

    @property
    def message_id(self) -> str:
        """The id that says where the message is stored (RocketMQ's offsetMsgId)."""
        return message_id(self.store_host, self.physical_offset)


@lru_cache(maxsize=4096)
def host_bytes(ip: str) -> bytes:
    """Give an IP address as 4 or 16 bytes."""
    try:
        return ip_address(ip).packed
    except ValueError:
        raise MessageIllegalError(f"expected an IP address, found {ip!r}") from None


@lru_cache(maxsize=4096)
def _host(packed: bytes, port: int) -> Host:
    return Host(str(ip_address(packed)), port)


def body_crc(body: bytes | memoryview) -> int:
    """Give the CRC that a record holds of its body: 0 for an empty one."""
    return crc32(body) & 0x7FFFFFFF


def record_size(body_size: int, topic_size: int, properties_size: int, sys_flag: int = 0) -> int:
    """Say how long a record is.

    >>> record_size(16, 16, 108)
    231
    """
    return HEADERS[sys_flag & 0x30].size + body_size + topic_size + properties_size + 3


def encode_record(
    draft: MessageDraft,
    queue_offset: int,
    physical_offset: int,
    store_timestamp: int,
    store_host: Host,
) -> bytes:
    """Give the bytes of a record; ``MessageIllegalError`` if the format has no room for it."""
    topic = draft.topic.encode()
    properties = format_properties(draft.properties).encode("utf-8", "surrogatepass")
    if not 0 < len(topic) <= TOPIC_SIZE_MAX or len(properties) > PROPERTIES_SIZE_MAX:
        raise _too_long(topic, properties)
    if b"\0" in properties or b"\0" in topic:
        raise MessageIllegalError(
            f"expected no NUL, found one in {draft.topic!r} or its properties"
        )

    born_ip, store_ip = host_bytes(draft.born_host[0]), host_bytes(store_host[0])
    sys_flag = draft.sys_flag & ~0x30
    if len(born_ip) > 4:
        sys_flag |= BORN_HOST_V6
    if len(store_ip) > 4:
        sys_flag |= STORE_HOST_V6
    header = HEADERS[sys_flag & 0x30]
    body = draft.body
    try:
        head = header.pack(
            header.size + len(body) + len(topic) + len(properties) + 3,
            MESSAGE_MAGIC,
            crc32(body) & 0x7FFFFFFF,
            draft.queue_id,
            draft.flag,
            queue_offset,
            physical_offset,
            sys_flag,
            draft.born_timestamp,
            born_ip,
            draft.born_host[1],
            store_timestamp,
            store_ip,
            store_host[1],
            draft.reconsume_times,
            draft.prepared_transaction_offset,
            len(body),
        )
    except error as problem:
        raise MessageIllegalError(f"a field of {draft.topic!r} has no room: {problem}") from None
    return b"".join(
        (
            head,
            body,
            len(topic).to_bytes(1, "big"),
            topic,
            len(properties).to_bytes(2, "big"),
            properties,
        )
    )


def _too_long(topic: bytes, properties: bytes) -> MessageIllegalError:
    return MessageIllegalError(
        f"expected a topic of 1 to {TOPIC_SIZE_MAX} bytes and properties of at most "
        f"{PROPERTIES_SIZE_MAX}, found {len(topic)} and {len(properties)}"
    )


def decode_message(data: bytes | memoryview, at: int = 0) -> StoredMessage:
    """Read the record that begins at ``at``; ``RecordError`` if there is none, or a damaged one."""
    try:
        (sys_flag,) = _SYS_FLAG.unpack_from(data, at + 36)
        header = HEADERS[sys_flag & 0x30]
        fields = header.unpack_from(data, at)
        size, magic, crc, body_size = fields[0], fields[1], fields[2], fields[16]
        if magic != MESSAGE_MAGIC:
            raise RecordError(f"expected magic {MESSAGE_MAGIC:#x} at byte {at}, found {magic:#x}")
        body_at = at + header.size
        topic_at = body_at + body_size + 1
        properties_at = topic_at + data[topic_at - 1] + 2
        end = properties_at + _TAIL_LENGTH.unpack_from(data, properties_at - 2)[0]
        body = bytes(data[body_at : topic_at - 1])
        topic = bytes(data[topic_at : properties_at - 2]).decode()
        properties = bytes(data[properties_at:end]).decode("utf-8", "surrogatepass")
    except (error, IndexError, UnicodeDecodeError) as problem:
        raise RecordError(f"expected a record at byte {at}: {problem}") from None
    if body_size < 0 or end != at + size or end > len(data):
        raise RecordError(f"expected a record of {size} bytes at byte {at}, found {end - at}")
    if crc32(body) & 0x7FFFFFFF != crc:
        raise RecordError(f"expected body CRC {crc:#x} at byte {at}, found {body_crc(body):#x}")
    return StoredMessage(
        topic,
        fields[3],
        fields[5],
        fields[6],
        size,
        body,
        crc,
        parse_properties(properties),
        fields[4],
        sys_flag,
        fields[8],
        _host(fields[9], fields[10]),
        fields[11],
        _host(fields[12], fields[13]),
        fields[14],
        fields[15],
    )


def decode_messages(data: bytes | memoryview) -> list[StoredMessage]:
    """Read records that lie one behind the other, as a pull's answer carries them."""
    messages = []
    at = 0
    while at < len(data):
        message = decode_message(data, at)
        messages.append(message)
        at += message.size
    return messages


def message_id(store_host: Host, physical_offset: int) -> str:
    """Give a message's offsetMsgId: where its store is, and where it lies in it.

    >>> message_id(Host("127.0.0.1", 21911), 0)
    '7F000001000055970000000000000000'
    """
    return f"{_id_prefix(store_host)}{physical_offset:016X}"


@lru_cache(maxsize=64)
def _id_prefix(store_host: Host) -> str:
    return f"{host_bytes(store_host.ip).hex().upper()}{store_host.port:08X}"


def message_id_offset(message_id: str) -> int:
    """Give the physical offset in an offsetMsgId; ``ValueError`` if it is none."""
    if len(message_id) not in (32, 56):
        raise ValueError(f"expected 32 or 56 hex digits, found {message_id!r}")
    return int(message_id[-16:], 16)
