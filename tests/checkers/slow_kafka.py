"""The Kafka anomalies op by op and message by message: a literal twin of ``checkers.kafka``.

Slow, and plain enough to be compared with the definitions of spec/checking.md 2.2 by eye.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from checkers.verdict import Finding
from histories.history import History
from tests.checkers.slow_kafka_ops import KafkaOp, Message, ops_of

Errors: TypeAlias = dict[str, list[Finding]]


@dataclass(slots=True)
class Log:
    """What is known of one key: values by offset, and each value's dense indices."""

    offsets: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    index: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def close(self) -> None:
        """Give the offsets that hold something their dense indices."""
        for place, offset in enumerate(sorted(self.offsets)):
            for value in self.offsets[offset]:
                self.index[value].append(place)

    def distance(self, first: str, second: str) -> int:
        """Give the dense distance between two values, 1 if either is unknown."""
        if first not in self.index or second not in self.index:
            return 1
        return self.index[second][0] - self.index[first][0]


def jepsen_anomalies(history: History) -> dict[str, int]:
    """Count every anomaly by Jepsen's name."""
    ops = ops_of(history)
    logs = logs_of(ops)
    errors: Errors = defaultdict(list)
    _of_logs(logs, errors)
    _of_reads(ops, logs, errors)
    _inside(ops, logs, errors)
    _across(ops, logs, errors)
    return {name: len(findings) for name, findings in errors.items()}


def logs_of(ops: list[KafkaOp]) -> dict[str, Log]:
    """Put together what ops say of each key's log."""
    polled = {(m.key, m.value) for op in ops if op.type == "ok" for m in op.polls}
    logs: dict[str, Log] = defaultdict(Log)
    for op in ops:
        committed = op.type == "ok" or (
            op.type == "info" and any((m.key, m.value) in polled for m in op.sends)
        )
        for message in [*(op.sends if committed else ()), *op.polls]:
            if message.offset is not None:
                values = logs[message.key].offsets[message.offset]
                if message.value not in values:
                    values.append(message.value)
    for log in logs.values():
        log.close()
    return dict(logs)


def _of_logs(logs: dict[str, Log], errors: Errors) -> None:
    for key, log in sorted(logs.items()):
        for offset, values in sorted(log.offsets.items()):
            if len(values) > 1:
                data = {"key": key, "offset": offset, "values": sorted(values)}
                text = f"key {key} offset {offset} holds {', '.join(sorted(values))}"
                errors["inconsistent-offsets"].append(Finding(text, (), data))
        for value, places in sorted(log.index.items()):
            if len(places) > 1:
                data = {"key": key, "value": value, "count": len(places)}
                text = f"key {key} holds {value} at {len(places)} offsets"
                errors["duplicate"].append(Finding(text, (), data))


def _of_reads(ops: list[KafkaOp], logs: dict[str, Log], errors: Errors) -> None:
    """Find what was lost, unseen, aborted, unexpected, and read before it was committed."""
    writers: dict[tuple[str, str], KafkaOp] = {}
    seen: dict[str, dict[str, None]] = defaultdict(dict)
    for op in ops:
        writers |= {(m.key, m.value): op for m in op.sends}
        if op.type == "ok":
            for message in op.polls:
                seen[message.key][message.value] = None
    for op in ops:
        own = {(m.key, m.value) for m in op.sends}
        for message in op.polls:
            name, writer = (message.key, message.value), writers.get((message.key, message.value))
            if op.type == "ok" and writer is None:
                errors["unexpected"].append(_told(op, message, "was polled and never sent"))
            elif op.type == "ok" and writer is not None and writer.type == "fail":
                errors["G1a"].append(_told(op, message, "was polled, though its send failed"))
            if name in own:
                errors["precommitted-read"].append(_told(op, message, "polled by its own txn"))
    for op in ops:
        for message in op.sends if op.type == "ok" else ():
            if message.value not in seen[message.key]:
                errors["unseen"].append(_told(op, message, "was sent and never polled"))
    for key, log in sorted(logs.items()):
        errors["lost-write"] += _lost(key, log, seen, writers)
    if not errors["lost-write"]:
        del errors["lost-write"]


def _lost(
    key: str,
    log: Log,
    seen: dict[str, dict[str, None]],
    writers: dict[tuple[str, str], KafkaOp],
) -> list[Finding]:
    """Find what stands below the highest index that somebody read, and nobody read."""
    bound = max((log.index[value][0] for value in seen[key] if value in log.index), default=-1)
    lost = []
    for value, places in sorted(log.index.items(), key=lambda entry: entry[1]):
        writer = writers.get((key, value))
        if places[-1] > bound or value in seen[key] or writer is None or writer.type == "fail":
            continue
        if writer.type == "info" and not any(
            message.value in seen.get(message.key, {}) for message in writer.sends
        ):
            continue
        data = {"key": key, "value": value, "index": places[-1], "max_read_index": bound}
        text = f"key {key} lost {value}: index {places[-1]}, and {bound} was read"
        lost.append(Finding(text, (writer.index,), data))
    return lost


def _inside(ops: list[KafkaOp], logs: dict[str, Log], errors: Errors) -> None:
    for op in ops:
        for messages, kind in ((op.polls, "poll"), (op.sends, "send")):
            last: dict[str, Message] = {}
            for message in messages:
                before = last.get(message.key)
                last[message.key] = message
                exempt = kind == "poll" and message.key in op.rebalanced
                if before is None or message.key not in logs or exempt:
                    continue
                distance = logs[message.key].distance(before.value, message.value)
                if distance != 1:
                    name = f"int-{kind}-skip" if distance > 1 else f"int-nonmonotonic-{kind}"
                    errors[name].append(_told(op, message, f"follows {before.value} in one op"))


def _across(ops: list[KafkaOp], logs: dict[str, Log], errors: Errors) -> None:
    """Compare each op with the last one of its process that touched the key."""
    polled: dict[int | str, dict[str, Message]] = defaultdict(dict)
    sent: dict[int | str, dict[str, Message]] = defaultdict(dict)
    for op in ops:
        mine = polled[op.process]
        if op.assigned is not None:
            polled[op.process] = {key: mine[key] for key in mine if key in op.assigned}
            continue
        for key, (first, last) in _ends(op.polls).items():
            if key in mine and key in logs:
                distance = logs[key].distance(mine[key].value, first.value)
                if distance != 1:
                    name = "poll-skip" if distance > 1 else "nonmonotonic-poll"
                    errors[name].append(_told(op, first, f"follows {mine[key].value}"))
            if op.type == "ok":
                mine[key] = last
        for key, (first, last) in _ends(op.sends).items():
            before = sent[op.process].get(key)
            known = before is not None and key in logs
            if known and before and logs[key].distance(before.value, first.value) < 1:
                errors["nonmonotonic-send"].append(_told(op, first, f"follows {before.value}"))
            if op.type in ("ok", "info"):
                sent[op.process][key] = last


def _ends(messages: list[Message]) -> dict[str, tuple[Message, Message]]:
    ends: dict[str, tuple[Message, Message]] = {}
    for message in messages:
        ends[message.key] = (ends.get(message.key, (message, message))[0], message)
    return ends


def _told(op: KafkaOp, message: Message, text: str) -> Finding:
    data: dict[str, Any] = {"key": message.key, "value": message.value, "offset": message.offset}
    return Finding(f"key {message.key}: {message.value} {text}", (op.index,), data)
