"""The queue workload on a cluster: which plan and which session a process gets."""

from dataclasses import dataclass
from random import Random

from harness.options import RunOptions
from harness.sessions import OpensSessions
from harness.workloads.queue import ConsumerPlan, ProducerPlan, queues_of
from harness.workloads.queue_client import QueueClient
from harness.workloads.workload import Plan

__all__ = ["QueueWorkload"]


@dataclass(frozen=True, slots=True)
class QueueWorkload:
    """Producers and consumers on one topic; see ``workload.Workload``."""

    options: RunOptions
    sessions: OpensSessions
    name: str = "queue"

    def plan(self, place: int, process: int, rng: Random) -> Plan:
        """Make the plan of a process: a consumer if its place has queues to read."""
        queues = queues_of(place, self.options.concurrency, self.options.queues)
        if queues:
            return ConsumerPlan(queues, rng)
        return ProducerPlan(process, self.options.queues, rng)

    async def client(self, place: int, process: int) -> QueueClient:
        """Open a session of the process's own."""
        assert place == process % self.options.concurrency, "a place gives its number to processes"
        return QueueClient.over(self.sessions.client(process), self.sessions.node_names)
