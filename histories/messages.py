"""Where the messages are in an op: what it sent, and what it was given.

The functions of a dozen suites come down to two questions. Which messages did the op try to put
into a log, and which did it take out? Each shape below answers for the functions that use it:

    ours       send "3-17"            pull [[0, "3-17", crc], ...], drain the same, of one queue
    Jepsen     enqueue 17             dequeue 17, drain [17, 18]
    sets       add 5                  read [1, 2, 5]
    NATS       publish "3-17"         fetch ["3-17", "4-2"], next-message "3-17"
    Kafka      send [[":send", 3, 711]], completed as [[":send", 3, [42, 711]]]
               poll [[":poll", {"3": [[42, 711], [43, 713]]}]], txn both

A Kafka key is a queue; its op names several queues, so each message has a row of its own in the
tables ``sends`` and ``deliveries``. A poll that failed still saw what it saw: its messages are
rows too, while a dequeue, drain or read delivers only if it is ok.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from histories.op import Op

__all__ = [
    "SENDING",
    "Message",
    "deliveries",
    "has_messages",
    "is_transaction",
    "queue_of",
    "sends",
    "value_of",
]

SENDING = ("send", "enqueue", "add", "publish")
"""The functions whose value is one message put in."""

_SCALAR = (*SENDING, "write", "cas", "dequeue", "next-message", "acquire", "release")
_TAKING_ONE = ("dequeue", "next-message")
_TAKING_MANY = ("drain", "read", "fetch")
_TRANSACTIONS = ("send", "poll", "txn")
_COLLECTIONS = (list, dict)
_SET = "#{}"


class Message(NamedTuple):
    """One message sent or delivered by an op; None where the op does not say."""

    queue: str | None
    offset: int | None
    value: Any
    crc: int | None = None


def queue_of(op: Op) -> str | None:
    """Name the log that the op is about.

    >>> queue_of(Op(index=0, process=0, type="ok", f="send", topic="Orders", queue=3))
    'Orders/3'
    """
    if op.topic is None:
        return None if op.queue is None else str(op.queue)
    return op.topic if op.queue is None else f"{op.topic}/{op.queue}"


def value_of(op: Op) -> Any:
    """Give what the op's row holds as its value: a single value, never a collection of messages."""
    if isinstance(op.value, _COLLECTIONS):
        return op.value if op.f in _SCALAR and not is_transaction(op) else None
    return op.value


def is_transaction(op: Op) -> bool:
    """Tell whether the value is a list of Kafka micro-operations.

    >>> is_transaction(Op(index=0, process=0, type="ok", f="txn", value=[["poll"]]))
    True
    """
    return (
        op.f in _TRANSACTIONS
        and isinstance(op.value, list)
        and all(isinstance(micro, list) and _is_micro(micro) for micro in op.value)
    )


def has_messages(op: Op) -> bool:
    """Tell whether ``sends`` and ``deliveries`` can find any in the op; of most they cannot."""
    return isinstance(op.value, _COLLECTIONS) or op.f in _TAKING_ONE


def sends(op: Op) -> Iterator[Message]:
    """Give the messages that a transaction sends; other ops have theirs in their own row.

    >>> sent = [[":send", 3, [42, 711]]]
    >>> list(sends(Op(index=0, process=0, type="ok", f="send", value=sent)))
    [Message(queue='3', offset=42, value=711, crc=None)]
    """
    if not is_transaction(op):
        return
    for micro in op.value:
        if _name(micro) == "send" and len(micro) == 3:
            known = op.type != "invoke" and _is_pair(micro[2])
            offset, value = micro[2] if known else (None, micro[2])
            yield Message(_key(micro[1]), offset, value)


def deliveries(op: Op) -> Iterator[Message]:
    """Give the messages that the op took out, in the order in which it saw them.

    >>> taken = [[0, "3-17", 99], [1, "4-2", 98]]
    >>> pull = Op(index=0, process=0, type="ok", f="pull", topic="T", queue=0, value=taken)
    >>> [(message.offset, message.value) for message in deliveries(pull)]
    [(0, '3-17'), (1, '4-2')]
    """
    if op.f == "pull" or (op.f == "drain" and op.topic is not None):
        return _pulled(op)
    if op.type == "ok" and op.f in _TAKING_ONE and op.value is not None:
        return iter((Message(queue_of(op), op.queue_offset, op.value, op.crc),))
    if op.type == "ok" and op.f in _TAKING_MANY:
        return (Message(queue_of(op), None, value) for value in _elements(op.value))
    if is_transaction(op):
        return _polled(op)
    return iter(())


def _pulled(op: Op) -> Iterator[Message]:
    queue = queue_of(op)
    for entry in op.value if isinstance(op.value, list) else ():
        if isinstance(entry, list) and len(entry) >= 2:
            yield Message(queue, entry[0], entry[1], entry[2] if len(entry) > 2 else None)


def _polled(op: Op) -> Iterator[Message]:
    for micro in op.value:
        if _name(micro) != "poll" or len(micro) < 2 or not isinstance(micro[1], dict):
            continue
        for key, pairs in micro[1].items():
            for offset, value in filter(_is_pair, pairs or ()):
                yield Message(_key(key), offset, value)


def _elements(value: Any) -> Iterable[Any]:
    if isinstance(value, dict) and isinstance(value.get(_SET), list):
        return list(value[_SET])
    return value if isinstance(value, list) else ()


def _is_micro(micro: list[Any]) -> bool:
    return bool(micro) and isinstance(micro[0], str) and _name(micro) in {"send", "poll"}


def _name(micro: list[Any]) -> str:
    return str(micro[0]).removeprefix(":")


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) == 2 and (value[0] is None or type(value[0]) is int)
    )


def _key(key: Any) -> str:
    """Spell a Kafka key; ``'56`` and ``:orders`` are how a string and a keyword look in EDN."""
    return str(key).removeprefix("'").removeprefix(":")
