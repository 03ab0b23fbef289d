"""Nodes that end by themselves are told from those that a nemesis ended."""

from harness.watch import Watch
from nemesis.faults import Fault
from tests.nemesis.fake_world import World

KILL = Fault("kill-slave", "kill", ("slave",))


def test_a_node_that_was_started_again_between_two_looks_had_ended() -> None:
    """Whoever started it, a sweep or a person, must not hide that it was down."""
    world = World()
    watch = Watch(world, dict)
    watch.look()

    world.nodes["slave"].number = 999
    watch.look()

    assert watch.problems == ["slave ended by itself; its log says why"]


def test_a_node_that_a_fault_ended_may_come_back_as_another_process() -> None:
    world = World()
    active: dict[int, Fault] = {}
    watch = Watch(world, lambda: active)
    watch.look()

    active[1] = KILL
    world.nodes["slave"].number = None
    watch.look()
    world.nodes["slave"].number = 999
    active.clear()
    watch.look()
    watch.look()

    assert watch.problems == []


def test_each_node_is_told_once() -> None:
    world = World()
    watch = Watch(world, dict)
    for name in ("master", "slave"):
        world.nodes[name].number = None
    watch.look()
    watch.look()

    assert [problem.split()[0] for problem in watch.problems] == ["master", "slave"]


def test_a_fault_that_is_over_before_the_next_look_is_no_death() -> None:
    """A kill and a start between two looks are the fault's doing."""
    world = World()
    watch = Watch(world, dict)
    watch.look()

    watch.on_inject(KILL)
    world.nodes["slave"].number = 999
    watch.look()

    assert watch.problems == []


def test_a_node_that_was_down_before_its_fault_had_ended_by_itself() -> None:
    """Else the fault would take the blame, and its cure would hide it."""
    world = World()
    watch = Watch(world, dict)
    watch.look()

    world.nodes["slave"].number = None
    watch.on_inject(KILL)
    world.nodes["slave"].number = 999
    watch.look()

    assert watch.problems == ["slave ended by itself; its log says why"]
