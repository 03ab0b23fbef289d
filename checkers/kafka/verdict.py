"""The anomalies of a Kafka history by Jepsen's names, and what they mean for the verdict.

    inconsistent-offsets   two values at one offset       duplicate   one value at two offsets
    lost-write             below the highest place that an ok op read, and read by no ok op
    unseen                 sent ok and never polled ok    G1a         polled, its send failed
    precommitted-read      an op polls what it sends itself
    int-poll-skip, int-nonmonotonic-poll, int-send-skip, int-nonmonotonic-send     inside one op
    poll-skip, nonmonotonic-poll, nonmonotonic-send                    from one op to the next
    G0, G1c, with -realtime, and the levels that they break            cycles

As Jepsen does, int-send-skip, G0 and (as ww edges are inferred) G1c are counted and allowed, and
external poll anomalies are where consumers subscribe. G1c of polls alone needs no inference, and
is invalid. Unseen is unknown here, for late is not lost. A polled value that nobody sent is
``unexpected``, where Jepsen's checker throws.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checkers.anomalies import ANOMALIES
from checkers.case import Case
from checkers.findings import EXAMPLES_MAX, verdict
from checkers.kafka.cycles import cyclic, polled_in_a_circle
from checkers.kafka.lag import worst_realtime_lag
from checkers.kafka.steps import Steps, across, inside, rebalanced
from checkers.kafka.tables import Tables, Touches, tables_of
from checkers.multisets import distinct
from checkers.verdict import Anomaly, Finding, Validity, Verdict
from histories.history import NONE
from histories.op import OpType

__all__ = ["Found", "jepsen_anomalies", "kafka"]

Ints = NDArray[np.int64]

ALLOWED = ("int-send-skip", "G0", "G0-realtime", "G1c", "G1c-realtime")
ALLOWED_WHEN_SUBSCRIBED = ("poll-skip", "nonmonotonic-poll")
OURS = {alias: row.name for row in ANOMALIES.values() for alias in row.aliases}


@dataclass(frozen=True, slots=True)
class Found:
    """Instances of one anomaly; the first few told."""

    name: str  # Jepsen's
    count: int
    findings: tuple[Finding, ...]
    level: str = ""  # of a cycle: Elle's name for what it breaks, which Jepsen counts as well


def kafka(case: Case) -> Verdict:
    """Judge a Kafka history as Jepsen does, and name things as we do."""
    history = case.history
    tables = tables_of(history)
    found = sorted(jepsen_anomalies(tables), key=lambda item: item.name)
    subscribed = len(history.rows("subscribe")) > 0
    allowed = (*ALLOWED, *(ALLOWED_WHEN_SUBSCRIBED if subscribed else ()))
    anomalies = []
    circles, told = polled_in_a_circle(tables)
    if circles:
        anomalies.append(Anomaly("G1c", circles, Validity.INVALID, ANOMALIES["G1c"].breaks, told))
    for item in found:
        if item.name == "G1c" and circles:
            continue  # told already, of polls alone
        validity = Validity.VALID if item.name in allowed else Validity.INVALID
        if item.name == "unseen":
            validity = Validity.UNKNOWN
        ours = OURS.get(item.name, item.name)
        promise = ANOMALIES[ours].breaks if validity is Validity.INVALID else ""
        anomalies.append(Anomaly(ours, item.count, validity, promise, item.findings))
    names = {name: item.count for item in found for name in (item.name, item.level) if name}
    why = ["acknowledged messages were never polled"] if "unseen" in names else []
    counts: dict[str, Any] = {"jepsen": names}
    lag = worst_realtime_lag(tables)
    if lag is not None:
        counts["worst-realtime-lag"] = lag
    return verdict(anomalies, counts, why)


def jepsen_anomalies(tables: Tables) -> Iterator[Found]:
    """Give every anomaly there is, with its instances in the order of the history."""
    yield from _of_logs(tables)
    yield from _of_reads(tables)
    yield from _of_writes(tables)
    yield from _of_steps(tables)
    for circle in cyclic(tables):
        yield Found(circle.name, circle.count, circle.findings, circle.level)


def _found(name: str, instances: Ints, tell: Callable[[int], Finding]) -> Iterator[Found]:
    if len(instances):
        told = tuple(tell(int(instance)) for instance in instances[:EXAMPLES_MAX])
        yield Found(name, len(instances), told)


def _of_logs(tables: Tables) -> Iterator[Found]:
    entries = tables.entries
    values_at = np.bincount(entries.place) if len(entries.place) else entries.place
    places_of = np.bincount(entries.pair, minlength=len(tables.value))

    def conflict(place: int) -> Finding:
        at = np.flatnonzero(entries.place == place)
        values = sorted(_value(tables, int(pair)) for pair in entries.pair[at])
        offset = int(entries.offset[at[0]])
        key = _key(tables, int(entries.key[at[0]]))
        text = f"key {key} offset {offset} holds {', '.join(values)}"
        ops = _ops_of(tables, entries.pair[at].tolist())
        return Finding(text, ops, {"key": key, "offset": offset, "values": values})

    def duplicate(pair: int) -> Finding:
        offsets = entries.offset[entries.pair == pair].tolist()
        data = {"count": len(offsets), "offsets": offsets[:EXAMPLES_MAX]}
        return _told(tables, pair, f"stands at {len(offsets)} offsets", data=data)

    yield from _found("inconsistent-offsets", np.flatnonzero(values_at > 1), conflict)
    yield from _found("duplicate", np.flatnonzero(places_of > 1), duplicate)


def _of_reads(tables: Tables) -> Iterator[Found]:
    """Find what was polled and never sent, or refused, or sent by the op itself."""
    polls = tables.polls
    ok = tables.type[polls.row] == OpType.OK
    writer = tables.writer[polls.pair]
    refused = ok & (writer != NONE) & (tables.type[writer] == OpType.FAIL)

    def tell(text: str) -> Callable[[int], Finding]:
        return lambda at: _told(tables, int(polls.pair[at]), text, int(polls.row[at]))

    unknown = np.flatnonzero(ok & (writer == NONE))
    yield from _found("unexpected", unknown, tell("was polled and never sent"))
    yield from _found("G1a", np.flatnonzero(refused), tell("was polled, though its send failed"))
    size = len(tables.value)
    both = np.isin(polls.row, distinct(tables.sends.row))
    sent = tables.sends.row * size + tables.sends.pair
    own = np.flatnonzero(both)
    own = own[np.isin(polls.row[own] * size + polls.pair[own], sent)] if len(own) else own
    yield from _found("precommitted-read", own, tell("was polled by the op that sends it"))


def _of_writes(tables: Tables) -> Iterator[Found]:
    """Find what was sent, and read by nobody."""
    sends, first, last = tables.sends, tables.first, tables.last
    unseen = np.flatnonzero((tables.type[sends.row] == OpType.OK) & ~tables.seen[sends.pair])
    yield from _found(
        "unseen",
        unseen,
        lambda at: _told(
            tables, int(sends.pair[at]), "was sent and never polled", int(sends.row[at])
        ),
    )
    bound = np.full(int(tables.key.max(initial=0)) + 1, NONE, np.int64)
    seen = np.flatnonzero(tables.seen)
    np.maximum.at(bound, tables.key[seen], first[seen])
    accountable = (tables.writer != NONE) & tables.committed[tables.writer]
    below = (last != NONE) & (last <= bound[tables.key])
    lost = np.flatnonzero(below & ~tables.seen & accountable)
    lost = lost[np.argsort(tables.last[lost], kind="stable")]

    def tell(pair: int) -> Finding:
        key = int(tables.key[pair])
        start = int(tables.entries.place[np.searchsorted(tables.entries.key, key)])
        index, read = int(last[pair]) - start, int(bound[key]) - start
        data = {"index": index, "max_read_index": read}
        return _told(tables, pair, f"is lost: its index is {index}, and {read} was read", data=data)

    yield from _found("lost-write", lost, tell)


def _of_steps(tables: Tables) -> Iterator[Found]:
    for touches, kind in ((tables.polls, "poll"), (tables.sends, "send")):
        steps = inside(tables, touches)
        if kind == "poll":
            steps = _unexempt(tables, steps)
        for word, which in (("skip", steps.distance > 1), ("nonmonotonic", steps.distance < 1)):
            name = f"int-{kind}-skip" if word == "skip" else f"int-nonmonotonic-{kind}"
            yield from _of_step(tables, touches, name, steps.only(which))
    steps = across(tables, tables.polls, (OpType.OK,), polls=True)
    yield from _of_step(tables, tables.polls, "poll-skip", steps.only(steps.distance > 1))
    yield from _of_step(tables, tables.polls, "nonmonotonic-poll", steps.only(steps.distance < 1))
    steps = across(tables, tables.sends, (OpType.OK, OpType.INFO), polls=False)
    yield from _of_step(tables, tables.sends, "nonmonotonic-send", steps.only(steps.distance < 1))


def _of_step(tables: Tables, touches: Touches, name: str, steps: Steps) -> Iterator[Found]:
    def tell(number: int) -> Finding:
        before, after = int(steps.before[number]), int(steps.after[number])
        text = f"follows {_value(tables, int(touches.pair[before]))} of op {{}}"
        rows = int(touches.row[before]), int(touches.row[after])
        text = text.format(int(tables.history.index[rows[0]]))
        return _told(tables, int(touches.pair[after]), text, *rows)

    yield from _found(name, np.arange(len(steps.after)), tell)


def _unexempt(tables: Tables, steps: Steps) -> Steps:
    """Leave out keys that the op says were taken from it, or given to it, while it polled."""
    rows, keys = tables.polls.row[steps.after], tables.polls.key[steps.after]
    moved: dict[int, tuple[str, ...]] = {
        row: rebalanced(tables.history.op(row)) for row in dict.fromkeys(rows.tolist())
    }
    if not any(moved.values()):
        return steps
    kept = [
        _key(tables, key) not in moved[row]
        for row, key in zip(rows.tolist(), keys.tolist(), strict=True)
    ]
    return steps.only(np.array(kept, np.bool_))


def _told(
    tables: Tables, pair: int, text: str, *rows: int, data: Mapping[str, Any] | None = None
) -> Finding:
    key, value = _key(tables, int(tables.key[pair])), _value(tables, pair)
    indices = {int(tables.history.index[row]) for row in rows}
    ops = tuple(sorted({*indices, *_ops_of(tables, [pair])}))
    return Finding(f"key {key}: {value} {text}", ops, {"key": key, "value": value, **(data or {})})


def _ops_of(tables: Tables, pairs: list[int]) -> tuple[int, ...]:
    """Give the indices of the ops that sent some pairs."""
    writers = [int(tables.writer[pair]) for pair in pairs]
    return tuple(int(tables.history.index[row]) for row in sorted(set(writers)) if row != NONE)


def _value(tables: Tables, pair: int) -> str:
    return tables.history.values.text(int(tables.value[pair]))


def _key(tables: Tables, code: int) -> str:
    return tables.history.queues[code - 1] if code else ""
