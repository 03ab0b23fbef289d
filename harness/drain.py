"""Read every queue of both nodes from end to end, and prove that it was all of it.

A message's absence is a loss only if somebody looked everywhere. A drain reads a queue on one node
from its min offset to its max offset. It is *certified* if no offset between was skipped and the
bounds, read again at the end, are the same; else nobody can say what it missed.

A long queue is several ops, each of at most ``OP_MESSAGES_MAX`` messages, so that neither a line of
the history nor the memory of the suite grows with the run. Only the last one can be certified.
A record that nobody can read is an op by itself, which fails; the drain goes on behind it.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.operations import Operations
from harness.world import Operator, Pulled

__all__ = ["Drained", "drain_all", "drain_queue", "dump_all"]

OP_MESSAGES_MAX = 5_000
UNREADABLE_MAX = 20
"""A node that answers with more bad records than these was not damaged: it gives no records."""

BROKERS = ("master", "slave")


@dataclass(slots=True)
class Drained:
    """How far a drain has got; fed with pulls, it says where to read on."""

    position: int | None = None  # None before the first pull
    first: int = 0
    max_offset: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    unreadable: int = 0
    stuck: bool = False

    def on_pulled(self, asked: int, pulled: Pulled) -> Sequence[list[Any]]:
        """Take a pull from an offset; return the messages it brought that were not seen before."""
        if self.position is None:
            self.position = self.first = pulled.min_offset
        fresh = [message for message in pulled.messages if message[0] >= self.position]
        for message in fresh:
            if message[0] != self.position:
                self.gaps.append((self.position, message[0]))
            self.position = message[0] + 1
        self.max_offset = pulled.max_offset
        if pulled.unreadable:
            self.gaps.append((asked, pulled.next_offset))
            self.position = pulled.next_offset
            self.unreadable += 1
            self.stuck = self.unreadable > UNREADABLE_MAX
        else:
            self.stuck = not fresh and asked == self.position < pulled.max_offset
        return fresh

    @property
    def done(self) -> bool:
        """Whether nothing is left to read, or nothing more comes."""
        return self.position is not None and (self.stuck or self.position >= self.max_offset)

    def certifies(self, again: Pulled) -> bool:
        """Whether a second reading of the bounds proves that all was read."""
        return (
            not self.stuck
            and not self.gaps
            and self.position == again.max_offset
            and self.first == again.min_offset
        )


async def drain_all(operator: Operator, operations: Operations, topic: str, queues: int) -> None:
    """Drain every queue on both nodes."""
    for node, queue in itertools.product(BROKERS, range(queues)):
        await drain_queue(operator, operations, topic, queue, node)


async def drain_queue(
    operator: Operator, operations: Operations, topic: str, queue: int, node: str
) -> None:
    """Read one queue on one node whole, into one or more ops."""
    fields = {"topic": topic, "queue": queue, "node": node}
    operations.invoke("drain", fields)
    drained, messages = Drained(), list[Any]()

    while not drained.done:
        offset = drained.position or 0
        pulled = await operations.attempt(
            "drain", fields, operator.pull(topic, queue, offset, node)
        )
        if pulled is None:
            return
        messages += drained.on_pulled(offset, pulled)
        if len(messages) >= OP_MESSAGES_MAX or (messages and pulled.unreadable):
            operations.ok("drain", {**fields, "value": messages, "certified": False})
            operations.invoke("drain", fields)
            messages = []
        if pulled.unreadable:
            operations.failed("drain", {**fields, "queue_offset": offset}, pulled.unreadable)
            operations.invoke("drain", fields)

    again = await operations.attempt(
        "drain", fields, operator.pull(topic, queue, drained.position or 0, node)
    )
    if again is not None:
        certified = drained.certifies(again)
        bounds = {"min_offset": drained.first, "max_offset": again.max_offset}
        result = {**fields, **bounds, "value": messages, "certified": certified}
        operations.ok("drain", result)


async def dump_all(operator: Operator, operations: Operations) -> list[dict[str, Any]]:
    """Describe both nodes' commit logs, so that they can be compared byte for byte."""
    dumps = []
    for node in BROKERS:
        operations.invoke("dump", {"node": node})
        dump = await operations.attempt("dump", {"node": node}, operator.dump(node))
        if dump is not None:
            operations.ok("dump", {"node": node, "value": dict(dump)})
            dumps.append(dict(dump))
    return dumps
