"""The HA stream's two directions, as RocketMQ 4.9.3 writes them, plus one word of ours.

    slave -> master    8 bytes    a report: how long the slave's log is
    master -> slave    12 bytes   a header: where the body belongs, and its size; then the body
                                  (size 0 is a heartbeat)

A report is never negative, so ours has room for a token: **a word with the sign bit set is the
token** from the handshake, and opens the stream. A real slave just begins with a report; whether
that is listened to is for the master to decide (``haAcceptPlainSlave``).
"""

import struct
from dataclasses import dataclass, field

import msgspec

from broker.errors import RemoteProtocolError

__all__ = [
    "BODY_SIZE_MAX",
    "TOKEN_MAX",
    "Batch",
    "BatchDecoder",
    "Report",
    "Token",
    "WordDecoder",
    "encode_header",
    "encode_report",
    "encode_token",
]

_WORD = struct.Struct(">q")
_HEADER = struct.Struct(">qi")

TOKEN_MAX = (1 << 63) - 1
BODY_SIZE_MAX = 64 << 20
"""No master sends more in one go (haTransferBatchSize is 32 KiB): a larger size is garbage."""


class Report(msgspec.Struct, frozen=True):
    """The slave's log ends here."""

    offset: int


class Token(msgspec.Struct, frozen=True):
    """The slave proved its log's likeness before, and this is the receipt."""

    value: int


class Batch(msgspec.Struct, frozen=True):
    """A stretch of the master's log; empty in a heartbeat."""

    offset: int
    body: bytes


def encode_report(offset: int) -> bytes:
    """Write a slave's report.

    >>> encode_report(258).hex()
    '0000000000000102'
    """
    assert offset >= 0, "a log's end is never negative"
    return _WORD.pack(offset)


def encode_token(token: int) -> bytes:
    """Write the word that opens a stream.

    >>> encode_token(1).hex()
    '8000000000000001'
    """
    assert 0 <= token <= TOKEN_MAX, "a token has 63 bits"
    return _WORD.pack(token - (1 << 63))


def encode_header(offset: int, size: int) -> bytes:
    """Write a master's header; ``size`` bytes of body follow it.

    >>> encode_header(1, 2).hex()
    '000000000000000100000002'
    """
    return _HEADER.pack(offset, size)


@dataclass(slots=True)
class WordDecoder:
    """Bytes from a slave, however they were cut, become reports and tokens."""

    _rest: bytes = b""

    def feed(self, data: bytes) -> list[Report | Token]:
        """Take bytes in; give the words completed by them, in order."""
        data = self._rest + data
        whole = len(data) - len(data) % _WORD.size
        self._rest = data[whole:]
        words = (word for (word,) in _WORD.iter_unpack(data[:whole]))
        return [Report(word) if word >= 0 else Token(word + (1 << 63)) for word in words]


@dataclass(slots=True)
class BatchDecoder:
    """Bytes from a master, however they were cut, become batches."""

    _buffer: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[Batch]:
        """Take bytes in; give the batches completed by them, in order."""
        self._buffer += data
        batches, position = [], 0
        while len(self._buffer) - position >= _HEADER.size:
            offset, size = _HEADER.unpack_from(self._buffer, position)
            if offset < 0 or not 0 <= size <= BODY_SIZE_MAX:
                raise RemoteProtocolError(
                    f"expected an HA header, found offset {offset} and size {size}"
                )
            begin = position + _HEADER.size
            if len(self._buffer) < begin + size:
                break
            batches.append(Batch(offset, bytes(self._buffer[begin : begin + size])))
            position = begin + size
        del self._buffer[:position]
        return batches
