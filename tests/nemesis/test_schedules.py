"""Schedules are pure values: same seed, same schedule; every fault has its end in time."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemesis.faults import Fault, Step
from nemesis.registry import PACKAGES
from nemesis.schedules import Schedule, ScheduleError, plan
from nemesis.shapes import (
    HOLD_MS_MIN,
    Shape,
    Source,
    Turn,
    Window,
    flip_flop,
    mix,
    once,
    overlap,
    relay,
    sequence,
    stagger,
    swarm,
    walk,
)

seeds = st.integers(0, 2**32)
some_packages = st.lists(st.sampled_from(sorted(PACKAGES)), max_size=8, unique=True)
windows = st.builds(
    lambda begin, length: Window(begin, begin + length),
    st.integers(0, 5000),
    st.integers(4000, 60_000),
)


def source(name: str, hold_ms: int = 900) -> Source:
    fault = Fault(name, "kill", (name,))
    return lambda rng: Turn(fault, rng.randint(HOLD_MS_MIN, hold_ms), rng.randint(0, 500))


MASTER, SLAVE = source("master"), source("slave")

SHAPES = {
    "once": once(MASTER),
    "relay": relay(MASTER, SLAVE),
    "flip_flop": flip_flop(MASTER),
    "flip_flop of a mix": flip_flop(mix(MASTER, SLAVE, weights=(3, 1))),
    "stagger": stagger(mix(MASTER, SLAVE), every_ms=400),
    "walk": walk(MASTER, SLAVE),
    "sequence": sequence(flip_flop(MASTER), walk(SLAVE, MASTER)),
    "overlap": overlap(flip_flop(MASTER), flip_flop(SLAVE), walk(MASTER, SLAVE)),
    "swarm": swarm(flip_flop(MASTER), flip_flop(SLAVE)),
}


def clashes(steps: list[Step]) -> list[tuple[Step, Step]]:
    return [
        (one, other)
        for number, one in enumerate(steps)
        for other in steps[number + 1 :]
        if one.fault.meets(other.fault)
        and max(one.at_ms, other.at_ms) < min(one.until_ms, other.until_ms)
    ]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@settings(max_examples=30, deadline=None)
@given(seed=seeds, window=windows)
def test_every_shape_keeps_to_its_window_and_never_breaks_a_thing_twice(
    shape: Shape, seed: int, window: Window
) -> None:
    steps = shape(Random(seed), window)
    assert steps, "in four seconds something happens"
    assert steps == shape(Random(seed), window)
    for step in steps:
        assert window.begin_ms <= step.at_ms < step.until_ms <= window.end_ms
    assert clashes(steps) == []


def test_an_overlap_does_overlap() -> None:
    steps = overlap(flip_flop(MASTER), flip_flop(SLAVE))(Random(1), Window(0, 20_000))
    names = {step.fault.name for step in steps}
    assert names == {"master", "slave"}
    assert any(
        one.fault != other.fault and one.at_ms < other.at_ms < one.until_ms
        for one in steps
        for other in steps
    )


def test_a_swarm_leaves_out_some_shapes_in_some_runs_and_never_all() -> None:
    shape = swarm(flip_flop(MASTER), flip_flop(SLAVE))
    drawn = [
        frozenset(step.fault.name for step in shape(Random(seed), Window(0, 10_000)))
        for seed in range(40)
    ]
    assert set(drawn) == {
        frozenset({"master"}),
        frozenset({"slave"}),
        frozenset({"master", "slave"}),
    }


def test_a_walk_cures_more_readily_than_it_breaks() -> None:
    """With fixed holds of a minute, the walk's own cures are what ends a fault: in seconds."""
    long = [source(name, hold_ms=60_000) for name in ("master", "slave", "nameserver")]
    steps = walk(*long)(Random(7), Window(0, 600_000))
    held = sorted(step.until_ms - step.at_ms for step in steps)
    assert held[len(held) // 2] < 5000


@settings(max_examples=40, deadline=None)
@given(seed=seeds, names=some_packages, seconds=st.integers(10, 120))
def test_a_plan_holds_each_package_at_least_once_and_cures_it_in_time(
    seed: int, names: list[str], seconds: int
) -> None:
    packages = [PACKAGES[name] for name in names]
    schedule = plan(Random(seed), packages, seconds * 1000)

    assert schedule == plan(Random(seed), packages, seconds * 1000)
    assert len(schedule.steps) >= len(packages)
    owed = dict.fromkeys(names, 0)
    for step in schedule.steps:
        assert step.at_ms >= 1000, "the warm-up is quiet"
        assert step.at_ms + HOLD_MS_MIN <= step.until_ms <= schedule.cure_by_ms
        assert schedule.cure_by_ms <= seconds * 1000 * 4 // 5 or schedule.cure_by_ms <= (
            seconds * 1000 - 3000
        )
        owed[step.fault.name] = owed.get(step.fault.name, 0) + 1
    if "partition" not in names:
        assert all(owed.values())
    assert clashes(list(schedule.steps)) == []
    assert schedule.problems() == []


def test_most_of_a_minute_has_a_fault_in_it() -> None:
    """A schedule that mostly waits finds nothing."""
    packages = [PACKAGES[name] for name in ("kill-master", "partition", "delay-replication")]
    steps = plan(Random(3), packages, 60_000).steps
    troubled = {ms for step in steps for ms in range(step.at_ms, step.until_ms, 50)}
    assert len(steps) > 15
    assert len({ms // 50 for ms in troubled}) * 50 > 25_000


def test_a_time_limit_too_short_for_all_says_how_much_it_needs() -> None:
    with pytest.raises(ScheduleError, match="expected at least 6250 ms for 10 packages"):
        plan(Random(1), list(PACKAGES.values())[:10], 5000)


def test_the_time_that_is_said_to_be_enough_is_enough() -> None:
    packages = list(PACKAGES.values())[:10]
    assert len(plan(Random(1), packages, 6250).steps) >= 10


def test_no_packages_is_an_empty_schedule() -> None:
    assert plan(Random(1), [], 1000).steps == ()


@settings(max_examples=30, deadline=None)
@given(seed=seeds, names=some_packages)
def test_a_schedule_survives_its_file(seed: int, names: list[str]) -> None:
    schedule = plan(Random(seed), [PACKAGES[name] for name in names], 30_000)
    assert Schedule.from_json(schedule.to_json()) == schedule


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "expected what a run stored"),
        (b'{"steps": 3}', "Expected `array`, got `int` - at `\\$.steps`"),
        (b'{"steps":[],"time_limit_ms":1,"cure_by_ms":1,"version":9}', "version 1, found 9"),
        (
            (
                b'{"steps":[{"at_ms":5,"until_ms":4,"fault":{"name":"a","kind":"kill","targets":[]}}],'
                b'"time_limit_ms":9,"cure_by_ms":9}'
            ),
            "step 1 \\(a\\): expected 0 <= at_ms <= until_ms, found 5..4",
        ),
    ],
)
def test_a_file_that_is_no_schedule_says_why(text: bytes, message: str) -> None:
    with pytest.raises(ScheduleError, match=message):
        Schedule.from_json(text)
