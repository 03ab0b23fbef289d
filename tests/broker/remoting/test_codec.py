"""Frames: what is laid out comes back, and any other bytes raise the one documented error."""

import json
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from broker.errors import RemoteProtocolError
from broker.remoting.codec import FRAME_BYTES_MAX, FrameDecoder, encode
from broker.remoting.codes import Language
from broker.remoting.command import Codec, Command

INT32 = st.integers(-(2**31), 2**31 - 1)
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)

commands = st.builds(
    Command,
    code=st.integers(0, 32767),
    opaque=INT32,
    flag=st.integers(0, 3),
    remark=st.none() | TEXT.filter(bool),
    ext_fields=st.dictionaries(TEXT, TEXT, max_size=5),
    body=st.binary(max_size=40),
    language=st.sampled_from(Language),
    version=st.integers(0, 32767),
    codec=st.sampled_from(Codec),
)


def feed(data: bytes, size: int) -> tuple[list[Command], bool]:
    """What a stream yields, cut into pieces, and whether it ended in an error."""
    decoder, seen = FrameDecoder(), []
    try:
        for start in range(0, len(data), size):
            seen.extend(decoder.feed(data[start : start + size]))
    except RemoteProtocolError:
        return seen, True
    return seen, False


def frame(header: bytes, codec: int = 0, body: bytes = b"") -> bytes:
    return (
        struct.pack(">II", 4 + len(header) + len(body), codec << 24 | len(header)) + header + body
    )


@given(st.lists(commands, max_size=4), st.integers(1, 64))
def test_what_is_encoded_comes_back_however_it_is_cut(sent: list[Command], size: int) -> None:
    assert feed(b"".join(map(encode, sent)), size) == (sent, False)


@given(st.lists(commands, max_size=2), st.binary(max_size=64))
@example([], b"\0\0\0\x08\0\0\0\x04null")
@example([], b"\0\0\0\x06\0\0\0\x02[]")
@example([], frame(b"[" * 100_000))
@example([], frame(b'{"code":1,"opaque":1,"x":' + b"[" * 100_000))
@settings(max_examples=300)
def test_any_bytes_parse_or_raise_the_one_error(good: list[Command], tail: bytes) -> None:
    """Whole or byte by byte makes no difference, and what came before the bad frame counts."""
    data = b"".join(map(encode, good)) + tail
    whole = feed(data, len(data) or 1)
    assert whole == feed(data, 1)
    assert whole[0][: len(good)] == good


@given(commands, st.data())
@settings(max_examples=300)
def test_a_damaged_frame_parses_or_raises(command: Command, data: st.DataObject) -> None:
    """One wrong byte in an honest frame reaches deeper than noise does."""
    damaged = bytearray(encode(command))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    assert feed(bytes(damaged), len(damaged)) == feed(bytes(damaged), 1)


def test_a_json_header_is_written_as_rocketmq_does() -> None:
    """Keys in order, null left out, every value of extFields a string."""
    data = encode(Command(105, 2, ext_fields={"topic": "X"}, language=Language.JAVA))
    assert data[8:] == (
        b'{"code":105,"extFields":{"topic":"X"},"flag":0,"language":"JAVA","opaque":2,'
        b'"serializeTypeCurrentRPC":"JSON","version":399}'
    )
    assert struct.unpack(">II", data[:8]) == (len(data) - 4, len(data) - 8)


def test_a_binary_header_is_written_as_rocketmq_does() -> None:
    data = encode(Command(17, 9, 1, "no", {"a": "bc"}, b"B", Language.JAVA, 399, Codec.ROCKETMQ))
    assert data[8:].hex(" ", 1) == (
        "00 11 00 01 8f 00 00 00 09 00 00 00 01 00 00 00 02 6e 6f"
        " 00 00 00 09 00 01 61 00 00 00 02 62 63 42"
    )
    assert data[4] == 1


def test_loose_headers_of_other_languages_are_read() -> None:
    """Numbers and booleans in extFields read as Java prints them; nulls and new keys go."""
    header = {
        "code": "105",
        "opaque": 1,
        "language": 9,
        "remark": None,
        "extFields": {"q": 3, "unit": True, "none": None, "s": "x"},
        "novel": [1],
    }
    (command,) = FrameDecoder().feed(frame(json.dumps(header).encode()))
    assert command.ext_fields == {"q": "3", "unit": "true", "s": "x"}
    assert (command.code, command.language, command.remark) == (105, Language.GO, None)


def test_an_unknown_language_is_other() -> None:
    (command,) = FrameDecoder().feed(frame(b'{"code":1,"opaque":1,"language":"RUST"}'))
    assert command.language is Language.OTHER


def test_a_reply_is_written_in_kind() -> None:
    """A peer that asked in binary could not read JSON."""
    asked = Command(10, 5, codec=Codec.ROCKETMQ)
    (answer,) = FrameDecoder().feed(encode(asked.reply(14, "no")))
    assert (answer.codec, answer.opaque, answer.is_reply) == (Codec.ROCKETMQ, 5, True)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x16\x03\x01", "TLS"),
        (b"\x01\0\0\0", "at most"),
        (struct.pack(">I", FRAME_BYTES_MAX - 3), "16777216"),
        (b"\0\0\0\x03", "frame of 8"),
        (b"\0\0\0\x04\0\0\0\x01", "within its frame"),
        (frame(b"{}", codec=7), "got 7"),
        (frame(b"{}"), "code and opaque"),
        (frame(b'{"code":1,"opaque":1,"extFields":[]}'), "code and opaque"),
        (frame(b"\0" * 20, codec=1), "binary header"),
        (frame(b"\0" * 13 + b"\xff" * 8, codec=1), "binary header"),
    ],
)
def test_what_is_no_frame_says_what_was_expected(data: bytes, why: str) -> None:
    with pytest.raises(RemoteProtocolError, match=why):
        list(FrameDecoder().feed(data))


def test_a_frame_of_exactly_the_limit_is_read() -> None:
    header = b'{"code":1,"opaque":1}'
    body = bytes(FRAME_BYTES_MAX - 8 - len(header))
    (command,) = FrameDecoder().feed(frame(header, body=body))
    assert len(command.body) == len(body)
