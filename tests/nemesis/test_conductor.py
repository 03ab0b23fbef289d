"""A schedule carried out: every fault proven, cured and written down, whatever fails."""

import asyncio
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemesis.conductor import Conductor
from nemesis.faults import Fault, Step
from nemesis.healing import NemesisError, heal
from nemesis.journal import Journal, JournalError
from nemesis.registry import PACKAGES
from nemesis.schedules import OVERTIME_MS, Schedule, plan
from tests.nemesis.fake_world import Recorded, World, run

ALL = [name for name in PACKAGES if not name.startswith("power-cut")]


def schedule_of(*names: str, seconds: int = 30, seed: int = 1) -> Schedule:
    return plan(Random(seed), [PACKAGES[name] for name in names], seconds * 1000)


def one_kill(at_ms: int = 100, until_ms: int = 900) -> Schedule:
    step = Step(at_ms, until_ms, Fault("kill-master", "kill", ("master",), {}, stops_writes=True))
    return Schedule((step,), 5000, 4000)


async def conducted(world: World, schedule: Schedule) -> tuple[Recorded, Schedule]:
    recorded = Recorded()
    conductor = Conductor(world, schedule, recorded, Journal())
    try:
        await conductor.run()
    finally:
        await conductor.cure_all()
    return recorded, conductor.executed


@pytest.mark.parametrize("name", PACKAGES)
def test_every_package_bites_is_cured_and_leaves_the_cluster_sound(name: str) -> None:
    world = World(volatile=name.startswith("power-cut"))
    recorded, executed = run(conducted(world, schedule_of(name)))
    assert executed.steps
    assert [op.proof for op in recorded.ops if op.bit is False] == []
    assert len(recorded.proofs("inject")) == len(recorded.proofs("cure")) == len(executed.steps)
    assert world.sound()


def test_a_fault_is_four_ops_two_for_each_end_of_its_life() -> None:
    recorded, _ = run(conducted(World(), one_kill()))
    assert [(op.phase, op.bit) for op in recorded.ops] == [
        ("inject", None),
        ("inject", True),
        ("cure", None),
        ("cure", True),
    ]
    assert {op.id for op in recorded.ops} == {1}
    assert all(op.stops_writes for op in recorded.ops)


def test_an_op_says_how_long_the_logs_were_where_they_could_be_asked() -> None:
    recorded, _ = run(conducted(World(), one_kill()))
    both = {"master": {"end": 1000, "flushed": 990}, "slave": {"end": 1000, "flushed": 990}}
    assert [sorted(op.ends) for op in recorded.ops] == [
        ["master", "slave"],
        ["slave"],
        ["slave"],
        ["master", "slave"],
    ]
    assert recorded.ops[0].ends == both


def test_a_kill_is_a_power_cut_where_the_disk_is_volatile() -> None:
    for volatile, word in ((False, "process"), (True, "power")):
        recorded, _ = run(conducted(World(volatile=volatile), one_kill()))
        assert {op.fault_class for op in recorded.ops} == {word}
        assert {op.options["volatile"] for op in recorded.ops} == {volatile}


def test_a_clean_stop_is_never_a_power_cut() -> None:
    recorded, _ = run(conducted(World(volatile=True), schedule_of("stop-master")))
    assert {op.fault_class for op in recorded.ops} == {"process"}


def test_what_is_stored_is_what_was_done_and_can_be_done_again() -> None:
    async def twice() -> tuple[list[str], list[str]]:
        first, second = World(), World()
        _, executed = await conducted(first, schedule_of("kill-master", "partition", seed=5))
        again = Schedule.from_json(executed.to_json())
        await conducted(second, again)
        return first.effects, second.effects

    first, second = run(twice())
    assert first == second


def test_a_node_that_is_slow_to_return_delays_its_next_fault_and_no_other() -> None:
    kill = Fault("kill-master", "kill", ("master",))
    other = Fault("kill-slave", "kill", ("slave",))
    steps = (Step(0, 500, kill), Step(600, 1200, kill), Step(700, 1200, other))
    recorded, executed = run(conducted(World(), Schedule(steps, 9000, 8000)))
    assert [step.at_ms for step in executed.steps] == [0, 1100, 700]
    assert all(op.bit is not False for op in recorded.ops)


def test_a_fault_that_had_to_wait_leaves_a_moment_of_peace_and_one_on_time_does_not() -> None:
    """Else the master is killed as soon as it serves, and no send can have succeeded between."""
    kill = Fault("kill-master", "kill", ("master",))
    for second_ms, begun_ms in ((600, 1100), (900, 900)):
        steps = (Step(0, 500, kill), Step(second_ms, second_ms + 500, kill))
        _, executed = run(conducted(World(), Schedule(steps, 9000, 8000)))
        assert executed.steps[1].at_ms == begun_ms


def test_a_step_that_is_to_be_alone_waits_and_is_waited_for_and_keeps_its_length() -> None:
    kill = Fault("kill-master", "kill", ("master",))
    other = Fault("kill-slave", "kill", ("slave",))
    steps = (
        Step(0, 1000, kill),
        Step(500, 1500, other, alone=True),
        Step(600, 700, Fault("kill-nameserver", "kill", ("nameserver",))),
    )
    recorded, executed = run(conducted(World(), Schedule(steps, 9000, 8000)))
    times = [(step.at_ms, step.until_ms) for step in executed.steps]
    assert times == [(0, 1000), (1600, 2600), (2900, 3000)]
    assert [(op.id, op.phase) for op in recorded.ops][::2] == [
        (number, phase) for number in (1, 2, 3) for phase in ("inject", "cure")
    ]


def test_a_step_that_was_promised_may_use_up_the_reserve_and_more_but_is_short() -> None:
    """On a slow machine a late fault is worth more than none: the run would prove nothing."""
    kill = Fault("kill-master", "kill", ("master",))
    steps = (Step(0, 1000, kill, alone=True), Step(1000, 3000, kill, alone=True))
    for limit_ms in (2000, 1350):
        recorded, executed = run(conducted(World(), Schedule(steps, limit_ms, 1200)))
        assert [(step.at_ms, step.until_ms) for step in executed.steps] == [(0, 1000), (1600, 2100)]
        assert all(op.bit is not False for op in recorded.ops)
        assert executed.problems() == []


def test_a_step_that_is_to_be_alone_and_finds_no_time_is_said_to_have_not_happened() -> None:
    kill = Fault("kill-master", "kill", ("master",))
    first_ms = 1250 + OVERTIME_MS
    steps = (Step(0, first_ms, kill, alone=True), Step(1000, 1100, kill, alone=True))
    recorded, executed = run(conducted(World(), Schedule(steps, 1350, first_ms)))
    assert len(executed.steps) == 1
    assert recorded.ops[-1].bit is False
    assert recorded.ops[-1].proof == "its turn never came in time"


def test_of_a_step_that_was_promised_to_nobody_nothing_is_said() -> None:
    kill = Fault("kill-master", "kill", ("master",))
    late = Step(1000, 1100, kill, alone=True, promised=False)
    recorded, executed = run(
        conducted(World(), Schedule((Step(0, 1000, kill, alone=True), late), 1350, 1200))
    )
    assert len(executed.steps) == 1
    assert all(op.bit is not False for op in recorded.ops)


def test_a_step_whose_time_has_gone_is_left_out_and_not_squeezed_in() -> None:
    kill = Fault("kill-master", "kill", ("master",))
    steps = (Step(0, 1000, kill), Step(500, 1000, kill))
    recorded, executed = run(conducted(World(), Schedule(steps, 1500, 1000)))
    assert len(executed.steps) == 1
    assert {op.id for op in recorded.ops} == {1}


def test_an_injection_that_does_not_bite_is_recorded_as_such_and_cured_all_the_same() -> None:
    world = World()
    world.failing = lambda _number, what: what == "kill master"
    recorded, _ = run(conducted(world, one_kill()))
    assert [(op.phase, op.bit) for op in recorded.ops if op.bit is not None] == [
        ("inject", False),
        ("cure", True),
    ]
    assert "made to fail" in recorded.ops[1].proof
    assert world.sound()


def test_a_cut_that_still_answers_did_not_bite() -> None:
    """A proxy call that quietly does nothing must never pass for a partition."""
    world = World()

    async def nothing(_mode: object, _stream: object) -> None:
        return None

    for link in world.links.values():
        link.cut = nothing
    recorded, _ = run(conducted(world, schedule_of("partition-client-master", seconds=8)))
    assert {op.bit for op in recorded.proofs("inject")} == {False}


def test_what_cannot_be_cured_is_an_error_after_everything_else_was_cured() -> None:
    world = World()
    world.failing = lambda _number, what: what == "start master"
    with pytest.raises(NemesisError, match="kill-master: TargetError: start master"):
        run(conducted(world, schedule_of("kill-master", "partition", "delay-replication")))
    assert all(link.enabled and not link.toxics for link in world.links.values())
    assert world.nodes["slave"].serving


@pytest.mark.parametrize("name", ["kill-both", "partition-slave-isolated", "swizzle", "reset"])
def test_each_effect_failing_in_its_turn_still_ends_with_everything_cured(name: str) -> None:
    """Fail the first effect, then the second, and so on, until the run has none left to fail."""
    schedule = schedule_of(name, seconds=8)
    for number in range(1, 200):
        world = World()
        world.failing = lambda nth, _what, number=number: nth == number
        recorded, _ = run(conducted(world, schedule))
        assert world.sound()
        assert all(op.bit is not None or op.phase for op in recorded.ops)
        if len(world.effects) < number:
            return
    pytest.fail("the run never ended")


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    names=st.lists(st.sampled_from(ALL), min_size=1, max_size=4, unique=True),
    broken=st.sets(st.integers(1, 60), max_size=6),
)
def test_a_run_ends_sound_or_says_that_it_does_not(
    seed: int, names: list[str], broken: set[int]
) -> None:
    world = World()
    world.failing = lambda number, _what: number in broken
    try:
        run(conducted(world, schedule_of(*names, seconds=12, seed=seed)))
    except NemesisError:
        return
    assert world.sound()


def test_the_journal_knows_a_fault_before_it_is_injected(tmp_path: Path) -> None:
    path = tmp_path / "active.json"
    seen: list[list[str]] = []
    world = World()

    def look(_number: int, what: str) -> bool:
        if what == "kill master":
            seen.append([fault.name for fault in Journal(path).active().values()])
        return False

    world.failing = look
    conductor = Conductor(world, one_kill(), Recorded(), Journal(path))
    run(conductor.run())
    assert seen == [["kill-master"]]
    assert Journal(path).active() == {}


def test_a_killed_suite_is_healed_from_its_journal_by_another(tmp_path: Path) -> None:
    path = tmp_path / "active.json"
    world = World()

    async def killed() -> None:
        schedule = schedule_of("kill-master", "partition-replication", "pause-slave", seed=2)
        task = asyncio.create_task(Conductor(world, schedule, Recorded(), Journal(path)).run())
        await asyncio.sleep(3.5)
        task.cancel()

    run(killed())
    assert not world.sound()
    assert run(heal(Journal(path), world))
    assert world.sound()
    assert Journal(path).active() == {}
    assert run(heal(Journal(path), world)) == []


def test_a_run_that_is_cut_short_is_cured_by_cure_all_and_curing_twice_is_curing_once() -> None:
    world, recorded = World(), Recorded()

    async def cut_short() -> None:
        conductor = Conductor(world, schedule_of("kill-both", seconds=20), recorded, Journal())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4):
                await conductor.run()
        await conductor.cure_all()
        await conductor.cure_all()

    run(cut_short())
    assert world.sound()
    last = [op for op in recorded.ops if op.id == recorded.ops[-1].id]
    assert [(op.phase, op.bit) for op in last] == [
        ("inject", None),
        ("inject", True),
        ("cure", None),
        ("cure", True),
    ]


@pytest.mark.parametrize("stopped_s", [0.1, 0.105, 0.3, 0.9, 1.0, 1.1, 1.3])
def test_whenever_a_run_is_cut_short_its_fault_has_one_beginning_and_one_cure(
    stopped_s: float,
) -> None:
    """Also in the middle of an injection, which comes to its proof, or of a cure, which is then
    begun again but not told."""
    world, recorded = World(), Recorded()

    async def cut_short() -> Schedule:
        conductor = Conductor(world, one_kill(), recorded, Journal())
        task = asyncio.create_task(conductor.run())
        await asyncio.sleep(stopped_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await conductor.cure_all()
        return conductor.executed

    steps = run(cut_short()).steps
    assert world.sound()
    if not recorded.ops:
        assert steps == ()
        return
    (step,) = steps
    begun = [op.phase for op in recorded.ops if op.bit is None]
    assert begun == ["inject", "cure"]
    assert [op.bit for op in recorded.proofs("inject")] == [True]
    assert recorded.proofs("cure")[-1].bit
    assert step.at_ms == 100
    assert 100 <= step.until_ms <= 900


def test_a_torn_journal_is_named_and_never_taken_for_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "active.json"
    path.write_bytes(msgspec.json.encode({1: one_kill().steps[0].fault})[:-3])
    with pytest.raises(JournalError, match="expected a journal of active faults"):
        Journal(path)
