"""Unique keys: RocketMQ's form, and never the same twice."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from broker.client.message import UniqueKeys


def test_a_key_has_rocketmqs_form() -> None:
    key = UniqueKeys(Random(1)).next(1_795_493_067_272)
    assert len(key) == 32
    assert key == key.upper()
    int(key, 16)


@given(st.lists(st.integers(0, 4_000_000_000_000), min_size=1, max_size=200))
def test_no_key_is_made_twice_whatever_the_clock_does(times: list[int]) -> None:
    keys = UniqueKeys(Random(1))
    made = [keys.next(now) for now in times]
    assert len(set(made)) == len(made)


def test_no_key_is_made_twice_while_the_clock_stands_still() -> None:
    keys = UniqueKeys(Random(1))
    made = {keys.next(1000) for _ in range(70_000)}
    assert len(made) == 70_000


def test_two_senders_make_different_keys_at_one_time() -> None:
    first, second = UniqueKeys(Random(1)), UniqueKeys(Random(2))
    assert first.next(1000)[:20] != second.next(1000)[:20]
