"""How runs end: a divergence is judged first, then mended by a command that is written down."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from broker.errors import BrokerError
from checkers.suite import Judgement
from checkers.verdict import Anomaly, Validity, Verdict
from harness.conclusion import Conclusion
from harness.draws import stream
from harness.judgement import judge_run
from harness.memory_recorder import MemoryRecorder
from harness.operations import Operations
from harness.options import RunOptions
from harness.phases import Phases
from harness.sessions import ClusterOperator
from harness.simulated.run import SimulatedRun, simulate
from harness.simulated.swarm import options_of_seed
from harness.simulated.world import SimulatedWorld
from histories.history import History
from histories.op import Op
from simulation.loop import run_virtual

AHEAD = {"nemeses": ("power-cut-master",), "volatile": True, "time_limit_s": 8.0, "rate": 60.0}
"""A power cut takes from the master what its slave has already."""


@pytest.fixture(scope="module")
def diverged() -> SimulatedRun:
    """Of a few seeds the first whose power cut came when not everything was flushed."""
    for seed in range(1, 9):
        run = simulate(options_of_seed(seed, mode="ASYNC_MASTER+ASYNC_FLUSH", **AHEAD))
        if "discarded" in run.judgement.anomalies:
            return run
    raise AssertionError("expected a slave that is ahead of its master in one run of eight")


def commands(ops: tuple[Op, ...]) -> list[Op]:
    return [op for op in ops if op.f == "resynchronise"]


def test_what_a_resynchronisation_threw_away_is_named(diverged: SimulatedRun) -> None:
    judgement = diverged.judgement

    assert judgement.validity is Validity.VALID, judgement.why
    assert judgement.anomalies["diverged"].validity is Validity.VALID
    assert judgement.anomalies["discarded"].count > 0
    assert "lost" not in judgement.anomalies


def test_the_operators_command_is_four_ops_with_its_proof(diverged: SimulatedRun) -> None:
    ops = commands(diverged.ops)
    faults = [op.fault for op in ops if op.fault is not None]

    assert [(fault.phase, fault.bit) for fault in faults] == [
        ("inject", None),
        ("inject", True),
        ("cure", None),
        ("cure", True),
    ]
    assert "the slave's log was cut from" in faults[1].proof
    before, *after = (fault.ends["slave"]["end"] for fault in faults)
    assert after == [after[0]] * 3
    assert after[0] < before
    steps = len(diverged.schedule.steps)
    assert faults[0].id not in range(1, steps + 1), "it is none of the schedule's faults"


def test_everything_is_read_again_after_the_command(diverged: SimulatedRun) -> None:
    """P7 is promised again from then on, and what nobody shows any more was discarded."""
    last = commands(diverged.ops)[-1].index
    again = [op for op in diverged.ops[last:] if op.type == "ok" and op.f in ("drain", "dump")]

    assert all(op.certified for op in again if op.f == "drain")
    dumps = {op.node: op.value for op in again if op.f == "dump"}
    assert dumps["master"]["crcs"] == dumps["slave"]["crcs"]
    assert dumps["master"]["end"] == dumps["slave"]["end"]


def test_a_run_without_divergence_has_no_command() -> None:
    run = simulate(options_of_seed(4, mode="SYNC_MASTER+SYNC_FLUSH", nemeses=(), time_limit_s=3.0))

    assert commands(run.ops) == []
    assert [op.node for op in run.ops if op.f == "dump" and op.type == "ok"] == ["master", "slave"]


class Refusing:
    """An operator whose slave does not obey: as often as it has errors to tell."""

    def __init__(self, operator: ClusterOperator, errors: list[Exception]) -> None:
        self.operator = operator
        self.errors = errors

    def __getattr__(self, name: str) -> object:
        return getattr(self.operator, name)

    async def resynchronise(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return await self.operator.resynchronise()


def concluded(
    *, diverged: bool, errors: Sequence[Exception] = ()
) -> tuple[list[Judgement], list[str], list[Op]]:
    """Conclude a sound cluster whose first judgement may say that it diverged."""
    options = RunOptions(seed=1, world="simulated", nemeses=())
    recorder, told, problems = MemoryRecorder(), list[Judgement](), list[str]()

    async def living() -> None:
        world = SimulatedWorld(options, stream(1, "world"))
        await world.start()
        await world.workload()
        operator = world.operator

        async def refusing() -> Refusing:
            return Refusing(await operator(), list(errors))

        world.operator = refusing  # type: ignore[assignment,method-assign]
        judgements = 0

        async def judge() -> Judgement:
            nonlocal judgements
            judgements += 1
            found = judge_run(History.from_ops(recorder.ops), options)
            return with_divergence(found) if diverged and judgements == 1 else found

        phases = Phases(asyncio.get_running_loop().time, lambda _name, _now: None)
        operations = Operations(recorder, 0, problems)
        await Conclusion(world, operations, options.queues, judge, phases, told.append).run()
        await world.stop()

    run_virtual(living())
    return told, problems, recorder.ops


def with_divergence(judgement: Judgement) -> Judgement:
    found = Anomaly("diverged", 1, Validity.VALID)
    verdict = Verdict(Validity.VALID, {"diverged": found})
    return replace(judgement, verdicts={**judgement.verdicts, "replicas": verdict})


def test_a_command_that_is_refused_makes_the_run_unknown_and_does_not_end_it() -> None:
    told, problems, ops = concluded(diverged=True, errors=[ConnectionResetError("no")])

    assert problems == ["resynchronise: ConnectionResetError: no"]
    assert told[-1].verdicts["run"].why == tuple(problems)
    assert [op.fault.bit for op in commands(tuple(ops)) if op.fault] == [None, False, None, False]
    assert told[-1].verdicts["convergence"].validity is Validity.VALID


def test_a_slave_that_does_not_know_its_master_yet_is_told_again() -> None:
    unknown = BrokerError(1, "no master is known to resynchronise with")
    _, problems, ops = concluded(diverged=True, errors=[unknown, unknown])

    assert problems == []
    assert [op.fault.bit for op in commands(tuple(ops)) if op.fault] == [None, True, None, True]


def test_the_first_verdict_is_told_before_anything_is_mended() -> None:
    told, _, _ = concluded(diverged=False)

    first, last = told
    assert "convergence" not in first.verdicts
    assert last.verdicts["convergence"].validity is Validity.VALID
