"""How a finding about a message is put: one sentence, the ops that prove it, the same as data.

The ops are those a reader needs and no more: the send's two ends, the read that shows the
trouble, the fault that caused it, the drains that prove an absence.
"""

from typing import Any

import numpy as np

from checkers.case import Case
from checkers.losses import Losses
from checkers.messages import NEVER
from checkers.sequences import PARTS, parts
from checkers.verdict import Finding
from histories.history import NONE

__all__ = ["tell_loss", "tell_message", "tell_read"]

_OF_MESSAGE = {
    "discarded": "was on one node only, and the operator gave it up",
    "aborted": "was read, although every attempt to send it definitely failed",
    "recovered": "was read, so its send in doubt did take effect",
    "unseen": "was acknowledged and never read, and no certified drain of its queue tells more",
}

_OF_READ = {
    "unexpected": "was read, although nobody sent it there",
    "corrupted": "was read with another checksum than it was sent with",
    "duplicated": "stands at two offsets of its queue",
    "redelivered": "was read again at the same offset",
}


def tell_message(case: Case, name: str, row: int) -> Finding:
    """Tell of a message by its send, and by its first read if there is one."""
    messages = case.messages
    value = case.text(int(messages.value[row]))
    read = _first_read(case, row)
    return Finding(
        f"{value} {_OF_MESSAGE[name]}",
        case.indices(*_send_rows(case, row), *_read_rows(case, read)),
        {"value": value, **_place(case, int(messages.queue[row]), int(messages.offset[row]))},
    )


def tell_read(case: Case, name: str, read: int) -> Finding:
    """Tell of a read, and of the send and the first other read of the same message."""
    reads = case.reads
    message = int(reads.message[read])
    value = case.text(int(reads.value[read]))
    sent = _send_rows(case, message) if message != NONE else ()
    others = _other_read(case, name, read) if name in ("duplicated", "redelivered") else NONE
    data = {"value": value, **_place(case, int(reads.queue[read]), int(reads.offset[read]))}
    if name == "duplicated" and others != NONE:
        data["offsets"] = sorted({int(reads.offset[read]), int(reads.offset[others])})
    if message != NONE:
        data["attempts"] = int(case.messages.attempts[message])
    return Finding(
        f"{value} {_OF_READ[name]}",
        case.indices(*sent, *_read_rows(case, others), *_read_rows(case, read)),
        data,
    )


def tell_loss(case: Case, losses: Losses, place: int) -> Finding:
    """Tell of a message that is gone: its send, the fault to blame, the drains without it."""
    messages = case.messages
    row = int(losses.gone[place])
    queue = int(messages.queue[row])
    drains = case.certificates.of(queue)
    fault = int(losses.fault[place])
    window = case.windows[fault] if fault != NONE else None
    value = case.text(int(messages.value[row]))
    fault_rows = (
        [at for at in (window.inject_row, window.bitten_row) if at != NEVER] if window else []
    )
    data: dict[str, Any] = {
        "value": value,
        **_place(case, queue, int(messages.offset[row])),
        "part": PARTS[int(parts(messages.value[[row]], messages.value[losses.there])[0])],
        "fault": window.id if window else None,
    }
    if messages.status[row] != NONE:
        data["status"] = case.history.statuses[int(messages.status[row])]
    return Finding(
        f"{value} was acknowledged, and {_fate(case, losses, place)}",
        case.indices(
            *_send_rows(case, row),
            *fault_rows,
            *(at for drain in drains for at in (drain.begin_row, drain.row)),
        ),
        data,
    )


def _fate(case: Case, losses: Losses, place: int) -> str:
    fault = int(losses.fault[place])
    name = f"{case.windows[fault].name} ({case.windows[fault].id})" if fault != NONE else "no fault"
    if losses.expired[place]:
        return "is below the min offset of its queue"
    if losses.allowed[place]:
        return f"is gone, as {name} may take it under {case.contract.mode}"
    if losses.gap[place]:
        return f"is gone, while something behind it survived {name}: not a suffix was lost"
    if losses.below[place]:
        return "is below the min offset of its queue, though nothing let a node delete it"
    if fault == NONE:
        return "is gone, though no fault was on then or later"
    return f"is gone, which {name} may not cause under {case.contract.mode}"


def _place(case: Case, queue: int, offset: int) -> dict[str, Any]:
    place: dict[str, Any] = {"queue": case.queue_name(queue)} if queue != NONE else {}
    return place | ({"offset": offset} if offset != NONE else {})


def _send_rows(case: Case, row: int) -> tuple[int, ...]:
    end = int(case.messages.end_row[row])
    return (int(case.messages.begin_row[row]), NONE if end == NEVER else end)


def _read_rows(case: Case, read: int) -> tuple[int, ...]:
    if read == NONE:
        return ()
    return (int(case.reads.begin_row[read]), int(case.reads.row[read]))


def _first_read(case: Case, row: int) -> int:
    places = np.flatnonzero(case.reads.message == row)
    return int(places[0]) if len(places) else NONE


def _other_read(case: Case, name: str, read: int) -> int:
    """Give the first read that makes this one a second."""
    reads = case.reads
    same = (reads.value == reads.value[read]) & (reads.queue == reads.queue[read])
    places = np.flatnonzero(same)
    if name == "duplicated":
        others = places[reads.offset[places] != reads.offset[read]]
    else:
        group = case.group_of(places)
        mine = (group == group[places == read]) & ~reads.drain[places]
        others = places[mine & (reads.offset[places] == reads.offset[read]) & (places < read)]
    return int(others[0]) if len(others) else NONE
