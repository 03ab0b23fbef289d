"""Frames: how commands are laid end to end in a stream of bytes.

    total length     int32   bytes that follow
    codec + length   int32   top byte: the header's form; the rest: the header's length
    header           JSON or binary
    body             what remains

Any bytes either parse or raise ``RemoteProtocolError``, fed whole or byte by byte: a decoder
yields every command that precedes the first bad frame, then raises, and is of no use after that.
A frame has at most 16 MiB, its length included, so the first byte of an honest stream is 0.
A stream that begins with 0x16 is a TLS handshake, and we have no TLS.
"""

from collections.abc import Callable, Iterator
from struct import Struct

from broker.errors import RemoteProtocolError
from broker.remoting.binary_header import decode_binary_header, encode_binary_header
from broker.remoting.command import Codec, Command
from broker.remoting.json_header import decode_json_header, encode_json_header

__all__ = ["FRAME_BYTES_MAX", "FrameDecoder", "encode"]

FRAME_BYTES_MAX = 16 * 1024 * 1024
"""RocketMQ's ``com.rocketmq.remoting.frameMaxLength``, the length word included."""

TLS_HANDSHAKE = 0x16
HEADER_LENGTH_MASK = 0x00FF_FFFF

_WORDS = Struct(">II")
_WORD = Struct(">I")

_ENCODERS: dict[Codec, Callable[[Command], bytes]] = {
    Codec.JSON: encode_json_header,
    Codec.ROCKETMQ: encode_binary_header,
}
_DECODERS: dict[int, Callable[[bytes, bytes], Command]] = {
    Codec.JSON: decode_json_header,
    Codec.ROCKETMQ: decode_binary_header,
}


def encode(command: Command) -> bytes:
    """Lay a command out as one frame.

    >>> encode(Command(0, 1, 1))[8:].startswith(b'{"code":0')
    True
    """
    header = _ENCODERS[command.codec](command)
    body = command.body
    words = _WORDS.pack(4 + len(header) + len(body), command.codec << 24 | len(header))
    return b"".join((words, header, body))


class FrameDecoder:
    """The receiving end of a stream: bytes in, commands out."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = bytearray()  # a frame's beginning, until the rest of it comes

    def feed(self, data: bytes) -> Iterator[Command]:
        """Yield the commands that ``data`` completes. Exhaust it before feeding again."""
        if self._held:
            self._held += data
            if not _holds_a_frame(self._held):
                return
            data = bytes(self._held)
            self._held.clear()
        position, stop = 0, len(data)
        while position < stop:
            end = _frame_end(data, position)
            if end is None:
                self._held += data[position:]
                return
            yield _decode(data, position + 4, end)
            position = end


def _holds_a_frame(held: bytearray) -> bool:
    return _frame_end(held, 0) is not None


def _frame_end(data: bytes | bytearray, position: int) -> int | None:
    """Where the frame at a position ends, or None while that is not all here."""
    available = len(data) - position
    if available and data[position]:
        _refuse_length(data, position)
    if available < 4:
        return None
    (length,) = _WORD.unpack_from(data, position)
    if not 4 <= length <= FRAME_BYTES_MAX - 4:
        raise RemoteProtocolError(
            f"expected a frame of 8 to {FRAME_BYTES_MAX} bytes, got one of {length + 4}"
        )
    return position + 4 + length if available >= 4 + length else None


def _refuse_length(data: bytes | bytearray, position: int) -> None:
    """Say what a first byte that is not 0 means."""
    if data[position] == TLS_HANDSHAKE:
        raise RemoteProtocolError("expected a frame, got a TLS handshake; turn TLS off at the peer")
    raise RemoteProtocolError(
        f"expected a frame of at most {FRAME_BYTES_MAX} bytes,"
        f" got a length that begins with {bytes(data[position : position + 4])!r}"
    )


def _decode(data: bytes, begin: int, end: int) -> Command:
    (word,) = _WORD.unpack_from(data, begin)
    codec, header_length = word >> 24, word & HEADER_LENGTH_MASK
    header_begin = begin + 4
    body_begin = header_begin + header_length
    if body_begin > end:
        raise RemoteProtocolError(
            f"expected a header within its frame of {end - begin} bytes, got {header_length} bytes"
        )
    decode = _DECODERS.get(codec)
    if decode is None:
        raise RemoteProtocolError(f"expected a header of form 0 (JSON) or 1 (binary), got {codec}")
    return decode(data[header_begin:body_begin], data[body_begin:end])
