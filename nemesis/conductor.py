"""Carry a schedule out: inject, prove, hold, cure, prove, and write everything down.

Each step is a task of its own, so that faults overlap as planned, but for those that are to be
alone. Before it injects, a step takes hold of what its fault occupies, and lets go when the cure
is proven: a node that is slow to come back delays its next fault and nothing else. What was so
delayed keeps a short distance, for a node that is ended as soon as it serves proves nothing. Nor
does a fault if what was wrong before it still keeps clients from sending: one that is to be alone
waits for a send that is ok, and if it leaves sends possible for another before it is cured.

Four ops go into the history for each fault, two for its injection and two for its cure, in
Jepsen's way: one before, one after with the proof.

    journal.enter  >  record inject  >  inject  >  record proof
    record cure    >  cure           >  record proof  >  journal.strike

An injection or cure that cannot be proven is recorded with ``bit=False``, and the run can prove
nothing. What could not be cured in its turn is tried again by ``cure_all``, which everybody must
await who ever awaited ``run``; it raises ``NemesisError`` after it has tried everything.

Only asyncio's clock is used, so that the simulation can carry a schedule out in virtual time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from typing import TypeAlias

from histories.op import FaultRecord
from nemesis.catalogue import KINDS
from nemesis.conditions import await_condition, parse_condition
from nemesis.fault_records import described, proven
from nemesis.faults import Fault, Proof, Step
from nemesis.healing import NemesisError, attempt, cure, sweep
from nemesis.journal import Journal
from nemesis.recovery import SERVED_MS_MAX, Recovery
from nemesis.schedules import OVERTIME_MS, Schedule
from nemesis.shapes import HOLD_MS_MIN
from nemesis.targets import Targets

__all__ = ["Conductor", "Record"]

Record: TypeAlias = Callable[[str, FaultRecord], object]
"""Writes a nemesis op: its f, and its fault."""

LATE_HOLD_MS = 500
"""How long a fault is on that begins when all of them should be cured."""

REST_MS = 300
"""How long what a fault occupied is left in peace before a fault that had to wait for it."""


class Conductor:
    """One schedule on its way through one cluster."""

    def __init__(
        self, targets: Targets, schedule: Schedule, record: Record, journal: Journal
    ) -> None:
        self._targets = targets
        self._schedule = schedule
        self._record = record
        self._journal = journal
        self.on_inject: list[Callable[[Fault], None]] = []
        """Who wants a look at the cluster before a fault touches it."""
        self._locks: dict[str, asyncio.Lock] = {}
        self._freed_ms: dict[str, int] = {}  # when each thing was last let go
        self._executed: dict[int, Step] = {}
        self._injected = [asyncio.Event() for _ in range(len(schedule.steps) + 1)]
        self._ended = [asyncio.Event() for _ in range(len(schedule.steps) + 1)]
        self._curing: dict[int, FaultRecord] = {}
        self._began = 0.0
        self._recovery = Recovery(targets)

    @property
    def active(self) -> Mapping[int, Fault]:
        """What is on right now, by fault id; for live progress."""
        return self._journal.active()

    @property
    def executed(self) -> Schedule:
        """The schedule as it was carried out so far, with the times that were kept."""
        steps = tuple(step for _, step in sorted(self._executed.items()))
        return replace(self._schedule, steps=steps)

    async def run(self) -> Schedule:
        """Carry every step out, and return the schedule as it was executed."""
        self._began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as steps:
            for number, step in enumerate(self._schedule.steps, start=1):
                steps.create_task(self._perform(number, step))
        return self.executed

    async def cure_all(self) -> None:
        """Cure what is still on, the youngest first, then sweep the cluster. Idempotent."""
        problems = []
        for number, fault in reversed(list(self.active.items())):
            proof = await self._cure(number, fault)
            if not proof.bit:
                problems.append(f"{fault.name}: {proof.text}")
        problems += await sweep(self._targets)
        if problems:
            raise NemesisError(f"not cured: {'; '.join(problems)}")

    async def await_recovery(self, patience_ms: int) -> None:
        """Wait until clients were served that called after the last cure, for so long at most."""
        await self._recovery.after_cures(("send", "pull"), patience_ms)

    async def inject(self, fault: Fault) -> int:
        """Inject a fault that is in no schedule, and return its number; for tests by hand."""
        self._injected.append(asyncio.Event())
        number = len(self._injected) - 1
        now_ms = self._now_ms()
        await self._inject(number, Step(now_ms, now_ms, fault))
        return number

    async def cure(self, number: int) -> Proof:
        """Cure one fault before its time."""
        return await self._cure(number, self.active[number])

    async def _perform(self, number: int, step: Step) -> None:
        try:
            due_ms = await self._await_turn(number, step)
            async with self._holding(step.fault):
                await self._rest(step, due_ms)
                await self._live(number, step)
        finally:
            self._ended[number].set()

    async def _live(self, number: int, step: Step) -> None:
        """Inject, hold, cure: now, whenever it was to be."""
        at_ms = self._now_ms()
        if at_ms + HOLD_MS_MIN > self._last_ms(step):
            if step.promised and (step.alone or not step.timed):
                await self._record_absence(number, step)
            return  # Else the faults before it on the same target took all of its time.
        hold_ms = step.until_ms - step.at_ms
        moves = step.alone or not step.timed
        until_ms = at_ms + hold_ms if moves else max(step.until_ms, at_ms + HOLD_MS_MIN)
        until_ms = min(until_ms, max(self._schedule.cure_by_ms, at_ms + LATE_HOLD_MS))
        begun = replace(step, at_ms=at_ms, until_ms=until_ms, after=0)
        began_ns = await self._inject(number, begun)
        await self._sleep_until(until_ms)
        if _spares_sends(step):
            await self._recovery.since(began_ns, ("send",), SERVED_MS_MAX)
        await self._cure(number, step.fault)

    async def _rest(self, step: Step, due_ms: int) -> None:
        """Keep a distance from a fault that a step had to wait for, and from what it left."""
        things = tuple(self._freed_ms) if step.alone else step.fault.occupies
        freed_ms = max((self._freed_ms.get(thing, 0) for thing in things), default=0)
        latest_ms = self._last_ms(step) - HOLD_MS_MIN
        if freed_ms > due_ms:
            await self._sleep_until(min(freed_ms + REST_MS, latest_ms))
        if step.alone:
            patience_ms = min(SERVED_MS_MAX, latest_ms - self._now_ms())
            await self._recovery.after_cures(("send",), patience_ms)

    async def _await_turn(self, number: int, step: Step) -> int:
        """Wait until a step may begin, or the schedule's time is up; return when it was due."""
        at_ms = step.at_ms
        left_ms = max(0, self._last_ms(step) - self._now_ms())
        with suppress(TimeoutError):
            async with asyncio.timeout(left_ms / 1000):
                if step.after:
                    await self._injected[step.after].wait()
                    at_ms += self._executed[step.after].at_ms
                await self._sleep_until(at_ms)
                if step.when:
                    await self._await_condition(step)
                    at_ms = self._now_ms()
                for earlier, other in enumerate(self._schedule.steps[: number - 1], start=1):
                    if step.alone or other.alone:
                        await self._ended[earlier].wait()
        return at_ms

    async def _await_condition(self, step: Step) -> None:
        """Wait until a step's condition is true, or its patience is at an end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(step.patience_ms / 1000 if step.patience_ms else None):
                await await_condition(self._targets, parse_condition(step.when))

    def _last_ms(self, step: Step) -> int:
        """When it is too late to begin: what is to be alone may use up the reserve, and more."""
        if not step.alone:
            return self._schedule.cure_by_ms
        return self._schedule.time_limit_ms + (OVERTIME_MS if step.promised else 0)

    async def _record_absence(self, number: int, step: Step) -> None:
        """Write down that a step that was promised found no time: such a run proves nothing."""
        before = await described(self._targets, number, step.fault, "inject")
        self._record(step.fault.name, before)
        waited = repr(step.when) if step.when else "its turn"
        await self._record_proof(before, Proof(bit=False, text=f"{waited} never came in time"))

    async def _inject(self, number: int, step: Step) -> int:
        """Inject, and return since when it may have bitten, by the history's clock."""
        fault = step.fault
        before = await described(self._targets, number, fault, "inject")
        for callback in self.on_inject:
            callback(fault)
        self._journal.enter(number, fault)
        self._executed[number] = step
        self._record(fault.name, before)
        began_ns = self._targets.now_ns()
        await _to_its_end(self._touch(number, fault, before))
        return began_ns

    async def _touch(self, number: int, fault: Fault, before: FaultRecord) -> None:
        proof = await attempt(KINDS[fault.kind].inject, self._targets, fault)
        self._injected[number].set()
        await self._record_proof(before, proof)

    async def _cure(self, number: int, fault: Fault) -> Proof:
        """Cure a fault; one whose cure was broken off keeps the op that began it."""
        if number not in self._curing:
            if number in self._executed:
                done = replace(self._executed[number], until_ms=self._now_ms())
                self._executed[number] = done
            self._curing[number] = await described(self._targets, number, fault, "cure")
            self._record(fault.name, self._curing[number])
        proof = await cure(self._targets, fault)
        await self._record_proof(self._curing[number], proof)
        self._recovery.on_cured(fault)
        if proof.bit:
            self._journal.strike(number)
        return proof

    async def _record_proof(self, before: FaultRecord, proof: Proof) -> None:
        self._record(before.name, await proven(self._targets, before, proof))

    @asynccontextmanager
    async def _holding(self, fault: Fault) -> AsyncIterator[None]:
        """Keep other faults off what this one occupies; sorted, so that nobody waits in a ring."""
        async with AsyncExitStack() as stack:
            for thing in fault.occupies:
                lock = self._locks.setdefault(thing, asyncio.Lock())
                await stack.enter_async_context(lock)
            yield
            self._freed_ms.update(dict.fromkeys(fault.occupies, self._now_ms()))

    async def _sleep_until(self, at_ms: int) -> None:
        await asyncio.sleep(max(0, at_ms - self._now_ms()) / 1000)

    def _now_ms(self) -> int:
        return round((asyncio.get_running_loop().time() - self._began) * 1000)


async def _to_its_end(work: Coroutine[None, None, None]) -> None:
    """Let an injection come to its proof, though its task is cancelled meanwhile; once."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _spares_sends(step: Step) -> bool:
    """Whether sends are to be possible while it is on, and nothing else is about to stop them."""
    return step.alone and not step.fault.stops_writes
