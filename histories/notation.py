"""Histories small enough to read: one op a line, for tests, doctests and issues.

    process  type    f      value        @queue          key=value ...
    0        invoke  send   3-17         @0
    0        ok      send   3-17         @0/42           node=master status=SEND_OK attempts=2
    1        invoke  pull                @Orders/0
    1        ok      pull   0:a,1:b      @Orders/0       node=slave
    nemesis  info    kill-master         fault=1 phase=inject targets=master bit=true

A value is JSON without blanks (``17``, ``[1,2]``, ``nil``), else text. ``pull`` and ``drain`` take
``offset:value`` (``offset:value:crc``) with commas between; a ``drain`` of no queue is Jepsen's,
``17,18``. ``@0/3`` is queue 0, offset 3 of topic ``T``; ``@Orders/0`` names the topic. Further
fields are those of an op, values as JSON or text; ``attempts=2`` stands for two wire requests.
Index counts lines, and time is a millisecond a line unless ``time=`` says otherwise.
"""

from typing import Any

import msgspec

from histories.errors import HistoryError
from histories.fields import op_of
from histories.history import History
from histories.op import NEMESIS, Op

__all__ = ["format_op", "parse_history", "parse_op"]

TOPIC = "T"
"""The topic of a queue that is only numbered."""

_MS = 1_000_000
_FAULT = {"fault": "id", "class": "fault_class"}


def parse_history(text: str) -> History:
    """Read a history in notation; blank lines and ``#`` comments are skipped.

    >>> history = parse_history('''
    ...     0 invoke send a @0        # a comment
    ...     0 ok     send a @0/3
    ...     1 ok     pull 3:a @0
    ... ''')
    >>> history.queues, history.deliveries.offset.tolist()
    (['T/0'], [3])
    """
    ops: list[Op] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = _without_comment(line).split()
        if words:
            try:
                ops.append(parse_op(words, len(ops)))
            except HistoryError as error:
                raise error.at("notation", number) from error
    return History.from_ops(ops)


def parse_op(words: list[str], index: int = 0) -> Op:
    """Read one op from its words.

    >>> parse_op("1 ok pull 0:a,1:b @Orders/0".split()).value
    [[0, 'a'], [1, 'b']]
    """
    if len(words) < 3:
        raise HistoryError("'process type f [value] [@queue/offset] ...'", found=" ".join(words))
    process, type, f, *rest = words
    fields: dict[str, Any] = {
        "index": index,
        "time": index * _MS,
        "process": int(process) if process.isdecimal() else process,
        "type": type,
        "f": f,
    }
    value = rest.pop(0) if rest and not _is_place(rest[0]) and not _is_field(rest[0]) else None
    options: dict[str, Any] = {}
    for word in rest:
        if _is_place(word):
            fields |= _place(word)
        elif _is_field(word):
            name, _, text = word.partition("=")
            options[name] = _literal(text)
        else:
            raise HistoryError("'@queue/offset' or 'key=value'", found=word)
    if value is not None:
        fields["value"] = _value(value, f, "topic" in fields)
    if "attempts" in options:
        options["attempts"] = _attempts(options["attempts"], options.get("node", "master"))
    if process == NEMESIS and "fault" in options:
        fields["time"] = options.pop("time", fields["time"])
        options = {"fault": _fault(f, options)}
    fields |= options
    return op_of(fields, index)


def format_op(op: Op) -> str:
    """Spell an op in notation, as far as its process, type, f, value and place go.

    >>> format_op(parse_op("1 ok pull 0:a,1:b @Orders/0".split()))
    '1 ok pull 0:a,1:b @Orders/0'
    """
    words = [str(op.process), op.type, op.f]
    if op.value is not None:
        words.append(_spelled(op))
    if op.queue is not None:
        place = [str(op.queue)] if op.topic in {TOPIC, None} else [str(op.topic), str(op.queue)]
        words.append("@" + "/".join(place + _texts(op.queue_offset)))
    words += [f"{name}={value}" for name in ("node", "status") if (value := getattr(op, name))]
    return " ".join(words)


def _without_comment(line: str) -> str:
    return line if "#" not in line else line[: line.index("#")]


def _is_place(word: str) -> bool:
    return word.startswith("@")


def _is_field(word: str) -> bool:
    return "=" in word and word.partition("=")[0].isidentifier()


def _place(word: str) -> dict[str, Any]:
    topic, *numbers = word[1:].split("/")
    if topic.isdecimal():
        topic, numbers = TOPIC, [topic, *numbers]
    if len(numbers) not in (1, 2) or not all(number.isdecimal() for number in numbers):
        raise HistoryError("'@queue', '@queue/offset' or '@topic/queue/offset'", found=word)
    queue, *offset = map(int, numbers)
    return {"topic": topic, "queue": queue} | ({"queue_offset": offset[0]} if offset else {})


def _literal(text: str) -> Any:
    if text == "nil":
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _value(text: str, f: str, of_queue: bool) -> Any:  # noqa: FBT001 - one place calls it
    if f == "pull" or (f == "drain" and of_queue):
        return [_message(entry) for entry in text.split(",")] if text != "[]" else []
    if f == "drain" and not text.startswith("["):
        return [_literal(entry) for entry in text.split(",")]
    return _literal(text)


def _message(entry: str) -> list[Any]:
    """Read ``offset:value:crc``; a lone value has no known offset."""
    if ":" not in entry:
        return [None, _literal(entry)]
    offset, value, *crc = entry.split(":")
    if not offset.isdecimal() or len(crc) > 1:
        raise HistoryError("'offset:value' or 'offset:value:crc'", found=entry)
    return [int(offset), _literal(value), *map(int, crc)]


def _attempts(count: Any, node: str) -> list[dict[str, Any]]:
    if type(count) is not int:
        raise HistoryError("attempts as a number", found=count)
    return [{"node": node, "sent": True, "outcome": "unknown"} for _ in range(count)]


def _fault(f: str, options: dict[str, Any]) -> dict[str, Any]:
    fault = {_FAULT.get(name, name): value for name, value in options.items()}
    targets = fault.get("targets", [])
    fault["targets"] = targets.split(",") if isinstance(targets, str) else targets
    return {"name": f, "fault_class": "process", "phase": "inject"} | fault


def _spelled(op: Op) -> str:
    listed = op.f == "pull" or (op.f == "drain" and op.topic is not None)
    if listed and isinstance(op.value, list) and op.value:
        return ",".join(":".join(_texts(*entry)) for entry in op.value)
    return op.value if isinstance(op.value, str) else msgspec.json.encode(op.value).decode()


def _texts(*values: Any) -> list[str]:
    return [str(value) for value in values if value is not None]
