"""A place of a driven cluster: one logical process after another, each step asked for by a test.

As in the interpreter, an op that ends as ``info`` retires its process: the client is closed, and
the next op of the place belongs to a new process with a new number.
"""

from random import Random

from harness.interpreter import Interpreter
from harness.workloads.queue import ConsumerPlan
from harness.workloads.workload import Client, Invocation
from histories.op import OpType

__all__ = ["Place"]


class Place:
    """Where one process after another does what a test says."""

    def __init__(self, interpreter: Interpreter, queues: int) -> None:
        self.plan: ConsumerPlan
        self._interpreter = interpreter
        self._queues = queues
        self._process = -1
        self._client: Client | None = None
        self._sent = 0
        self._renew()

    def next_value(self) -> str:
        """Name the next message of this process."""
        self._sent += 1
        return f"{self._process}-{self._sent - 1}"

    async def do(self, invocation: Invocation) -> None:
        """Carry an invocation out; what ends as info retires the process."""
        interpreter = self._interpreter
        if self._client is None:
            place = self._process % interpreter.concurrency
            self._client = await interpreter.workload.client(place, self._process)
        completion = await interpreter.perform(self._process, self._client, invocation)
        if completion.type is OpType.INFO:
            await self.close()
            self._renew()
        elif invocation.f != "send":
            self.plan.on_completion(invocation, completion)

    async def close(self) -> None:
        """End its connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _renew(self) -> None:
        self._process = self._interpreter.processes
        self._interpreter.processes += 1
        self._sent = 0
        self.plan = ConsumerPlan(range(self._queues), Random(0))  # noqa: S311 -- draws nothing
