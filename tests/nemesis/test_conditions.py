"""Sentences about the cluster that become true."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemesis.conditions import Condition, parse_condition
from nemesis.targets import NodeEnds
from tests.nemesis.fake_world import World, run

UNITS = {"": 1, "B": 1, "KB": 1000, "MB": 1_000_000}


def holds(text: str, world: World) -> bool:
    return run(parse_condition(text).holds(world))


def with_ends(master: NodeEnds, slave: NodeEnds) -> World:
    world = World()
    for name, ends in (("master", master), ("slave", slave)):

        async def told(ends: NodeEnds = ends) -> NodeEnds:
            return ends

        world.nodes[name].ends = told
    return world


@given(st.integers(0, 10**9), st.sampled_from(sorted(UNITS)), st.sampled_from(["", " ", "  "]))
def test_a_size_means_what_its_unit_says(number: int, unit: str, space: str) -> None:
    text = f"slave-lag{space}>={space}{number}{space}{unit}"
    assert parse_condition(text) == Condition("slave-lag", number * UNITS[unit])


def test_quantities_are_what_the_nodes_say() -> None:
    world = with_ends(NodeEnds(5000, 3000), NodeEnds(4000, 4000))
    assert holds("slave-lag >= 1KB", world)
    assert not holds("slave-lag >= 1001", world)
    assert holds("unflushed >= 2KB", world)
    assert not holds("unflushed >= 2001B", world)
    assert holds("master-end >= 5KB", world)
    assert holds("slave-end >= 4KB", world)
    assert not holds("slave-end >= 5KB", world)


def test_what_cannot_be_asked_is_not_true() -> None:
    assert not holds("slave-lag >= 0", with_ends(NodeEnds(5000, 5000), NodeEnds(None, None)))
    world = World()
    world.nodes["slave"].number = None
    assert not holds("slave-end >= 0", world)


def test_a_node_is_up_or_down() -> None:
    world = World()
    assert holds("master up", world)
    assert not holds("master down", world)
    world.nodes["master"].number = None
    assert holds("master down", world)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("slave-lag > 1MB", "expected a condition such as"),
        ("slave-lag >= 1GB", "expected a condition such as"),
        ("slave-lag >= 1M", "expected a condition such as"),
        ("slavelag >= 1MB", "did you mean 'slave-lag'"),
        ("mastr down", "did you mean 'master'"),
        ("", "expected a condition such as"),
    ],
)
def test_a_sentence_that_means_nothing_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_condition(text)
