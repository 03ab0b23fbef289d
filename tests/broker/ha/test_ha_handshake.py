"""Only a prefix of the master's log is fed, and how much two logs share is found exactly."""

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.ha.frames import TOKEN_MAX
from broker.ha.handshake import (
    TAIL_SIZE,
    Answer,
    LogSummary,
    Outcome,
    Tail,
    compare,
    tail_range,
)
from broker.ha.resync import Digest, common_prefix

LOG = bytes(range(100))


def summary(log: bytes = LOG, min_offset: int = 0) -> LogSummary:
    return LogSummary(min_offset, len(log), lambda begin, end: crc32(log[begin:end]))


def tail_of(log: bytes, begin: int = 0) -> Tail:
    return Tail(1, begin, len(log), crc32(log[begin:]))


@pytest.mark.parametrize(
    ("tail", "min_offset", "outcome", "why"),
    [
        (tail_of(b""), 50, Outcome.PROVEN, ""),
        (tail_of(LOG), 0, Outcome.PROVEN, ""),
        (tail_of(LOG[:70], 60), 60, Outcome.PROVEN, ""),
        (tail_of(LOG[:61], 60), 60, Outcome.PROVEN, ""),
        (Tail(1, 60, 60, 0), 60, Outcome.PROVEN, ""),
        (Tail(1, 60, 60, 0), 61, Outcome.DIVERGED, "the slave ends at 60, the master begins at 61"),
        (tail_of(LOG[:60], 50), 60, Outcome.DIVERGED, "the slave ends at 60, the master begins at"),
        (tail_of(LOG + b"x"), 0, Outcome.DIVERGED, "the slave's log ends at 101"),
        (tail_of(LOG[:40]), 50, Outcome.DIVERGED, "the slave ends at 40, the master begins at 50"),
        (tail_of(LOG[:69] + b"x", 60), 0, Outcome.DIVERGED, "the bytes from 60 to 70 differ"),
        (tail_of(LOG[:70], 40), 50, Outcome.SHORTEN, ""),
    ],
)
def test_the_handshakes_table(tail: Tail, min_offset: int, outcome: Outcome, why: str) -> None:
    answer = compare(tail, summary(min_offset=min_offset))

    assert (answer.outcome, answer.min_offset) == (outcome, min_offset)
    assert answer.why.startswith(why)
    assert Answer.of_fields(answer.to_fields()) == answer
    assert Tail.of_fields(tail.to_fields()) == tail


@pytest.mark.parametrize("token", [-1, TOKEN_MAX + 1])
def test_an_answer_with_a_token_that_no_word_holds_is_none(token: int) -> None:
    """It comes from the other end of a connection, so it may be anything."""
    with pytest.raises(ValueError, match=f"found {token}"):
        Answer.of_fields(Answer(Outcome.PROVEN, token).to_fields())


def test_a_log_shows_its_last_bytes_and_none_only_if_it_has_none() -> None:
    """Or a log that ends where its master's begins would be proven by nothing."""
    assert tail_range(0, 10) == (0, 10)
    assert tail_range(0, TAIL_SIZE + 7) == (7, TAIL_SIZE + 7)
    assert tail_range(0, 10, floor=4) == (4, 10)
    assert tail_range(0, 10, floor=10) == tail_range(0, 10, floor=99) == (9, 10)
    assert tail_range(10, 10) == tail_range(10, 10, floor=99) == (10, 10)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_what_is_proven_is_a_prefix_and_a_prefix_is_proven(ours: bytes, theirs: bytes) -> None:
    begin, end = tail_range(0, len(theirs))
    outcome = compare(Tail(1, begin, end, crc32(theirs)), summary(ours)).outcome

    assert (outcome is Outcome.PROVEN) == ours.startswith(theirs)


@pytest.mark.parametrize(("begin", "end"), [(2, 1), (-1, 1), (0, TAIL_SIZE + 1)])
def test_a_malformed_handshake_is_no_tail(begin: int, end: int) -> None:
    """Nor is one that shows more than a master can look at in passing."""
    with pytest.raises(ValueError, match=f"found {begin} and {end}"):
        Tail.of_fields(Tail(1, begin, end, 0).to_fields())
    with pytest.raises(KeyError):
        Tail.of_fields({})


def digest(log: bytes, min_offset: int) -> Digest:
    return Digest(min_offset, len(log), lambda begin, end: crc32(log[begin:end]))


@given(
    st.binary(max_size=50),
    st.binary(max_size=50),
    st.binary(max_size=50),
    st.integers(0, 50),
    st.integers(0, 50),
)
async def test_the_common_prefix_is_found_exactly(
    shared: bytes, ours_only: bytes, theirs_only: bytes, our_min: int, their_min: int
) -> None:
    """As far as the two logs overlap; nothing at all if they do not."""
    ours, theirs = shared + ours_only, shared + theirs_only
    our_min, their_min = min(our_min, len(ours)), min(their_min, len(theirs))
    questions = 0

    async def ask(_begin: int, _end: int) -> Digest:
        nonlocal questions
        questions += 1
        return digest(theirs, their_min)

    begin = max(our_min, their_min)
    same = begin
    while same < min(len(ours), len(theirs)) and ours[same] == theirs[same]:
        same += 1
    expected = same if same > begin else 0

    assert await common_prefix(digest(ours, our_min), ask) == expected
    assert questions <= 2 + 8
