"""From the last cure to the verdict, for runs whose history is in memory.

What a run on real processes does in phases that are timed, stored and shown (``harness/run.py``)
is here one function: quiesce, drain, dump, judge, mend a divergence, prove convergence.
"""

from collections.abc import Sequence

from checkers.suite import Judgement
from checkers.verdict import Validity, Verdict
from harness.convergence import converge
from harness.drain import drain_all, dump_all
from harness.judgement import judge_run, with_verdicts
from harness.memory_recorder import MemoryRecorder
from harness.operations import Operations
from harness.options import RunOptions
from harness.quiesce import quiesce
from harness.readiness import routed
from harness.workloads.queue import TOPIC
from harness.world import World
from histories.history import History

__all__ = ["conclude"]


async def conclude(
    world: World,
    recorder: MemoryRecorder,
    processes: int,
    options: RunOptions,
    problems: Sequence[str] = (),
) -> Judgement:
    """Read everything and judge; ``processes`` is the next free number of a process."""
    operations = Operations(recorder, processes)
    operator = await world.operator()
    found = [*problems, await quiesce(world, operations), await routed(operator)]
    await drain_all(operator, operations, TOPIC, options.queues)
    await dump_all(operator, operations)
    judgement = judge_run(History.from_ops(recorder.ops), options)

    if "diverged" in judgement.anomalies:
        await operator.resynchronise()
    more = {"convergence": await converge(world, operator, operations)}
    if why := tuple(problem for problem in [*found, *operations.problems] if problem):
        more["run"] = Verdict(Validity.UNKNOWN, why=why)
    await operator.close()
    return with_verdicts(judgement, more)
