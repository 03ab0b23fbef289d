"""From the last cure to the last verdict: the ending of every run, in every world.

    quiesce        nothing is under way any more
    drain          every queue of both nodes, both logs
    judge          the verdict on what is there, before anybody mends anything
    resynchronise  only if the logs have diverged: the operator's command, written down
    converge       a send succeeds, both logs become one (P12)
    drain, judge   again, if the command changed what there is

A run that stores its verdicts does so as each one comes (``on_judged``), so that there is one
whatever happens afterwards.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from checkers.suite import Judgement
from checkers.verdict import Validity, Verdict
from harness.convergence import converge
from harness.drain import drain_all, dump_all
from harness.judgement import judge_run, with_verdicts
from harness.memory_recorder import MemoryRecorder
from harness.operations import Operations
from harness.options import RunOptions
from harness.phases import Phases
from harness.quiesce import quiesce
from harness.readiness import routed
from harness.resynchronising import resynchronise
from harness.workloads.queue import TOPIC
from harness.world import Operator, World
from histories.history import History

__all__ = ["Conclusion", "conclude"]


@dataclass(slots=True)
class Conclusion:
    """The ending of one run."""

    world: World
    operations: Operations  # the run's own; its problems are why nothing may be proven
    queues: int
    judge: Callable[[], Awaitable[Judgement]]  # the history as it is now
    phases: Phases
    on_judged: Callable[[Judgement], None] = lambda _judgement: None

    async def run(self) -> Judgement:
        """Read everything, judge, mend a divergence, prove convergence."""
        operator = await self.world.operator()
        try:
            return await self._conclude(operator)
        finally:
            await operator.close()

    async def _conclude(self, operator: Operator) -> Judgement:
        await self._quiesce(operator)
        await self._read(operator)
        judgement = await self._judged()
        self._tell(judgement, {})

        diverged = "diverged" in judgement.anomalies
        if diverged:
            with self.phases.phase("resynchronise"):
                self._note(await resynchronise(self.world, operator, self.operations.recorder))
        with self.phases.phase("converge"):
            convergence = await converge(self.world, operator, self.operations)
        if diverged:
            await self._read(operator)
            judgement = await self._judged()
        return self._tell(judgement, {"convergence": convergence})

    async def _quiesce(self, operator: Operator) -> None:
        with self.phases.phase("quiesce"):
            self._note(await quiesce(self.world, self.operations))
            self._note(await routed(operator))

    async def _read(self, operator: Operator) -> None:
        with self.phases.phase("drain"):
            await drain_all(operator, self.operations, TOPIC, self.queues)
            await dump_all(operator, self.operations)

    async def _judged(self) -> Judgement:
        with self.phases.phase("judge"):
            return await self.judge()

    def _tell(self, judgement: Judgement, more: Mapping[str, Verdict]) -> Judgement:
        """Add what only the run itself has seen, and hand the verdict out."""
        if problems := tuple(self.operations.problems):
            more = {**more, "run": Verdict(Validity.UNKNOWN, why=problems)}
        told = with_verdicts(judgement, more)
        self.on_judged(told)
        return told

    def _note(self, problem: str) -> None:
        if problem:
            self.operations.problems.append(problem)


async def conclude(
    world: World, operations: Operations, recorder: MemoryRecorder, options: RunOptions
) -> Judgement:
    """Conclude a run whose history is in memory."""

    async def judge() -> Judgement:
        return judge_run(History.from_ops(recorder.ops), options)

    phases = Phases(asyncio.get_running_loop().time, lambda _name, _now: None)
    return await Conclusion(world, operations, options.queues, judge, phases).run()
