"""One simulated run: everything follows from its options, and so does every byte of its history.

The phases are those of a run on real processes (``harness/run.py``), without what only a real one
needs: no folder, no signals, no threads. What it leaves is a value: the ops, the verdict, and a
digest of both the history and the nodes' logs, by which two runs of one seed are compared.
"""

import asyncio
import gc
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
import structlog

from checkers.suite import Judgement
from harness.conclusion import conclude
from harness.draws import stream
from harness.fault_plan import schedule_of
from harness.interpreter import Interpreter
from harness.memory_recorder import MemoryRecorder
from harness.operations import Operations
from harness.options import RunOptions
from harness.phases import Phases
from harness.planting import planted
from harness.safety import Safety
from harness.simulated.world import SimulatedWorld
from harness.timings import OP_TIMEOUT_MS
from harness.watch import Watch
from histories.op import NEMESIS, FaultRecord, Op
from nemesis.conductor import Conductor
from nemesis.journal import Journal
from nemesis.schedules import Schedule
from simulation.loop import run_virtual

__all__ = ["SimulatedRun", "simulate"]

COLLECT_AFTER = 100_000  # more objects than were released

ENCODE = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class SimulatedRun:
    """What came of a run."""

    options: RunOptions
    planned: Schedule  # by which the run is repeated, byte for byte
    schedule: Schedule  # as it was carried out
    ops: tuple[Op, ...]
    judgement: Judgement
    trace: tuple[str, ...]  # the nodes' log lines
    virtual_s: float
    wall_s: float

    @property
    def digest(self) -> str:
        """Name the run's history and trace by their content."""
        content = hashlib.sha256()
        for op in self.ops:
            content.update(ENCODE(op))
        for line in self.trace:
            content.update(line.encode())
        return content.hexdigest()[:16]


def simulate(options: RunOptions, schedule: Schedule | None = None) -> SimulatedRun:
    """Run once on virtual time; with a schedule, this one instead of the seed's own."""
    planned = schedule or schedule_of(options)
    with planted(options.mutant), _one_collection():
        return _lived(options, planned)


def _lived(options: RunOptions, planned: Schedule) -> SimulatedRun:
    """Live a life and keep what came of it; the world itself is garbage afterwards."""
    began = time.perf_counter()
    life = _Life(options, planned)
    virtual_s = run_virtual(life.live())
    assert life.judgement is not None, "a life ends with its judgement, or raises"
    return SimulatedRun(
        options,
        planned,
        life.executed,
        tuple(life.recorder.ops),
        life.judgement,
        tuple(life.world.lines),
        virtual_s,
        time.perf_counter() - began,
    )


@contextmanager
def _one_collection() -> Iterator[None]:
    """Look for garbage once, when a run's world is all garbage, and only among what is young.

    A run makes little garbage and keeps much that would be looked at again and again. A world that
    is left to some later collection is looked at more often, too, and is out of the caches by then.
    """
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.collect(1)
        gc.set_threshold(*before)


class _Life:
    """The phases of one run."""

    def __init__(self, options: RunOptions, schedule: Schedule) -> None:
        self.options = options
        self.executed = schedule
        self.recorder = MemoryRecorder()
        self.world = SimulatedWorld(options, stream(options.seed, "world"))
        self.judgement: Judgement | None = None
        self._problems: list[str] = []

    async def live(self) -> float:
        loop = asyncio.get_running_loop()
        await self.world.start()
        workload = await self.world.workload()
        options = self.options
        interpreter = Interpreter(
            workload,
            self.recorder,
            options.concurrency,
            options.rate,
            options.seed,
            OP_TIMEOUT_MS,
        )
        self.world.admit(interpreter)
        await self._break(interpreter)

        operations = Operations(self.recorder, interpreter.processes, self._problems)
        self.judgement = await conclude(self.world, operations, self.recorder, options)
        await self.world.stop()
        return loop.time()

    async def _break(self, interpreter: Interpreter) -> None:
        def record(f: str, fault: FaultRecord) -> Op:
            return self.recorder.record(process=NEMESIS, type="info", f=f, fault=fault)

        conductor = Conductor(self.world.targets, self.executed, record, Journal())
        phases = Phases(asyncio.get_running_loop().time, lambda _name, _now: None)
        log = structlog.wrap_logger(structlog.PrintLogger(), processors=[_drop])
        safety = Safety(
            interpreter,
            conductor,
            Watch(self.world.targets, lambda: conductor.active),
            self.options.time_limit_s,
            phases,
            log,
            self._keep_schedule,
            self._problems,
        )
        await safety.run()

    def _keep_schedule(self, schedule: Schedule) -> None:
        self.executed = schedule


def _drop(_logger: object, _name: str, _event: object) -> str:
    raise structlog.DropEvent
