"""The names of everything that can go wrong, one sentence each.

A name here is the name in the code, in the report and in ``--json``; others' names for the same
thing are aliases (spec/checking.md, part C). ``breaks`` is the promise an invalid instance breaks;
an anomaly without one is only counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["ANOMALIES", "Meaning"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an anomaly's name means."""

    name: str
    means: str
    breaks: str = ""  # P1 to P12; empty for what is only counted
    aliases: tuple[str, ...] = ()


_TABLE = (
    Meaning(
        "lost",
        "acknowledged, and gone from every node, beyond what the contract allows",
        "P1",
        ("lost-write", "lost-proven", "lost-drained"),
    ),
    Meaning("allowed-loss", "acknowledged, and gone, as the mode may lose it to these faults"),
    Meaning("unexpected", "read, although nobody ever sent it there", "P2", ("phantom",)),
    Meaning("corrupted", "read, but not as it was sent", "P2"),
    Meaning(
        "aborted",
        "read, although every attempt to send it definitely failed",
        "P3",
        ("failed-visible", "G1a"),
    ),
    Meaning("recovered", "read, and its send had ended in doubt: it did take effect"),
    Meaning(
        "duplicated",
        "one message at two or more offsets of a queue; broken if it was sent once",
        "P4",
        ("duplicate", "duplicate-append"),
    ),
    Meaning("redelivered", "the same offset read again by a group", "", ("redelivery",)),
    Meaning(
        "unseen",
        "acknowledged, not read, and no certified drain says that it is gone",
    ),
    Meaning("expired", "acknowledged, and below the queue's min offset: deleted by retention"),
    Meaning("discarded", "on one node only, and given up by an operator's resynchronisation"),
    Meaning(
        "inconsistent-offset",
        "two messages at one offset of a queue",
        "P5",
        ("offset-conflict", "inconsistent-offsets"),
    ),
    Meaning("offset-reused", "two acknowledgements name one offset", "P5", ("offset-reuse",)),
    Meaning("hole", "an offset between two messages of a queue holds nothing", "P5"),
    Meaning(
        "watermark-regressed",
        "a node's queue got shorter",
        "P5",
        ("high-watermark regression",),
    ),
    Meaning(
        "misordered",
        "a send began after another was acknowledged, and has the smaller offset",
        "P6",
        ("order-inversion",),
    ),
    Meaning("diverged", "the nodes' commit logs differ", "P7", ("replica-divergence",)),
    Meaning(
        "dishonest-status",
        "SEND_OK, although a copy that it promises cannot have existed",
        "P8",
    ),
    Meaning(
        "unanswered",
        "a send that a master, itself well, did not answer within its time-outs",
        "P8",
    ),
    Meaning("slave-wrote", "the slave accepted a send", "P9"),
    Meaning("stale-route", "a node long dead, to which a route still led clients", "P10"),
    Meaning("unserved", "a message that a node has, and does not give to readers", "P10"),
    Meaning(
        "pull-skip",
        "a consumer's next pull passed over messages of the queue",
        "P11",
        ("poll-skip",),
    ),
    Meaning(
        "pull-skip-inside",
        "one pull passed over messages of the queue",
        "P11",
        ("int-poll-skip",),
    ),
    Meaning(
        "nonmonotonic-pull",
        "a consumer's next pull went back, or stood still",
        "P11",
        ("nonmonotonic-poll",),
    ),
    Meaning(
        "nonmonotonic-pull-inside",
        "one pull went back, or stood still",
        "P11",
        ("int-nonmonotonic-poll",),
    ),
    Meaning(
        "commit-regressed",
        "a group started again below the offset it had committed",
        "P11",
        ("commit-regression",),
    ),
    Meaning(
        "commit-jumped",
        "a group started again above, or committed beyond, what it had been given",
        "P11",
        ("commit-jump",),
    ),
    Meaning(
        "nonmonotonic-send",
        "a producer's next send got a smaller offset",
        "P6",
    ),
    Meaning(
        "nonmonotonic-send-inside",
        "one transaction's messages are not in the order in which it sent them",
        "P6",
        ("int-nonmonotonic-send",),
    ),
    Meaning(
        "send-skip-inside",
        "others' messages stand between those of one transaction",
        "",
        ("int-send-skip",),
    ),
    Meaning("precommitted-read", "a transaction polled what it sends itself", "P2"),
    Meaning(
        "G0",
        "transactions that sent before each other, in a circle",
        "",
        ("G0-realtime",),
    ),
    Meaning(
        "G1c",
        "transactions that sent before, or polled from, each other, in a circle",
        "P6",
        ("G1c-realtime",),
    ),
    Meaning("nonlinearizable", "no order of the calls explains all answers (`--model`)"),
    Meaning("unconverged", "long after all cures the cluster is not whole again", "P12"),
)

ANOMALIES: Mapping[str, Meaning] = MappingProxyType({row.name: row for row in _TABLE})
