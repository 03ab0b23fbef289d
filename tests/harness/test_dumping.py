"""Logs compared by their dumps are equal exactly if their bytes are."""

import asyncio
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.client.admin import LogDigest
from checkers.replicas import compare_logs
from harness.dumping import LogMovedError, dump_log
from histories.op import LogDump

BLOCK = 8


def dump(log: bytes, at: int | None = None, begin: int = 0) -> LogDump:
    async def digest(first: int, last: int) -> LogDigest:
        stretch = log[max(first, begin) - begin : max(last, begin) - begin]
        end = begin + len(log)
        first, last = max(first, begin), max(first, begin) + len(stretch)
        return LogDigest(
            begin=first, crc_end=last, crc=zlib.crc32(stretch), min=begin, end=end, flushed=end
        )

    return asyncio.run(dump_log(digest, at, BLOCK))


@given(st.binary(max_size=60), st.integers(0, 60))
def test_a_prefix_is_found_to_be_one(log: bytes, cut: int) -> None:
    slave = log[: min(cut, len(log))]

    assert compare_logs(dump(log, at=len(slave)), dump(slave, at=len(log))) is None


@given(st.binary(min_size=1, max_size=60), st.data())
def test_a_flipped_byte_is_found_wherever_it_is(log: bytes, data: st.DataObject) -> None:
    end = data.draw(st.integers(1, len(log)))
    place = data.draw(st.integers(0, end - 1))
    slave = bytearray(log[:end])
    slave[place] ^= 0x40

    difference = compare_logs(dump(log, at=end), dump(bytes(slave)))

    assert difference is not None
    assert not difference.unknown


def test_a_log_whose_first_files_are_gone_is_dumped_from_where_it_begins() -> None:
    found = dump(b"x" * 20, begin=64)

    assert (found.begin, found.end, len(found.crcs)) == (64, 84, 2)
    assert found.tail_crc == zlib.crc32(b"xxxx")


def test_an_empty_log_has_no_checksums() -> None:
    assert dump(b"") == LogDump(begin=0, end=0, block=BLOCK, crcs=[], tail_crc=0)


def test_a_log_that_was_cut_meanwhile_gives_no_dump() -> None:
    """A checksum of less than was asked for would look like a difference."""

    async def digest(first: int, last: int) -> LogDigest:
        read = min(last, 20) if (first, last) != (0, 0) else 0
        return LogDigest(begin=first, crc_end=read, crc=1, min=0, end=30, flushed=30)

    with pytest.raises(LogMovedError, match="from 16 to 24, got one from 16 to 20"):
        asyncio.run(dump_log(digest, None, BLOCK))
