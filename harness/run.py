"""The life of a run: set up, break, mend, read everything, judge, and leave nothing behind.

The verdict is on disk before anything is torn down, and the tear-down happens whatever was raised:
a run that ends in an exception, or by a second Ctrl-C, still leaves no process and no port, and a
history that can be read. Phases are in ``phases.py``, the folder in ``store/folder.py``.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from rich.console import Console

from checkers.suite import Judgement
from checkers.verdict import Validity
from harness.conclusion import Conclusion
from harness.fault_plan import schedule_of
from harness.interpreter import Interpreter
from harness.judgement import judge_run
from harness.operations import Operations
from harness.options import RunOptions
from harness.phases import Phases
from harness.progress import Progress, show
from harness.safety import Safety, conductor_of
from harness.signals import two_stage_signals
from harness.store.folder import RunFolder, write_json
from harness.store.junit import write_junit
from harness.store.log import SuiteLog
from harness.surroundings import described, surroundings_of
from harness.timings import OP_TIMEOUT_MS
from harness.watch import Watch
from harness.world import World
from histories.formats import read_history
from histories.op import Op
from histories.recorder import Recorder
from nemesis.schedules import Schedule

__all__ = ["MakeWorld", "Run", "RunResult"]

MakeWorld: TypeAlias = Callable[[RunOptions, RunFolder, Callable[[], int]], World]


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended."""

    options: RunOptions
    folder: RunFolder
    judgement: Judgement | None  # None if it was stopped at once
    seconds: float
    cut_short: bool = False  # by a signal, so it is not the run that was asked for

    @property
    def validity(self) -> Validity:
        """Nothing is known of a run that was not judged."""
        return self.judgement.validity if self.judgement else Validity.UNKNOWN


@dataclass(slots=True)
class Run:
    """One run, from its folder to its verdict."""

    options: RunOptions
    folder: RunFolder
    log: SuiteLog
    make_world: MakeWorld
    console: Console
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    problems: list[str] = field(default_factory=list)
    judgement: Judgement | None = None
    schedule: Schedule | None = None  # carried out in place of the seed's own
    phases: Phases = field(init=False)
    progress: Progress = field(init=False)
    _safety: Safety | None = None
    _end_early: bool = False
    _stopped: bool = False  # before its end
    _ending: bool = False  # its tear-down has begun, or is about to

    def __post_init__(self) -> None:
        self.progress = Progress(self.options)
        self.phases = Phases(time.monotonic, self._on_phase)

    async def live(self) -> RunResult:
        """Live the whole life, and say how it ended."""
        began = time.monotonic()
        recorder = Recorder(self.folder.history, time.monotonic_ns, self._on_op)
        world = self.make_world(self.options, self.folder, recorder.now_ns)
        task = asyncio.current_task()
        assert task is not None, "a run lives in a task"

        with recorder, two_stage_signals(self._on_first_signal, lambda: self._on_second(task)):
            async with show(self.progress, self.console):
                try:
                    await self._live(world, recorder)
                except asyncio.CancelledError:
                    if not self._stopped:
                        raise
                    task.uncancel()
                finally:
                    self._ending = True
                    with self.phases.phase("tear down"):
                        await world.stop()
                    self._write_test_json(world)
        seconds = time.monotonic() - began
        return RunResult(self.options, self.folder, self.judgement, seconds, self._end_early)

    async def _live(self, world: World, recorder: Recorder) -> None:
        self._write_test_json(world)  # for whoever must clean up if this one cannot
        with self.phases.phase("set up"):
            await world.start()
            workload = await world.workload()
            self._write_test_json(world)

        interpreter = Interpreter(
            workload,
            recorder,
            self.options.concurrency,
            self.options.rate,
            self.options.seed,
            OP_TIMEOUT_MS,
        )
        world.admit(interpreter)
        await self._break(world, recorder, interpreter)

        operations = Operations(recorder, interpreter.processes, self.problems)
        await Conclusion(
            world,
            operations,
            self.options.queues,
            lambda: asyncio.to_thread(self._judge),
            self.phases,
            self._store_judgement,
        ).run()
        with self.phases.phase("report"):
            await asyncio.to_thread(self._report)

    async def _break(self, world: World, recorder: Recorder, interpreter: Interpreter) -> None:
        """Let clients work and faults happen; afterwards all is cured and no client is left."""
        schedule = self.schedule or schedule_of(self.options)
        self._store_schedule(schedule)
        conductor = conductor_of(world, schedule, self.folder, recorder)
        self._safety = Safety(
            interpreter,
            conductor,
            Watch(world.targets, lambda: conductor.active),
            self.options.time_limit_s,
            self.phases,
            self.log,
            self._store_schedule,
            self.problems,
        )
        if self._end_early:
            self._safety.end_early()
        await self._safety.run()

    def _judge(self) -> Judgement:
        return judge_run(read_history(self.folder.history), self.options)

    def _store_judgement(self, judgement: Judgement) -> None:
        """Keep a verdict at once, whatever happens afterwards."""
        self.judgement = judgement
        write_json(self.folder.results, judgement.to_json())
        self.log.info("judged", validity=judgement.validity.word)

    def _report(self) -> None:
        """Write what people and CI servers read; the verdict stands without it."""
        from harness.report import write_report  # noqa: PLC0415  jinja2 is for this moment only

        assert self.judgement is not None, "a report is of a verdict"
        write_junit(
            self.folder.junit, self.judgement, self.options, sum(self.phases.seconds.values())
        )
        try:
            write_report(self.folder.path)
        except Exception as error:  # a page that cannot be drawn changes no verdict
            self.log.exception("no report", error=repr(error))

    def _write_test_json(self, world: World) -> None:
        write_json(
            self.folder.test_json,
            described(
                self.options,
                surroundings_of(self.options, self.started),
                world.surroundings,
                {"phases": self.phases.seconds, "problems": self.problems},
            ),
        )

    def _store_schedule(self, schedule: Schedule) -> None:
        self.folder.schedule.write_bytes(schedule.to_json())

    def _on_op(self, op: Op) -> None:
        self.progress.on_op(op, time.monotonic())

    def _on_phase(self, name: str, now_s: float) -> None:
        self.progress.enter(name, now_s)
        self.log.info("phase", name=name)

    def _on_first_signal(self) -> None:
        """Cure, drain, judge; during the set-up already, the run ends as soon as it begins."""
        self.log.info("first signal: ending early")
        self._end_early = True
        if self._safety is not None:
            self._safety.end_early()

    def _on_second(self, task: "asyncio.Task[Any]") -> None:
        """Stop at once; a tear-down that were cut short would leave nodes behind."""
        if not self._ending:
            self.log.info("second signal: stopping at once")
            self._stopped = self._ending = True
            task.cancel()
