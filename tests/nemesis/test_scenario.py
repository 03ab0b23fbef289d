"""Scenario files: what they mean, and what is said of each mistake in them."""

from random import Random

import pytest

from nemesis.conductor import Conductor
from nemesis.healing import NemesisError
from nemesis.journal import Journal
from nemesis.registry import PACKAGES
from nemesis.scenario import (
    Scenario,
    ScenarioError,
    load_scenario,
    parse_scenario,
    shipped_scenarios,
)
from nemesis.schedules import Schedule
from nemesis.targets import NodeEnds
from tests.nemesis.fake_world import FakeNode, Recorded, World, run

HEAD = 'says = "a test"\nseconds = 12\n'


def parsed(steps: str) -> Scenario:
    return parse_scenario(HEAD + steps, "test.toml", Random(1))


def played(schedule: Schedule, world: World) -> tuple[Recorded, Schedule]:
    async def conducted() -> tuple[Recorded, Schedule]:
        recorded = Recorded()
        conductor = Conductor(world, schedule, recorded, Journal())
        try:
            return recorded, await conductor.run()
        finally:
            await conductor.cure_all()

    return run(conducted())


def lagging(world: World, bytes_a_second: int) -> None:
    """Let the slave fall behind, and the flusher with it."""

    async def ends(node: FakeNode) -> NodeEnds:
        grown = world.now_ns() * bytes_a_second // 10**9
        if node.name == "master":
            world.stores["master"].fill(1000 + grown)
        return NodeEnds(1000 + (grown if node.name == "master" else 0), 1000)

    for node in world.nodes.values():
        node.ends = lambda node=node: ends(node)


def test_times_are_absolute_or_count_from_the_step_before() -> None:
    scenario = parsed(
        """
        [[step]]
        at = "2s"
        fault = "kill-master"
        [[step]]
        at = "+1.5s"
        for = "300ms"
        fault = "partition-replication"
        mode = "stall"
        """
    )
    first, second = scenario.steps
    assert (first.at_ms, first.until_ms, first.after) == (2000, 4000, 0)
    assert (second.at_ms, second.until_ms, second.after) == (1500, 1800, 1)
    assert second.fault.options["mode"] == "stall"


def test_a_step_after_another_waits_for_its_injection() -> None:
    scenario = parsed(
        """
        [[step]]
        at = "1s"
        fault = "restart-storm-slave"
        rounds = 4
        [[step]]
        at = "+1s"
        fault = "kill-master"
        """
    )
    _, executed = played(scenario.schedule, World())
    first, second = executed.steps
    assert second.at_ms == first.at_ms + 1000
    assert second.after == 0, "stored as executed, its time is known"


def test_a_condition_is_awaited() -> None:
    scenario = parsed(
        """
        [[step]]
        when = "slave-lag >= 3KB"
        for = "1s"
        fault = "kill-master"
        """
    )
    world = World()
    lagging(world, bytes_a_second=1000)
    recorded, executed = played(scenario.schedule, world)
    assert 3000 <= executed.steps[0].at_ms < 3100
    assert 1000 <= executed.steps[0].until_ms - executed.steps[0].at_ms < 1100
    assert executed.steps[0].when == "slave-lag >= 3KB"
    assert all(op.bit for op in recorded.proofs("inject"))


def test_a_condition_that_never_comes_makes_the_run_prove_nothing() -> None:
    scenario = parsed(
        """
        [[step]]
        when = "slave-lag >= 3MB"
        fault = "kill-master"
        """
    )
    recorded, executed = played(scenario.schedule, World())
    assert executed.steps == ()
    (op,) = recorded.proofs("inject")
    assert op.bit is False
    assert op.proof == "'slave-lag >= 3MB' never came in time"


def test_a_condition_that_does_not_come_true_within_its_time_is_waited_for_no_longer() -> None:
    scenario = parsed(
        """
        [[step]]
        when = "slave-lag >= 3MB"
        within = "2s"
        fault = "kill-master"
        """
    )
    recorded, executed = played(scenario.schedule, World())
    (step,) = executed.steps
    assert step.at_ms == 3000  # a second of warm-up, and the two
    assert [op.bit for op in recorded.proofs("inject")] == [True]


def test_a_kill_at_a_crash_point_is_a_crash() -> None:
    scenario = parsed(
        """
        [[step]]
        when = "crash-point after-flush-before-replicate"
        fault = "kill-master"
        """
    )
    assert scenario.needs == ("controls",)
    recorded, _ = played(scenario.schedule, World())
    (op,) = recorded.proofs("inject")
    assert op.name == "kill-master"
    assert op.options["crash_point"] == "after-flush-before-replicate"
    assert "died at 'after-flush-before-replicate'" in op.proof


@pytest.mark.parametrize("name", shipped_scenarios())
def test_each_shipped_scenario_plays_and_bites(name: str) -> None:
    scenario = load_scenario(name, Random(3))
    world = World(volatile="volatile" in scenario.needs)
    lagging(world, bytes_a_second=5000)
    recorded, executed = played(scenario.schedule, world)
    assert [op.proof for op in recorded.ops if op.bit is False] == []
    assert len(executed.steps) == len(scenario.steps)
    assert world.sound()
    assert scenario.says
    assert scenario.shows
    assert set(scenario.loses_in).isdisjoint(scenario.safe_in)


def test_six_scenarios_ship() -> None:
    assert len(shipped_scenarios()) == 6


def test_every_mistake_is_reported_with_its_line_and_all_at_once() -> None:
    text = """sayz = "oops"
seconds = 12
[[step]]
at = "soon"
fault = "kil-master"

[[step]]
at = "1s"
when = "slave-lagg >= 1MB"
fault = "partition-replication"
mode = "stal"
speed = 3

[[step]]
when = "slave-lagg >= 1MB"
fault = "kill-slave"

[[step]]
when = "crash-point somewhere"
fault = "disk-lost-slave"
unclean = 1

[[step]]
at = "11s"
fault = "kill-slave"
"""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "bad.toml", Random(1))
    found = str(caught.value).splitlines()
    assert [complaint.split(": ")[:2] for complaint in found] == [
        ["bad.toml:1", "says"],
        ["bad.toml:1", "sayz"],
        ["bad.toml:4", "at"],
        ["bad.toml:5", "fault"],
        ["bad.toml:8", "at"],
        ["bad.toml:9", "when"],
        ["bad.toml:11", "mode"],
        ["bad.toml:12", "speed"],
        ["bad.toml:15", "when"],
        ["bad.toml:19", "when"],
        ["bad.toml:20", "fault"],
        ["bad.toml:21", "unclean"],
        ["bad.toml:23", "for"],
    ]
    assert "such as 'kill-master', found" in str(caught.value)
    assert "expected an end by 10000 ms" in str(caught.value)


def test_what_is_not_toml_is_named_with_its_line() -> None:
    with pytest.raises(ScenarioError, match=r"bad.toml:2: expected TOML, found: .*"):
        parse_scenario('says = "x"\nsecond = = 3\n', "bad.toml", Random(1))


def test_a_name_that_is_no_scenario_is_answered_with_the_nearest() -> None:
    with pytest.raises(ScenarioError, match="did you mean 'both-lose-power'"):
        load_scenario("both-loose-power", Random(1))


def test_the_first_step_waits_for_the_warm_up() -> None:
    scenario = parsed('[[step]]\nwhen = "master up"\nfault = "kill-master"\n')
    _, executed = played(scenario.schedule, World())
    assert executed.steps[0].at_ms >= 1000


def test_a_fault_that_cannot_be_cured_in_a_scenario_is_an_error_as_ever() -> None:
    world = World()
    world.failing = lambda _number, what: what == "start master"
    scenario = parsed('[[step]]\nat = "1s"\nfault = "kill-master"\n')
    with pytest.raises(NemesisError):
        played(scenario.schedule, world)


def test_a_scenario_needs_what_its_faults_need() -> None:
    scenario = parsed('[[step]]\nat = "1s"\nfault = "disk-lost-master"\n')
    assert scenario.needs == PACKAGES["disk-lost-master"].needs == ("stores",)
