"""The embedded server's toxics and chain, without a socket and on a clock of our own."""

from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemesis.toxiproxy_server.chain import CHUNK_SIZE, Chain, Placed
from nemesis.toxiproxy_server.toxics import KINDS
from nemesis.toxiproxy_server.toxics.slicer import Slicer


def placed(type: str, toxicity: float = 1.0, **attributes: int) -> Placed:
    return Placed(type, type, "upstream", toxicity, KINDS[type].make(**attributes))


class Line:
    """A chain whose exit is always emptied, on a clock that only the test moves."""

    def __init__(self, *toxics: Placed) -> None:
        self.now = 0.0
        self.got = b""
        self.chain = Chain(toxics, Random(7), self.now)

    def feed(self, data: bytes) -> "Line":
        self.chain.feed(data, self.now)
        return self.run()

    def finish(self) -> "Line":
        self.chain.finish()
        return self.run()

    def at(self, now: float) -> "Line":
        """Let time pass, waking the chain whenever it asks."""
        while (wakes_at := self.chain.wakes_at) <= now:
            self.now = max(wakes_at, self.now)
            self.run()
        self.now = now
        return self.run()

    def run(self) -> "Line":
        self.chain.advance(self.now)
        while self.chain.exit.chunks:
            self.got += self.chain.exit.chunks.popleft().data
            self.chain.advance(self.now)
        return self

    def add(self, toxic: Placed) -> "Line":
        self.chain.add(toxic, self.now)
        return self.run()

    def remove(self, toxic: Placed) -> "Line":
        self.chain.remove(toxic, self.now)
        return self.run()

    @property
    def ended(self) -> bool:
        return self.chain.exit.ended


def test_without_toxics_the_entry_is_the_exit() -> None:
    line = Line()
    assert line.chain.is_plain
    assert line.feed(b"abc").got == b"abc"
    assert line.finish().ended


def test_latency_counts_from_when_a_chunk_was_read() -> None:
    line = Line(placed("latency", latency=100))
    line.feed(b"a").at(0.06).feed(b"b")
    assert line.at(0.099).got == b""
    assert line.at(0.1).got == b"a"
    assert line.at(0.159).got == b"a"
    assert line.at(0.16).got == b"ab"


def test_latency_stops_its_sender_after_1024_chunks() -> None:
    line = Line(placed("latency", latency=1000))
    fed = 0
    while line.chain.wants_bytes:
        line.feed(b"x")
        fed += 1
    assert fed == 1025  # one more sleeps
    assert line.at(1.0).got == b"x" * fed


def test_bandwidth_owes_time_for_bytes() -> None:
    line = Line(placed("bandwidth", rate=10)).feed(bytes(2500))
    assert len(line.at(0.1).got) == 1000
    assert len(line.at(0.2).got) == 2000
    assert len(line.at(0.249).got) == 2000
    assert len(line.at(0.25).got) == 2500


def test_bandwidth_0_wakes_never_and_wants_no_more() -> None:
    line = Line(placed("bandwidth", rate=0)).feed(b"a").feed(b"b")
    assert line.chain.wakes_at == inf
    assert not line.chain.wants_bytes


def test_a_timeout_begins_again_with_each_chunk() -> None:
    line = Line(placed("timeout", timeout=100))
    line.at(0.09).feed(b"x").at(0.18)
    assert not line.ended
    assert line.at(0.19).ended
    assert line.got == b""


def test_a_reset_that_has_begun_cannot_be_called_off() -> None:
    toxic = placed("reset_peer", timeout=100)
    line = Line(toxic).feed(b"lost").at(0.05).remove(toxic)
    assert not line.ended
    assert line.at(0.1).ended


def test_limit_data_counts_over_an_update() -> None:
    toxic = placed("limit_data", bytes=5)
    line = Line(toxic).feed(b"abc")
    line.chain.update(toxic, line.now)
    assert line.feed(b"defg").got == b"abcde"
    assert line.ended


def test_a_toxic_added_after_fin_has_passed_changes_nothing() -> None:
    line = Line().finish().add(placed("slow_close", delay=10_000))
    assert line.ended


def test_stall_plus_holds_bytes_and_fin_and_lets_both_go() -> None:
    close, stall = placed("slow_close", delay=10**9), placed("bandwidth", rate=0)
    line = Line(close, stall).feed(b"a").feed(b"b").finish().at(1000)
    assert (line.got, line.ended) == (b"", False)
    line.remove(stall)
    assert (line.got, line.ended) == (b"ab", False)
    assert line.remove(close).ended


def test_toxicity_is_drawn_again_whenever_the_chain_changes_there() -> None:
    """With even odds some of sixteen draws bite and some do not."""
    half = placed("timeout", toxicity=0.5)
    line = Line(half)
    passed = []
    for _ in range(16):
        line.chain.update(half, line.now)
        before = len(line.got)
        line.feed(b"x")
        passed.append(len(line.got) > before)
    assert True in passed
    assert False in passed


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 2000), st.integers())
def test_slices_cover_a_chunk_in_order(average: int, variation: int, size: int, seed: int) -> None:
    pieces = list(Slicer(average, variation).pieces(0, size, Random(seed)))
    assert [start for start, _ in pieces] == [0, *(end for _, end in pieces[:-1])]
    assert pieces[-1][1] == size
    assert all(end - start <= max(1, average + variation) for start, end in pieces)


LOSSLESS = st.sampled_from(
    [
        ("noop", {}),
        ("latency", {"latency": 30, "jitter": 30}),
        ("bandwidth", {"rate": 0}),
        ("bandwidth", {"rate": 3}),
        ("slow_close", {"delay": 40}),
        ("slicer", {"average_size": 5, "size_variation": 4, "delay": 700}),
    ]
)
ACTIONS = st.one_of(
    st.tuples(st.just("feed"), st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("wait"), st.integers(1, 60)),
    st.tuples(st.just("add"), LOSSLESS),
    st.tuples(st.just("remove"), st.integers(0, 5)),
    st.tuples(st.just("update"), st.integers(0, 5)),
)


@settings(max_examples=150)
@given(st.lists(ACTIONS, max_size=30))
def test_toxics_that_lose_nothing_lose_nothing_however_they_come_and_go(actions: list) -> None:
    """The bytes fed are the bytes got, in order, once every toxic is gone, and then FIN."""
    line, there, fed = Line(), [], b""
    for verb, what in actions:
        match verb:
            case "feed":
                fed += what
                line.feed(what)
            case "wait":
                line.at(line.now + what / 1000)
            case "add":
                there.append(placed(what[0], **what[1]))
                line.add(there[-1])
            case "remove" if there:
                line.remove(there.pop(what % len(there)))
            case "update" if there:
                line.chain.update(there[what % len(there)], line.now)
                line.run()
        assert fed.startswith(line.got)
        assert not line.ended
    line.finish()
    for toxic in there:
        line.remove(toxic)
    assert line.got == fed
    assert line.ended


@pytest.mark.parametrize("type", sorted(KINDS))
def test_no_toxic_makes_bytes_up_or_wakes_in_the_past(type: str) -> None:
    line = Line(placed(type)).feed(bytes(range(256)) * 300)
    assert len(line.got) <= 256 * 300
    assert (bytes(range(256)) * 300).startswith(line.got)
    assert line.chain.wakes_at > line.now


def test_what_is_read_is_cut_into_chunks() -> None:
    line = Line()
    line.chain.feed(bytes(CHUNK_SIZE + 1), 0)
    assert [len(chunk.data) for chunk in line.chain.exit.chunks] == [CHUNK_SIZE, 1]
