"""A header in RocketMQ's own binary form, which a peer may choose instead of JSON.

    code int16, language int8, version int16, opaque int32, flag int32
    remark      length int32, UTF-8
    extFields   length int32, then for each: key length int16, key, value length int32, value

A length of zero means absent. Bytes behind the fields belong to a later version: skipped.
"""

import struct
from struct import Struct

from broker.errors import RemoteProtocolError
from broker.remoting.codes import Language
from broker.remoting.command import Codec, Command

__all__ = ["decode_binary_header", "encode_binary_header"]

_FIXED = Struct(">hbhii")
_INT = Struct(">i")
_SHORT = Struct(">h")


def encode_binary_header(command: Command) -> bytes:
    """Write a command's header."""
    remark = (command.remark or "").encode()
    fields = b"".join(_field(name, value) for name, value in command.ext_fields.items())
    fixed = _FIXED.pack(
        command.code, command.language, command.version, command.opaque, command.flag
    )
    return b"".join((fixed, _INT.pack(len(remark)), remark, _INT.pack(len(fields)), fields))


def decode_binary_header(header: bytes, body: bytes) -> Command:
    """Read a header; ``RemoteProtocolError`` if it is not one."""
    try:
        code, language, version, opaque, flag = _FIXED.unpack_from(header)
        remark, position = _text(header, _FIXED.size, _INT)
        fields = _fields(header, position)
    except (struct.error, UnicodeDecodeError) as error:
        raise RemoteProtocolError(
            f"expected a binary header of {len(header)} bytes, got {header[:80]!r}: {error}"
        ) from error
    spoken = Language(language) if 0 <= language <= max(Language) else Language.OTHER
    return Command(
        code, opaque, flag, remark or None, fields, body, spoken, version, Codec.ROCKETMQ
    )


def _field(name: str, value: str) -> bytes:
    key, content = name.encode(), value.encode()
    return b"".join((_SHORT.pack(len(key)), key, _INT.pack(len(content)), content))


def _fields(header: bytes, position: int) -> dict[str, str]:
    (length,) = _INT.unpack_from(header, position)
    position += _INT.size
    end = position + length
    if length < 0 or end > len(header):
        raise struct.error(f"extFields of {length} bytes at {position}")
    fields = {}
    while position < end:
        name, position = _text(header, position, _SHORT)
        fields[name], position = _text(header, position, _INT)
    if position != end:
        raise struct.error(f"extFields end at {position}, not at {end}")
    return fields


def _text(header: bytes, position: int, prefix: Struct) -> tuple[str, int]:
    (length,) = prefix.unpack_from(header, position)
    begin = position + prefix.size
    if length < 0 or begin + length > len(header):
        raise struct.error(f"a text of {length} bytes at {begin}")
    return header[begin : begin + length].decode(), begin + length
