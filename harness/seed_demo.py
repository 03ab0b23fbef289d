"""The seed's experiment, played in all four modes and judged by the same checkers as any run.

    1  ten sends to TopicMasterSlave with tag TagA are answered SEND_OK
    2  the slave has all ten; the master is stopped
    3  a consumer gets all ten from the slave
    4  sends fail now, and the slave stays a slave
    5  the master comes back, and sends work again

Each step says what it expects and what it found. A step that finds something else ends its mode,
and the history up to there is judged all the same.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from checkers.suite import Judgement
from checkers.verdict import Validity, Verdict
from harness.drain import drain_all, dump_all
from harness.judgement import judge_run, with_verdicts
from harness.operations import Operations
from harness.options import RunOptions
from harness.quiesce import Stillness, ends_of
from harness.store.folder import RunFolder
from harness.workloads.queue import CONSUMER_GROUP, TOPIC
from harness.workloads.queue_client import QueueClient
from harness.workloads.workload import Completion, Invocation
from harness.world import World
from histories.formats import read_history
from histories.op import NEMESIS, FaultRecord, Op, OpType
from histories.recorder import Recorder
from nemesis.catalogue.processes import STOP
from nemesis.faults import Act, Fault, Proof
from nemesis.healing import attempt

__all__ = ["DemoFailedError", "SeedDemo"]

MESSAGES = 10
CAUGHT_UP_MS_MAX = 10_000
STILL_MS = 200
PAUSE_MS = 100
CONSUMER, OPERATOR, PROCESSES = 1, 2, 3

Say = Callable[[str], None]


class DemoFailedError(AssertionError):
    """A step found something else than the seed did."""


@dataclass(slots=True)
class SeedDemo:
    """One mode's play."""

    options: RunOptions
    folder: RunFolder
    world: World
    recorder: Recorder
    client: QueueClient
    say: Say
    producer: int = 0
    sent: int = 0
    _fault: Fault = field(default_factory=lambda: Fault("stop-master", STOP.name, ("master",)))

    async def play(self) -> Judgement:
        """Play the five steps, read everything, and judge."""
        doubt: dict[str, Verdict] = {}
        try:
            await self._sends()
            async with self._master_stopped():
                await self._consume_from_slave()
                await self._sends_fail()
            await self._send_again()
        except DemoFailedError as failure:
            doubt = {"seed": Verdict(Validity.UNKNOWN, why=(str(failure),))}
        await self._drain()
        judgement = judge_run(read_history(self.folder.history), self.options)
        return with_verdicts(judgement, doubt)

    async def _sends(self) -> None:
        statuses = [(await self._send()).fields.get("status") for _ in range(MESSAGES)]
        _expect(statuses == ["SEND_OK"] * MESSAGES, f"ten SEND_OK, got {statuses}")
        self.say(f"  {MESSAGES} sends to {TOPIC}, TagA: all SEND_OK")

    async def _consume_from_slave(self) -> None:
        """Read every queue from the slave; the ten must be there, each once."""
        bodies = []
        for queue in range(self.options.queues):
            fields = {"topic": TOPIC, "queue": queue, "node": "slave", "group": CONSUMER_GROUP}
            pulled = await self._do(CONSUMER, Invocation("pull", {**fields, "queue_offset": 0}))
            bodies += [value for _, value, _ in pulled.fields.get("value") or []]
        wanted = sorted(f"0-{number}" for number in range(MESSAGES))
        _expect(sorted(bodies) == wanted, f"all ten from the slave, got {sorted(bodies)}")
        self.say(f"  a consumer gets all {MESSAGES} from the slave")

    async def _sends_fail(self) -> None:
        completion = await self._send()
        error = completion.fields.get("error", ["nothing"])
        _expect(completion.type is not OpType.OK, f"a failed send, got {completion.fields}")
        self.say(f"  a send fails: {': '.join(error)}")

    async def _send_again(self) -> None:
        """Send until it works; clients learn of the master's return from the name server."""
        for _ in range(CAUGHT_UP_MS_MAX // PAUSE_MS):
            if (await self._send()).type is OpType.OK:
                self.say("  the master is back: a send works again")
                return
            await asyncio.sleep(PAUSE_MS / 1000)
        raise DemoFailedError(f"expected a send to work within {CAUGHT_UP_MS_MAX} ms")

    @asynccontextmanager
    async def _master_stopped(self) -> AsyncIterator[None]:
        await self._caught_up()
        await self._record_fault("inject", STOP.inject)
        self.say("  the slave has all ten; the master is stopped")
        try:
            yield
        finally:
            await self._record_fault("cure", STOP.cure)

    async def _caught_up(self) -> None:
        """Wait until both logs are equal and still."""
        loop, still = asyncio.get_running_loop(), Stillness(STILL_MS)
        async with asyncio.timeout(CAUGHT_UP_MS_MAX / 1000):
            while True:
                ends = await ends_of(self.world)
                equal = ends["master"].end == ends["slave"].end is not None
                if still.on_figures((equal, ends), loop.time() * 1000) and equal:
                    return
                await asyncio.sleep(0.02)

    async def _record_fault(self, phase: str, act: Act) -> None:
        """Do what a conductor does: an op before, the deed, an op after with the proof."""
        fault = self._fault
        before = FaultRecord(
            id=1,
            name=fault.name,
            fault_class=STOP.fault_class,
            phase=phase,
            targets=list(fault.targets),
            stops_writes=True,
        )
        self._record(NEMESIS, "info", fault.name, {"fault": before})
        proof: Proof = await attempt(act, self.world.targets, fault)
        after = structs.replace(before, bit=proof.bit, proof=proof.text)
        self._record(NEMESIS, "info", fault.name, {"fault": after})
        _expect(proof.bit, proof.text)

    async def _drain(self) -> None:
        await self._caught_up()
        await self.client.close()
        await self.world.cycle_clients()
        operator = await self.world.operator()
        operations = Operations(self.recorder, OPERATOR)
        try:
            await drain_all(operator, operations, TOPIC, self.options.queues)
            await dump_all(operator, operations)
        finally:
            await operator.close()

    async def _send(self) -> Completion:
        value = f"{self.producer}-{self.sent}"
        body = f"{value} Hello RocketMQ {self.sent}".encode()
        fields = {
            "value": value,
            "topic": TOPIC,
            "queue": self.sent % self.options.queues,
            "crc": zlib.crc32(body),
        }
        self.sent += 1
        completion = await self._do(self.producer, Invocation("send", fields, body))
        if completion.type is OpType.INFO:
            self.producer += PROCESSES  # a process whose op ended in doubt is over
        return completion

    async def _do(self, process: int, invocation: Invocation) -> Completion:
        self._record(process, "invoke", invocation.f, invocation.fields)
        completion = await self.client.invoke(invocation)
        fields = {**invocation.fields, **completion.fields}
        self._record(process, completion.type.word, invocation.f, fields)
        return completion

    def _record(self, process: int | str, type: str, f: str, fields: Any) -> Op:
        return self.recorder.record(process=process, type=type, f=f, **fields)


def _expect(holds: bool, expected: str) -> None:  # noqa: FBT001  it is the claim itself
    if not holds:
        raise DemoFailedError(f"expected {expected}")
