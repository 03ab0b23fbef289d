"""Carry the queue workload's invocations out with our client, each process with its own session.

Every request goes to one node by name, through that node's client proxy. What a request came to
is put into the words of the history here; whether an error is ``fail`` or ``info`` is decided in
``harness.outcomes`` and nowhere else.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.client.attempts import Attempt as WireAttempt
from broker.client.consumer import PullConsumer, PullResult, PullStatus
from broker.client.message import Message, UniqueKeys
from broker.client.producer import Producer
from broker.client.requests import send_request
from broker.client.sending import STATUSES
from broker.client.session import Session
from broker.errors import BrokerError, MqError
from broker.nameserver.route import MessageQueue
from broker.remoting.headers import SendReply, read_fields
from broker.store.message import StoredMessage
from harness.outcomes import completion_of_error
from harness.timings import REQUEST_TIMEOUT_MS
from harness.workloads.queue import CONSUMER_GROUP
from harness.workloads.workload import Completion, Invocation
from histories.op import Attempt, OpType

__all__ = ["BROKER_IDS", "BROKER_NAME", "QueueClient", "delivered"]

BROKER_NAME = "broker-a"
BROKER_IDS: Mapping[str, int] = {"master": 0, "slave": 1}
PRODUCER_GROUP = "testGroup"
PULL_MESSAGES_MAX = 32


@dataclass(slots=True)
class QueueClient:
    """One process's producer and consumer."""

    session: Session
    nodes: Mapping[str, str]  # advertised address -> node name
    _producer: Producer
    _consumer: PullConsumer
    _keys: UniqueKeys  # of what goes past the producer

    @classmethod
    def over(cls, session: Session, nodes: Mapping[str, str]) -> "QueueClient":
        """Make a client that owns a session."""
        producer = Producer(session, PRODUCER_GROUP, timeout_ms=REQUEST_TIMEOUT_MS)
        consumer = PullConsumer(session, CONSUMER_GROUP, timeout_ms=REQUEST_TIMEOUT_MS)
        return cls(session, nodes, producer, consumer, UniqueKeys(session.ports.rng))

    async def invoke(self, invocation: Invocation) -> Completion:
        """Carry one invocation out; errors are completions, too."""
        try:
            match invocation.f:
                case "send" if invocation.fields.get("node") == "slave":
                    return await self._send_to_slave(invocation)
                case "send":
                    return await self._send(invocation)
                case "pull":
                    return await self._pull(invocation.fields)
                case "commit":
                    return await self._commit(invocation.fields)
                case "assign":
                    return await self._assign(invocation.fields)
        except (MqError, OSError) as error:
            return self._failed(invocation.f, error)
        raise AssertionError(f"a function of the queue workload, not {invocation.f!r}")

    async def close(self) -> None:
        """End every connection."""
        await self.session.close()

    async def _send(self, invocation: Invocation) -> Completion:
        fields = invocation.fields
        message = Message(topic=fields["topic"], body=invocation.body, tags="TagA")
        queue = _queue(fields)
        # Retries to a named queue are asked for: a send with attempts is what P4 is about.
        result = await self._producer.send(message, queue, retries=self._producer.retries)
        return Completion(
            OpType.OK,
            {
                "key": result.key,
                "node": self.nodes.get(result.node, result.node),
                "queue": result.queue.queue_id,
                "queue_offset": result.queue_offset,
                "physical_offset": result.physical_offset,
                "status": str(result.status),
                "attempts": self._attempts(result.attempts),
            },
        )

    async def _send_to_slave(self, invocation: Invocation) -> Completion:
        """Ask the slave to store a message; no producer does that, and no slave may do it."""
        fields, ports = invocation.fields, self.session.ports
        queue, born_ms = _queue(fields), ports.clock.now_ms()
        message = Message(topic=queue.topic, body=invocation.body, tags="TagA")
        key = self._keys.next(born_ms)
        address = await self.session.address(queue.topic, BROKER_NAME, BROKER_IDS["slave"])
        request = send_request(message, key, PRODUCER_GROUP, queue, born_ms)
        reply = await self.session.request(address, request, REQUEST_TIMEOUT_MS)
        if reply.code not in STATUSES:
            raise BrokerError(reply.code, reply.remark)
        found = read_fields(reply.ext_fields, SendReply)
        status = str(STATUSES[reply.code])
        fields = {"key": key, "queue_offset": found.queue_offset, "status": status}
        return Completion(OpType.OK, fields)

    async def _pull(self, fields: Mapping[str, Any]) -> Completion:
        node = fields["node"]
        result = await self._consumer.pull(
            _queue(fields), fields["queue_offset"], PULL_MESSAGES_MAX, broker_id=BROKER_IDS[node]
        )
        notes = {}
        if result.status is PullStatus.OFFSET_ILLEGAL and node == "master":
            notes = {"seek": result.next_offset}
        return Completion(OpType.OK, _pulled(result), notes)

    async def _commit(self, fields: Mapping[str, Any]) -> Completion:
        await self._consumer.commit_offset(
            _queue(fields), fields["queue_offset"], broker_id=BROKER_IDS[fields["node"]]
        )
        return Completion(OpType.OK)

    async def _assign(self, fields: Mapping[str, Any]) -> Completion:
        """Learn where the group has got to; a queue without a commit is read from its begin."""
        positions = {}
        for topic, queue_id in fields["value"]:
            queue = MessageQueue(topic, BROKER_NAME, queue_id)
            broker_id = BROKER_IDS[fields["node"]]
            committed = await self._consumer.query_offset(queue, broker_id=broker_id)
            positions[queue_id] = committed or 0
        return Completion(OpType.OK, {}, {"positions": positions})

    def _failed(self, f: str, error: Exception) -> Completion:
        """Describe an error in the words of the history."""
        completion = completion_of_error(f, error)
        fields = dict(completion.fields)
        if "attempts" in fields:
            fields["attempts"] = self._attempts(fields["attempts"])
        if key := getattr(error, "key", ""):
            fields["key"] = key
        return Completion(completion.type, fields)

    def _attempts(self, attempts: Sequence[WireAttempt]) -> list[Attempt]:
        return [
            Attempt(self.nodes.get(attempt.node, attempt.node), attempt.sent, attempt.outcome)
            for attempt in attempts
        ]


def delivered(messages: Sequence[StoredMessage]) -> list[list[Any]]:
    """List what was delivered as ``[offset, value, crc]``; the value is what the body names."""
    return [
        [
            message.queue_offset,
            message.body.split(b" ", 1)[0].decode("utf-8", "replace"),
            zlib.crc32(message.body),
        ]
        for message in messages
    ]


def _pulled(result: PullResult) -> dict[str, Any]:
    return {
        "value": delivered(result.messages),
        "min_offset": result.min_offset,
        "max_offset": result.max_offset,
        "next_offset": result.next_offset,
    }


def _queue(fields: Mapping[str, Any]) -> MessageQueue:
    return MessageQueue(fields["topic"], BROKER_NAME, fields["queue"])
