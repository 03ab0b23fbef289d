"""The HA stream survives any cut, and what is no stream is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import RemoteProtocolError
from broker.ha.frames import (
    TOKEN_MAX,
    Batch,
    BatchDecoder,
    Report,
    Token,
    WordDecoder,
    encode_header,
    encode_report,
    encode_token,
)

offsets = st.integers(0, TOKEN_MAX)
words = st.lists(st.one_of(st.builds(Report, offsets), st.builds(Token, offsets)), max_size=5)
batches = st.lists(st.builds(Batch, offsets, st.binary(max_size=40)), max_size=5)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


@given(words, st.lists(st.integers(0, 9)))
def test_words_survive_any_cut(said: list[Report | Token], sizes: list[int]) -> None:
    data = b"".join(
        encode_report(word.offset) if isinstance(word, Report) else encode_token(word.value)
        for word in said
    )
    decoder = WordDecoder()

    assert [word for piece in cut(data, sizes) for word in decoder.feed(piece)] == said


@given(batches, st.lists(st.integers(0, 20)))
def test_batches_survive_any_cut(sent: list[Batch], sizes: list[int]) -> None:
    data = b"".join(encode_header(b.offset, len(b.body)) + b.body for b in sent)
    decoder = BatchDecoder()

    assert [batch for piece in cut(data, sizes) for batch in decoder.feed(piece)] == sent


def test_a_plain_slaves_stream_is_a_report_like_any_other() -> None:
    """What a real 4.9.3 slave writes has no token in front; the words are the same eight bytes."""
    assert WordDecoder().feed(bytes.fromhex("0000000000000102")) == [Report(258)]


@given(st.binary(max_size=60), st.lists(st.integers(0, 20)))
def test_any_bytes_are_batches_or_refused(data: bytes, sizes: list[int]) -> None:
    """Whole or in pieces, the outcome is the same."""

    def read(pieces: list[bytes]) -> list[Batch] | None:
        decoder = BatchDecoder()
        try:
            return [batch for piece in pieces for batch in decoder.feed(piece)]
        except RemoteProtocolError:
            return None

    assert read([data]) == read(cut(data, sizes))


@pytest.mark.parametrize("header", [encode_header(-1, 0), encode_header(0, -1)])
def test_a_header_that_no_master_writes_is_refused(header: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="HA header"):
        BatchDecoder().feed(header)
