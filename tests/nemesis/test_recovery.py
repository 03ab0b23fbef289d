"""What is wrong before a fault is not held against it: it waits until clients are served."""

import pytest

from nemesis.conductor import Conductor
from nemesis.faults import Fault, Step
from nemesis.journal import Journal
from nemesis.recovery import ROUTES_MS, SERVED_MS_MAX
from nemesis.schedules import Schedule
from tests.nemesis.fake_world import Recorded, World, run

KILL = Fault("kill-master", "kill", ("master",), stops_writes=True)
SLOW = Fault(
    "delay-replication",
    "toxic",
    ("slave->master-ha",),
    {"toxic": "latency", "stream": "both", "cycle": False, "latency": 9},
)
DARK = Fault("kill-nameserver", "kill", ("nameserver",))
NOBODY = [(0, 10**9)]


def spans(
    *steps: Step, outages: list[tuple[int, int]], limit_ms: int = 90_000
) -> list[tuple[int, int]]:
    """Carry the steps out while clients are not served at some times; say when each was on."""
    world = World()

    def served_ns(now_ns: int) -> int:
        down = any(begin <= now_ns // 1_000_000 < end for begin, end in outages)
        return -1 if down else now_ns

    world.clients.served = served_ns

    async def conducted() -> Schedule:
        conductor = Conductor(world, Schedule(steps, limit_ms, limit_ms), Recorded(), Journal())
        await conductor.run()
        await conductor.cure_all()
        return conductor.executed

    executed = run(conducted())
    assert world.sound()
    return [(step.at_ms // 100 * 100, step.until_ms // 100 * 100) for step in executed.steps]


@pytest.mark.parametrize("after", [SLOW, KILL])
def test_a_fault_begins_when_the_outage_before_it_is_over(after: Fault) -> None:
    kill, later = Step(0, 1000, KILL, alone=True), Step(1200, 1700, after, alone=True)
    assert spans(kill, later, outages=[(500, 4000)]) == [(0, 1000), (4000, 4500)]


def test_after_a_name_server_was_away_it_waits_until_all_routes_are_whole() -> None:
    """A send that was ok by an old route says nothing: the next look may show a slave alone."""
    dark, later = Step(0, 1000, DARK, alone=True), Step(1200, 1700, SLOW, alone=True)
    _, (begun, _) = spans(dark, later, outages=[])
    assert 1000 + ROUTES_MS <= begun < 1500 + ROUTES_MS


def test_and_stays_on_until_a_send_was_ok_in_it_if_it_spares_sends() -> None:
    """Clients may learn of an outage late: when they ask a new name server for their route."""
    slow = Step(1000, 1500, SLOW, alone=True)
    assert spans(slow, outages=[(1100, 3000)]) == [(1000, 3000)]
    assert spans(slow, outages=[(1100, 1300)]) == [(1000, 1500)]
    kill = Step(1000, 1500, KILL, alone=True)
    assert spans(kill, outages=[(1100, 3000)]) == [(1000, 1500)]


def test_a_cluster_that_serves_nobody_any_more_is_not_waited_for_for_ever() -> None:
    begun, over = 1000 + SERVED_MS_MAX, 1500 + 2 * SERVED_MS_MAX
    assert spans(Step(1000, 1500, SLOW, alone=True), outages=NOBODY) == [(begun, over)]


def test_nor_does_the_wait_take_all_the_time_that_there_is() -> None:
    """The limit comes before it; a fault that waited for too long would not happen at all."""
    ((begun, _),) = spans(
        Step(1000, 1500, SLOW, alone=True, promised=False), outages=NOBODY, limit_ms=5000
    )
    assert begun == 4900


def test_one_that_may_overlap_with_others_waits_for_nobody() -> None:
    assert spans(Step(1000, 1500, SLOW), outages=NOBODY) == [(1000, 1500)]


def test_a_world_without_clients_is_not_waited_for() -> None:
    world = World(optional=False)
    schedule = Schedule((Step(0, 500, SLOW, alone=True),), 9000, 8000)
    assert run(Conductor(world, schedule, Recorded(), Journal()).run()).steps[0].until_ms < 600
