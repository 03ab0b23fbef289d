"""Every message the broker acknowledged must still be there, and nothing else.

The bluntest check there is: no order, only sets. A value names its message, and

    attempted     some producer tried to send it         send  invoke
    acknowledged  the broker promised to keep it         send  ok
    refused       the broker promised not to keep it     send  fail
    read          some consumer or drain received it     pull, drain  ok

From these come the messages worth naming: lost and allowed-loss, expired and unseen (see
``losses``); unexpected, corrupted and aborted, which must never be; duplicated, which must not be
of a message that was sent once; recovered and redelivered, which are allowed and counted.
One whose record was damaged in its head may come out elsewhere, and again: that is counted as well.
A log keeps what was read, so a message that a consumer had and that is gone afterwards is lost.

>>> from checkers.case import Case
>>> from checkers.contract import Contract
>>> from histories.notation import parse_history
>>> history = parse_history('''
...     0 invoke send  a @0
...     0 ok     send  a @0/0
...     1 invoke drain   @0
...     1 ok     drain   @0
... ''')
>>> verdict = queue(Case(history, Contract()))
>>> verdict.validity.name, list(verdict.anomalies)
('INVALID', ['lost'])
"""

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.damage import damaged_before
from checkers.findings import anomaly, verdict
from checkers.losses import Losses, losses_of
from checkers.sequences import counted, parts
from checkers.tellers import tell_loss, tell_message, tell_read
from checkers.verdict import Anomaly, Finding, Validity, Verdict
from histories.history import NONE
from histories.op import OpType

__all__ = ["queue"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def queue(case: Case) -> Verdict:
    """Judge whether the queues hold what was acknowledged, and only what was sent."""
    messages, reads = case.messages, case.reads
    losses = losses_of(case)
    read = np.zeros(len(messages), np.bool_)
    read[reads.message[reads.message != NONE]] = True

    found = [
        *_losses(case, losses),
        *_strangers(case),
        *_corrupted(case),
        *_of_messages(case, "aborted", read & (messages.outcome == OpType.FAIL), Validity.INVALID),
        *_of_messages(case, "recovered", read & (messages.outcome == OpType.INFO), Validity.VALID),
        *_duplicated(case),
        *_redelivered(case),
    ]
    counts = {
        "attempt-count": len(messages),
        "acknowledged-count": int(messages.ok.sum()),
        "read-count": int(read.sum()),
        "ok-count": int((read & messages.ok).sum()),
        **{f"{item.name}-count": item.count for item in found},
        "allowed-loss-of-send-ok-count": _promised_in_full(case, losses),
        **_shapes(case, losses),
    }
    why = [
        f"{item.count:,} acknowledged and never read, and no certified drain tells more"
        for item in found
        if item.name == "unseen"
    ]
    return verdict(found, counts, why)


def _losses(case: Case, losses: Losses) -> list[Anomaly]:
    lost = ~losses.expired & ~losses.allowed

    def tell(place: int) -> Finding:
        return tell_loss(case, losses, place)

    def tell_row(row: int) -> Finding:
        return tell_message(case, "unseen", row)

    return [
        *anomaly("lost", _by_ack(case, losses, lost), tell),
        *anomaly("allowed-loss", _by_ack(case, losses, losses.allowed), tell, Validity.VALID),
        *anomaly("expired", _by_ack(case, losses, losses.expired), tell, Validity.VALID),
        *anomaly("unseen", losses.unseen, tell_row, Validity.UNKNOWN),
    ]


def _shapes(case: Case, losses: Losses) -> dict[str, dict[str, int]]:
    """Count what is lost by its place in its producer's sequence, and by the fault to blame."""
    lost = np.flatnonzero(~losses.expired & ~losses.allowed)
    if not len(lost):
        return {}
    values = case.messages.value
    faults, counts = np.unique(losses.fault[lost], return_counts=True)
    names = [
        f"{case.windows[fault].name} ({case.windows[fault].id})" if fault != NONE else "no fault"
        for fault in faults.tolist()
    ]
    return {
        "lost-by-part": counted(parts(values[losses.gone[lost]], values[losses.there])),
        "lost-by-fault": dict(zip(names, counts.tolist(), strict=True)),
    }


def _promised_in_full(case: Case, losses: Losses) -> int:
    """Count the allowed losses that were answered SEND_OK; the rest had been warned of."""
    status = case.messages.status[losses.gone[losses.allowed]]
    return int((status == case.history.status_code("SEND_OK")).sum())


def _by_ack(case: Case, losses: Losses, which: Bools) -> Ints:
    """Give places in ``losses.gone``, the earliest acknowledged first."""
    places = np.flatnonzero(which)
    order = np.argsort(case.messages.end_row[losses.gone[places]], kind="stable")
    return places[order]


def _of_messages(case: Case, name: str, which: Bools, validity: Validity) -> list[Anomaly]:
    rows = np.flatnonzero(which)
    rows = rows[np.argsort(case.messages.begin_row[rows], kind="stable")]
    return anomaly(name, rows, lambda row: tell_message(case, name, row), validity)


def _strangers(case: Case) -> list[Anomaly]:
    """Find what was read in a queue that nobody sent it to; each (queue, value) once."""
    messages, reads = case.messages, case.reads
    home = np.append(messages.queue, NONE)[reads.message]
    # A retry may choose another queue, unless the send named one.
    bound = np.append(messages.aimed | (messages.attempts == 1), False)[reads.message]
    astray = bound & (home != NONE) & (reads.queue != NONE) & (reads.queue != home)
    places = _first_of_each(case, np.flatnonzero((reads.message == NONE) | astray))
    excused = _misplaced(case, places)

    def tell(read: int) -> Finding:
        return tell_read(case, "unexpected", read)

    return [
        *anomaly("unexpected", places[~excused], tell),
        *anomaly("unexpected", places[excused], tell, Validity.VALID),
    ]


def _misplaced(case: Case, reads: Ints) -> Bools:
    """Tell which reads of damaged nodes may be of a record whose head was damaged."""
    table = case.reads
    excused = damaged_before(case, table.node[reads], table.row[reads])
    excused &= np.append(case.struck, False)[table.message[reads]]
    return excused


def _corrupted(case: Case) -> list[Anomaly]:
    messages, reads = case.messages, case.reads
    sent = np.append(messages.crc, NONE)[reads.message]
    changed = (sent != NONE) & (reads.crc != NONE) & (sent != reads.crc)
    places = _first_of_each(case, np.flatnonzero(changed))
    return anomaly("corrupted", places, lambda read: tell_read(case, "corrupted", read))


def _first_of_each(case: Case, places: Ints) -> Ints:
    """Keep the first read of each message in each queue."""
    if not len(places):
        return places
    keys = np.stack([case.reads.queue[places], case.reads.value[places]])
    _, first = np.unique(keys, axis=1, return_index=True)
    return places[np.sort(first)]


def _duplicated(case: Case) -> list[Anomaly]:
    """Find values at two or more offsets of a queue."""
    reads = case.reads
    known = np.flatnonzero((reads.offset != NONE) & (reads.message != NONE))
    order = known[np.lexsort((reads.offset[known], reads.value[known], reads.queue[known]))]
    first, second = order[:-1], order[1:]
    twice = (
        (reads.queue[first] == reads.queue[second])
        & (reads.value[first] == reads.value[second])
        & (reads.offset[first] != reads.offset[second])
    )
    again = second[twice]
    # One instance a message and queue, however many offsets it is at.
    again = np.sort(_first_of_each(case, again))
    once = (case.messages.attempts[reads.message[again]] <= 1) & ~_misplaced(case, again)

    def tell(read: int) -> Finding:
        return tell_read(case, "duplicated", read)

    return [
        *anomaly("duplicated", again[once], tell),
        *anomaly("duplicated", again[~once], tell, Validity.VALID),
    ]


def _redelivered(case: Case) -> list[Anomaly]:
    """Find what one group was given again at the same offset."""
    reads = case.reads
    pulled = np.flatnonzero(~reads.drain & (reads.offset != NONE))
    keys = case.group_of(pulled), reads.queue[pulled], reads.offset[pulled], reads.value[pulled]
    order = np.lexsort(keys)
    again = np.ones(max(len(order) - 1, 0), np.bool_)
    for key in keys:
        again &= key[order][1:] == key[order][:-1]
    places = np.sort(pulled[order[1:][again]])
    return anomaly(
        "redelivered", places, lambda read: tell_read(case, "redelivered", read), Validity.VALID
    )
