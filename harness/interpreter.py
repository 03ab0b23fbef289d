"""Logical processes do what their plans say, at a drawn pace, and every step is written down.

Jepsen's interpreter, on one event loop. ``concurrency`` places each hold one process; a process
does one thing at a time, and each thing is two lines of the history: the invocation before
anything is done, the completion once the client knows how it ended.

    ok, fail   the process goes on
    info       nobody knows: the process is over. Its client is closed, and process
               ``p + concurrency`` begins in its place with a new client and a new plan

A nemesis may let processes crash (``crash``): whatever they are in the midst of ends as ``info``,
their connections end with it, and others take their places.

An op that outlasts its time-out is cancelled and is ``info``: cancelling does not take a request
back from the wire. All places share one pace: the gaps between two invocations are drawn from
[0, 2/rate), so that the mean is the rate and no two clients march in step. Time lost to a stall
is not made up for in a burst. Nothing is kept of an op once it is written down.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from harness.draws import stream
from harness.patience import Patience
from harness.workloads.workload import Client, Completion, Invocation, Plan, Workload
from histories.op import Op, OpType

__all__ = ["Interpreter", "Pace", "RecordsOps"]


class RecordsOps(Protocol):
    """Where ops go, a line each."""

    def record(self, **fields: Any) -> Op:
        """Write one op down."""


@dataclass(slots=True)
class Pace:
    """When the next invocation may start, by the event loop's clock.

    >>> pace = Pace(rate=100, rng=Random(1))
    >>> starts = [pace.next_start(now=0.0) for _ in range(1000)]
    >>> 9 < starts[-1] < 11
    True
    """

    rate: float
    rng: Random
    start: float = 0.0

    debt_s_max = 0.1  # how much of a stall may be caught up with

    def next_start(self, now: float) -> float:
        """Draw the time of the next invocation; in the past means at once."""
        gap = self.rng.random() * 2 / self.rate
        self.start = max(self.start + gap, now - self.debt_s_max)
        return self.start


@dataclass(slots=True)
class _Life:
    """One process from its beginning to its end."""

    process: int
    scope: asyncio.Timeout  # without a time; a crash is its expiry
    crashed: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Interpreter:
    """Runs the processes of one workload until it is told to stop; a nemesis's ``Clients``."""

    workload: Workload
    recorder: RecordsOps
    concurrency: int
    rate: float
    seed: int
    timeout_ms: int
    on_op: Callable[[Op], None] = lambda _op: None
    processes: int = 0  # numbers given out so far; the next free one
    served_ns: dict[str, int] = field(default_factory=dict)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _sleepers: "dict[asyncio.Future[None], None]" = field(default_factory=dict)
    _lives: dict[int, _Life] = field(default_factory=dict)  # by place
    _patiences: dict[int, Patience] = field(default_factory=dict)  # by place

    def stop(self) -> None:
        """Let every process finish what it is doing, and do no more."""
        self._stop.set()
        for sleeper in self._sleepers:
            _wake(sleeper)

    async def crash(self, count: int) -> Sequence[str]:
        """Let up to ``count`` processes end at once, and say which; others take their places."""
        lives = [life for _, life in sorted(self._lives.items()) if not life.crashed]
        rng = stream(self.seed, "crash", self.processes)
        chosen = rng.sample(lives, min(count, len(lives)))
        for life in chosen:
            life.crashed = True
            life.scope.reschedule(asyncio.get_running_loop().time())
        for life in chosen:
            await life.over.wait()
        return [f"process {life.process}" for life in chosen]

    async def run(self, time_limit_s: float | None = None) -> None:
        """Run every place until ``stop`` or the time limit, and close all clients."""
        pace = Pace(self.rate, stream(self.seed, "pace"), asyncio.get_running_loop().time())
        async with asyncio.TaskGroup() as group:
            for place in range(self.concurrency):
                group.create_task(self._place(place, pace), name=f"place {place}")
            if time_limit_s is not None:
                await self._sleep(time_limit_s)
                self.stop()
        for patience in self._patiences.values():
            patience.close()

    async def _place(self, place: int, pace: Pace) -> None:
        process = place
        while not self._stop.is_set():
            self.processes = max(self.processes, process + 1)
            plan = self.workload.plan(place, process, stream(self.seed, "process", process))
            client = await self.workload.client(place, process)
            try:
                async with asyncio.timeout(None) as scope:
                    self._lives[place] = _Life(process, scope)
                    await self._process(process, plan, client, pace)
            except TimeoutError:
                if not self._has_crashed(process):
                    raise
            finally:
                await client.close()
                self._lives.pop(place).over.set()
            process += self.concurrency

    def _has_crashed(self, process: int) -> bool:
        return any(life.process == process and life.crashed for life in self._lives.values())

    async def _process(self, process: int, plan: Plan, client: Client, pace: Pace) -> None:
        """Do what the plan says until an op's end is unknown or the run is over."""
        loop = asyncio.get_running_loop()
        while True:
            await self._sleep(pace.next_start(loop.time()) - loop.time())
            if self._stop.is_set():
                return

            invocation = plan.next()
            completion = await self.perform(process, client, invocation)
            if completion.type is OpType.INFO:
                return
            plan.on_completion(invocation, completion)

    async def perform(self, process: int, client: Client, invocation: Invocation) -> Completion:
        """Carry one invocation out, and write down how it began and how it ended."""
        began = self._record(process, OpType.INVOKE, invocation, {})
        completion = await self._invoke(process, client, invocation)
        self._record(process, completion.type, invocation, completion.fields)
        if invocation.f == "pull" or (invocation.f == "send" and "node" not in invocation.fields):
            self.served_ns[invocation.f] = began.time if completion.type is OpType.OK else -1
        return completion

    async def _invoke(self, process: int, client: Client, invocation: Invocation) -> Completion:
        patience = self._patience_of(process % self.concurrency)
        patience.begin()
        try:
            return await client.invoke(invocation)
        except asyncio.CancelledError:
            if patience.is_over():
                error = f"no answer within {self.timeout_ms} ms"
                return Completion(OpType.INFO, {"error": error})
            # Ended at once. What was under way may still happen, and the history says so.
            error = "the process crashed" if self._has_crashed(process) else "the run was stopped"
            self._record(process, OpType.INFO, invocation, {"error": error})
            raise
        finally:
            patience.end()

    def _patience_of(self, place: int) -> Patience:
        if place not in self._patiences:
            self._patiences[place] = Patience(self.timeout_ms / 1000)
        return self._patiences[place]

    def _record(self, process: int, type: OpType, invocation: Invocation, fields: Any) -> Op:
        said = {**invocation.fields, **fields, "process": process, "type": type.word}
        op = self.recorder.record(f=invocation.f, **said)
        self.on_op(op)
        return op

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but wake at once when the run stops; cheaper than a time-out of an event."""
        if seconds <= 0 or self._stop.is_set():
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        sleeper: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _wake, sleeper)
        self._sleepers[sleeper] = None
        try:
            await sleeper
        finally:
            timer.cancel()
            del self._sleepers[sleeper]


def _wake(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():
        sleeper.set_result(None)
