"""The twelve promises of one master and one slave, each in a sentence a user can hold us to.

They are RocketMQ 4.9.3's design with one master, one slave and no automatic fail-over: writes go
to the master alone, reads to either, and the slave never becomes a master. An anomaly names the
promise it breaks; a promise says what is promised and when it holds (spec/guarantees.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["PROMISES", "Promise"]


@dataclass(frozen=True, slots=True)
class Promise:
    """One clause of the contract."""

    id: str
    name: str
    says: str
    holds: str = "always"


PROMISES: Mapping[str, Promise] = MappingProxyType(
    {
        promise.id: promise
        for promise in (
            Promise(
                "P1",
                "no lost ack",
                "a message answered SEND_OK can be read again from at least one of the two nodes",
                "except for what the mode may lose to the faults that happened",
            ),
            Promise("P2", "no phantom", "every message read was sent, and is unchanged"),
            Promise(
                "P3",
                "refused stays refused",
                "a send whose every attempt definitely failed is never read",
            ),
            Promise(
                "P4",
                "one record an attempt",
                "a send that reached the wire n times has at most n records",
            ),
            Promise(
                "P5",
                "one value an offset",
                "a queue offset names the same message for every reader, and there are no holes",
                "between two losses that the contract allows",
            ),
            Promise(
                "P6",
                "order",
                "if one send was acknowledged before another began, it has the smaller offset",
                "between two losses that the contract allows",
            ),
            Promise(
                "P7",
                "prefix",
                "the slave's commit log is, byte for byte, a prefix of the master's",
                "unless the master's log was set back by a fault",
            ),
            Promise(
                "P8",
                "honest status",
                "SEND_OK means that the copies which the mode asks for exist; a master that is "
                "well answers within its time-outs, be it with a weak status",
            ),
            Promise("P9", "slave is read-only", "a send to the slave is refused"),
            Promise(
                "P10",
                "slave serves",
                "with the master down, everything replicated is readable from the slave, and "
                "routes lead there",
            ),
            Promise(
                "P11",
                "at least once",
                "a consumer group gets every message from its start on, and commits stay behind",
                "except for offsets reused after a loss that the contract allows",
            ),
            Promise(
                "P12",
                "convergence",
                "after all cures sends succeed again and both logs become equal",
                "within the convergence time of the contract",
            ),
        )
    }
)
