"""A cluster that a test drives by hand, step by step, from code that is not asynchronous.

Each step runs the event loop until the step is done; between two steps time stands still in the
simulated world, and goes on in the local one. What clients do and nemeses do is recorded, so that
``judge`` gives the verdict of the same checkers that judge a whole run.

    send, pull, commit      a client's operation; the answer is the op that completed it
    inject, cure, suffer    faults, by the names of ``mqhavoc list nemeses`` or as values
    elapse                  let time pass
    judge, check            cure all, drain both nodes, judge; nothing can follow

A client is a place, as in the interpreter: an op that ends as ``info`` retires its process, and
the next op of the place belongs to a new one.
"""

import asyncio
import time
import zlib
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from checkers.suite import Judgement
from checkers.verdict import Validity
from harness.cluster import LocalWorld
from harness.conclusion import conclude
from harness.draws import stream
from harness.fault_plan import offers_of
from harness.interpreter import Interpreter
from harness.leases import lease_ports
from harness.memory_recorder import MemoryRecorder
from harness.operations import Operations
from harness.options import RunOptions
from harness.simulated.world import SimulatedWorld
from harness.store.folder import RunFolder
from harness.testing.place import Place
from harness.testing.runs import proof_of
from harness.timings import OP_TIMEOUT_MS
from harness.watch import Watch
from harness.workloads.queue import TOPIC, body_of
from harness.workloads.workload import Invocation
from harness.world import World
from histories.history import History
from histories.op import NEMESIS, FaultRecord, Op
from nemesis.conductor import Conductor
from nemesis.faults import Fault
from nemesis.healing import NemesisError
from nemesis.journal import Journal
from nemesis.registry import choose
from nemesis.schedules import Schedule
from nemesis.topology import Topology
from simulation.loop import virtual_loop

__all__ = ["DrivenCluster", "local", "simulated"]

T = TypeVar("T")

BY_HAND = Schedule((), time_limit_ms=0, cure_by_ms=0)
SIZE_DEFAULT = 64


class DrivenCluster:
    """One running cluster, its clients, and the history of what was done to it."""

    def __init__(self, world: World, options: RunOptions, loop: asyncio.AbstractEventLoop) -> None:
        self.options = options
        self.recorder = MemoryRecorder()
        self.judgement: Judgement | None = None
        self._world = world
        self._loop = loop
        self._problems: list[str] = []
        self._places: dict[str, Place] = {}
        self._run(world.start())
        workload = self._run(world.workload())
        self._interpreter = Interpreter(
            workload, self.recorder, options.concurrency, options.rate, options.seed, OP_TIMEOUT_MS
        )
        self._conductor = self._run(self._make_conductor())
        self._watch = Watch(world.targets, lambda: self._conductor.active)

    @property
    def history(self) -> History:
        """Everything so far."""
        return History.from_ops(self.recorder.ops)

    @property
    def faults(self) -> tuple[int, ...]:
        """Numbers of the faults that are on, the oldest first."""
        return tuple(self._conductor.active)

    @property
    def active(self) -> tuple[Fault, ...]:
        """The faults that are on, the oldest first."""
        return tuple(self._conductor.active.values())

    def send(self, queue: int = 0, *, client: int = 0, size: int = SIZE_DEFAULT) -> Op:
        """Send a message that no other send repeats."""
        place = self._place("producer", client)
        value = place.next_value()
        body = body_of(value, size)
        fields = {"value": value, "topic": TOPIC, "queue": queue, "crc": zlib.crc32(body)}
        return self._do(place, Invocation("send", fields, body))

    def pull(self, queue: int = 0, *, client: int = 0) -> Op:
        """Pull from where the client has got to; at first from what its group has committed."""
        return self._consume("pull", queue, client)

    def commit(self, queue: int = 0, *, client: int = 0) -> Op:
        """Commit what was pulled."""
        return self._consume("commit", queue, client)

    def inject(self, fault: str | Fault) -> int:
        """Inject a fault and return its number, by which it can be cured."""
        if isinstance(fault, str):
            fault = self._drawn(fault)
        return self._run(self._conductor.inject(fault))

    def cure(self, number: int) -> bool:
        """Cure one fault, and say whether that is proven."""
        return self._run(self._conductor.cure(number)).bit

    def cure_all(self) -> None:
        """Cure every fault, and start whatever is down."""
        try:
            self._run(self._conductor.cure_all())
        except NemesisError as error:
            self._problems.append(str(error))

    def suffer(self, fault: str | Fault, *, for_s: float = 1.0) -> None:
        """Inject a fault, let time pass, and cure it."""
        number = self.inject(fault)
        self.elapse(for_s)
        self.cure(number)

    def elapse(self, seconds: float) -> None:
        """Let time pass."""
        self._run(asyncio.sleep(seconds))

    def judge(self) -> Judgement:
        """Cure all, read everything, and judge; a second time the answer is the same."""
        if self.judgement is None:
            self._watch.look()  # before the cure, which starts whatever is down
            self.cure_all()
            self._problems += self._watch.problems
            for place in self._places.values():
                self._run(place.close())
            operations = Operations(self.recorder, self._interpreter.processes, self._problems)
            self.judgement = self._run(
                conclude(self._world, operations, self.recorder, self.options)
            )
        return self.judgement

    def check(self) -> None:
        """Fail with the proof if a promise was broken."""
        __tracebackhide__ = True  # the proof is what people want to see
        judgement = self.judge()
        if judgement.validity is Validity.INVALID:
            raise AssertionError(proof_of(judgement, self.history))

    def _drawn(self, nemesis: str) -> Fault:
        """Draw a fault of a nemesis; ``ValueError`` if this cluster cannot suffer it."""
        rng = stream(self.options.seed, "hand", len(self.recorder.ops))
        offers = [one for one in offers_of(self.options) if one != "clients"]  # they are by hand
        packages = choose(nemesis, rng, offers)
        if len(packages) != 1:
            raise ValueError(f"expected the name of one nemesis, got {nemesis!r}")
        return packages[0].draw(rng, Topology())

    def _consume(self, f: str, queue: int, client: int) -> Op:
        place = self._place("consumer", client)
        if not place.plan.assigned:
            queues = [[TOPIC, one] for one in range(self.options.queues)]
            whose = {"group": place.plan.group, "node": place.plan.node}
            self._do(place, Invocation("assign", {"value": queues, **whose}))
        fields = {
            "topic": TOPIC,
            "queue": queue,
            "node": place.plan.node,
            "queue_offset": place.plan.positions.get(queue, 0),
            "group": place.plan.group,
        }
        return self._do(place, Invocation(f, fields))

    def _do(self, place: Place, invocation: Invocation) -> Op:
        self._run(place.do(invocation))
        return self.recorder.ops[-1]

    def _place(self, role: str, client: int) -> Place:
        name = f"{role} {client}"
        if name not in self._places:
            self._places[name] = Place(self._interpreter, self.options.queues)
        return self._places[name]

    async def _make_conductor(self) -> Conductor:
        def record(f: str, fault: FaultRecord) -> Op:
            return self.recorder.record(process=NEMESIS, type="info", f=f, fault=fault)

        conductor = Conductor(self._world.targets, BY_HAND, record, Journal())
        await conductor.run()  # no steps: only its clock starts
        return conductor

    def _run(self, step: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(step)


@contextmanager
def simulated(**given: Any) -> Iterator[DrivenCluster]:
    """Start a cluster on virtual time; options are those of ``RunOptions``."""
    options = RunOptions(**{"seed": 0, "world": "simulated", "nemeses": (), **given})
    with virtual_loop() as loop:
        world = SimulatedWorld(options, stream(options.seed, "world"))
        with _driven(world, options, loop) as cluster:
            yield cluster


@contextmanager
def local(folder: Path, **given: Any) -> Iterator[DrivenCluster]:
    """Start a cluster of real processes behind proxies; its files go into the folder."""
    options = RunOptions(**{"seed": 0, "nemeses": (), "out": str(folder), **given})
    loop = asyncio.new_event_loop()
    with lease_ports(first=options.ports) as block, closing(loop):
        world = LocalWorld(block, options, RunFolder(folder), time.monotonic_ns)
        with _driven(world, options, loop) as cluster:
            yield cluster


@contextmanager
def _driven(
    world: World, options: RunOptions, loop: asyncio.AbstractEventLoop
) -> Iterator[DrivenCluster]:
    try:
        yield DrivenCluster(world, options, loop)
    finally:
        loop.run_until_complete(world.stop())
