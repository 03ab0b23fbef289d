"""A fault that clients could not meet yet proves nothing, so a run gives them time to.

In each story clients still suffer from one fault when they should meet the next, or the end. A run
that does not wait for them is unknown; one that does is valid, and no rule is bent for that.
"""

import pytest

import harness.safety
import nemesis.conductor
from harness.options import RunOptions
from harness.simulated.run import simulate
from nemesis.faults import Fault, Step
from nemesis.schedules import Schedule

KILL_MASTER = Fault("kill-master", "kill", ("master",), stops_writes=True)
STOP_NAMESERVER = Fault("stop-nameserver", "stop", ("nameserver",))


def slow_fsync(node: str, delay_ms: int) -> Fault:
    options = {"control": "fsync_delay_ms", "value": delay_ms}
    return Fault(f"slow-fsync-{node}", "control", (node,), options)


STORIES = {
    "clients wait for a master that lost its power until long after the last cure": (
        [Step(1000, 1500, KILL_MASTER, alone=True)],
        "kill-master: no ok send both before it and after its cure",
    ),
    "clients wait for an fsync all the time that the next fault is on": (
        [
            Step(1000, 1500, slow_fsync("master", 2000), alone=True),
            Step(1600, 2100, slow_fsync("slave", 9), alone=True),
        ],
        "slow-fsync-slave: writes were possible, but no send was ok while it was on",
    ),
    "clients ask a new name server that knows of no master yet when the next fault is on": (
        [
            Step(1000, 2000, STOP_NAMESERVER, alone=True),
            Step(2400, 3400, slow_fsync("slave", 9), alone=True),
        ],
        "slow-fsync-slave: writes were possible, but no send was ok while it was on",
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_a_run_waits_for_clients_that_would_prove_nothing_yet(
    story: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, complaint = STORIES[story]
    limit_ms = steps[-1].until_ms + 100
    schedule = Schedule(tuple(steps), limit_ms, limit_ms)
    options = RunOptions(
        seed=1,
        world="simulated",
        time_limit_s=limit_ms / 1000,
        rate=30.0,
        concurrency=3,
        queues=1,
        volatile=steps[0].fault is KILL_MASTER,
    )

    run = simulate(options, schedule)
    assert run.judgement.validity.word == "valid", run.judgement.why

    monkeypatch.setattr(nemesis.conductor, "SERVED_MS_MAX", 0)
    monkeypatch.setattr(harness.safety, "RECOVERY_MS_MAX", 0)
    hasty = simulate(options, schedule)
    assert hasty.judgement.validity.word == "unknown"
    assert complaint in hasty.judgement.why
