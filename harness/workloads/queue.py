"""The main workload: producers send unique messages, consumers pull, fail over and commit.

Three of five places hold a producer, the others a consumer. The consumers of the one group share
the queues among themselves, each queue to one place. What each does is decided here, purely:

    producer   send value ``<process>-<counter>`` to a drawn queue, of a drawn size; once in a
               while to the slave, which must refuse it (P9)
    consumer   assign (and learn the committed offsets), then for a drawn queue of its own: pull
               from its position, or commit that position where pulls have moved it; now and then
               assign anew, as a rebalance would

    position   one past the last message delivered. It never follows a slave that lags; it goes
               where the master says if it lies outside the master's queue, and an assign marks
               the jump in the history
    node       the master, until a request to it fails; then the slave, and the master again after
               ``SLAVE_PULLS`` turns there (RocketMQ's client learns this from its route)
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from harness.workloads.workload import Completion, Invocation
from histories.op import OpType

__all__ = ["CONSUMER_GROUP", "TOPIC", "ConsumerPlan", "ProducerPlan", "is_producer", "queues_of"]

TOPIC = "TopicMasterSlave"
CONSUMER_GROUP = "testGroupConsumer"
SLAVE_PULLS = 20
SLAVE_SEND_CHANCE = 0.01
REASSIGN_CHANCE = 0.01
COMMIT_CHANCE = 0.2
BODY_BYTES_MAX = 1024


def is_producer(place: int) -> bool:
    """Whether a place produces: three of every five do, and the first always does."""
    return place % 5 in (0, 2, 4)


def queues_of(place: int, concurrency: int, queues: int) -> list[int]:
    """Share the queues among the consuming places, each queue to exactly one.

    >>> [queues_of(place, 5, 4) for place in range(5)]
    [[], [0, 2], [], [1, 3], []]
    """
    consumers = [other for other in range(concurrency) if not is_producer(other)]
    if place not in consumers:
        return []
    return list(range(consumers.index(place), queues, len(consumers)))


@dataclass(slots=True)
class ProducerPlan:
    """Sends one unique message after another."""

    process: int
    queues: int
    rng: Random
    topic: str = TOPIC
    sent: int = 0

    def next(self) -> Invocation:
        """Send the next message."""
        value = f"{self.process}-{self.sent}"
        self.sent += 1
        body = body_of(value, self.rng.randrange(BODY_BYTES_MAX))
        fields = {
            "value": value,
            "topic": self.topic,
            "queue": self.rng.randrange(self.queues),
            "crc": zlib.crc32(body),
        }
        if self.rng.random() < SLAVE_SEND_CHANCE:
            fields["node"] = "slave"
        return Invocation("send", fields, body)

    def on_completion(self, invocation: Invocation, completion: Completion) -> None:
        """Learn nothing: the next message does not depend on the last one's fate."""


@dataclass(slots=True)
class ConsumerPlan:
    """Reads some queues of a group by position, and commits how far it has got."""

    queues: Sequence[int]
    rng: Random
    topic: str = TOPIC
    group: str = CONSUMER_GROUP
    assigned: bool = False
    positions: dict[int, int] = field(default_factory=dict)
    uncommitted: set[int] = field(default_factory=set)  # membership only, never iterated
    slave_pulls_left: int = 0

    def next(self) -> Invocation:
        """Assign first; then pull or commit, and rarely assign again."""
        if not self.assigned or self.rng.random() < REASSIGN_CHANCE:
            queues = [[self.topic, queue] for queue in self.queues]
            return Invocation("assign", {"value": queues, "group": self.group, "node": self.node})

        queue = self.rng.choice(self.queues)
        f = "pull"
        if queue in self.uncommitted and self.rng.random() < COMMIT_CHANCE:
            f = "commit"
        fields = {
            "topic": self.topic,
            "queue": queue,
            "node": self.node,
            "queue_offset": self.positions[queue],
            "group": self.group,
        }
        return Invocation(f, fields)

    @property
    def node(self) -> str:
        """The node that the next request goes to."""
        return "slave" if self.slave_pulls_left else "master"

    def on_completion(self, invocation: Invocation, completion: Completion) -> None:
        """Move positions by what was delivered, and the choice of node by what failed."""
        node = self.node
        self.slave_pulls_left = max(0, self.slave_pulls_left - 1)
        if completion.type is not OpType.OK:
            self.slave_pulls_left = SLAVE_PULLS if node == "master" else 0
            return

        if invocation.f == "assign":
            self.positions = dict(completion.notes["positions"])
            self.uncommitted.clear()
            self.assigned = True
        elif invocation.f == "commit":
            self.uncommitted.discard(invocation.fields["queue"])
        else:
            self._on_pulled(invocation.fields["queue"], completion)

    def _on_pulled(self, queue: int, completion: Completion) -> None:
        delivered = completion.fields.get("value") or []
        if delivered:
            self.positions[queue] = delivered[-1][0] + 1
            self.uncommitted.add(queue)
        elif "seek" in completion.notes:
            # The master's queue does not reach to our position: a loss that the contract allows,
            # or a deletion. Reading on elsewhere is a new epoch, and the history must say so.
            self.assigned = False


def body_of(value: str, size: int) -> bytes:
    """Make a body that names its message, so that a reader can tell what it has got.

    >>> body_of("3-17", 10)
    b'3-17 .....'
    """
    return f"{value} ".encode().ljust(size, b".")
