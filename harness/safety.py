"""The safety phase: clients work while faults come and go, until the time is over or a signal.

    |-- clients ------------------------------------------------------------------|
         |-- conductor: inject, prove, cure, prove --|  cure all  |-- after cure --|
                                                   time limit

Clients outlive the faults by a moment, and until a send is ok again, so that each outage has its
end in the history; a run that is cut short by a signal gets the same ending. The schedule is stored
as it was executed, whatever happened to it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.interpreter import Interpreter, RecordsOps
from harness.phases import Phases
from harness.store.folder import RunFolder
from harness.store.log import SuiteLog
from harness.watch import Watch
from harness.world import World
from histories.op import NEMESIS, FaultRecord, Op
from nemesis.conductor import Conductor
from nemesis.healing import NemesisError
from nemesis.journal import Journal
from nemesis.schedules import Schedule

__all__ = ["Safety", "conductor_of"]

AFTER_CURE_S = 1.0
RECOVERY_MS_MAX = 10_000  # longer than a client waits, and than a name server is in the dark
GRACE_S = 20.0  # for faults that are slow to be cured; then they are cured by force


def conductor_of(
    world: World, schedule: Schedule, folder: RunFolder, recorder: RecordsOps
) -> Conductor:
    """Make the conductor of a run: its ops go into the history, its journal into the folder."""

    def record(f: str, fault: FaultRecord) -> Op:
        return recorder.record(process=NEMESIS, type="info", f=f, fault=fault)

    return Conductor(world.targets, schedule, record, Journal(folder.journal))


@dataclass(slots=True)
class Safety:
    """Runs clients and faults side by side."""

    interpreter: Interpreter
    conductor: Conductor
    watch: Watch
    time_limit_s: float
    phases: Phases
    log: SuiteLog
    store_schedule: Callable[[Schedule], None]
    problems: list[str] = field(default_factory=list)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end_early(self) -> None:
        """Stop injecting, cure, and go on to the drain."""
        self._ended.set()

    async def run(self) -> None:
        """Run until the time limit or ``end_early``; afterwards everything is cured."""
        self.conductor.on_inject.append(self.watch.on_inject)
        async with asyncio.TaskGroup() as group:
            clients = group.create_task(self.interpreter.run(), name="clients")
            try:
                async with self.watch.watching():
                    with self.phases.phase("safety"):
                        await self._faults(clients)
                    with self.phases.phase("cure"):
                        await self._cure_all()
                        await asyncio.sleep(AFTER_CURE_S)
                        await self.conductor.await_recovery(RECOVERY_MS_MAX)
            finally:
                self.interpreter.stop()
        self.problems += self.watch.problems

    async def _faults(self, clients: "asyncio.Task[None]") -> None:
        """Conduct the schedule until the time is over; a client that breaks ends it, too."""
        conducting = asyncio.create_task(self.conductor.run(), name="conductor")
        ended = asyncio.create_task(self._ended.wait(), name="end early")
        enough = asyncio.create_task(asyncio.sleep(self.time_limit_s), name="time limit")
        try:
            await asyncio.wait({enough, ended, clients}, return_when=asyncio.FIRST_COMPLETED)
            if enough.done() and not conducting.done():
                first = asyncio.FIRST_COMPLETED
                await asyncio.wait({conducting, ended, clients}, timeout=GRACE_S, return_when=first)
        finally:
            for task in (enough, ended, conducting):
                task.cancel()
            await asyncio.gather(enough, ended, conducting, return_exceptions=True)
        self._note_conductor(conducting)

    def _note_conductor(self, conducting: "asyncio.Task[Schedule]") -> None:
        """Keep what the conductor did, and whether it broke."""
        self.store_schedule(self.conductor.executed)
        if conducting.cancelled():
            self.log.info("schedule cut short", executed=len(self.conductor.executed.steps))
            return
        error = conducting.exception()
        if error is not None:
            self.log.error("conductor broke", error=repr(error))
            self.problems.append(f"the nemesis broke: {error!r}")

    async def _cure_all(self) -> None:
        try:
            await self.conductor.cure_all()
        except NemesisError as error:
            self.log.exception("not cured")
            self.problems.append(str(error))
