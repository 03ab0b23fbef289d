"""How a client's view of an operation becomes ok, fail or info: the only place that decides it.

    the client saw                                                type
    SEND_OK                                                       ok, strong
    FLUSH_DISK_TIMEOUT, FLUSH_SLAVE_TIMEOUT, SLAVE_NOT_AVAILABLE  ok, weak; the op keeps the status
    an error that says it is definite (broker/errors.py)          fail
    anything else                                                 info

A send with retries is one op: ok if any attempt was, ``fail`` only if every attempt was definite.
The client's errors already say so of the whole; this module believes a *definite* only if each
attempt it lists bears it out. When in doubt, info.

Reading changes nothing in the cluster. A pull or a query of offsets that went wrong therefore
surely took no effect and never will: it is ``fail``, whatever the error, and the process lives on.
A commit does change something, and is judged like a send.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from harness.workloads.workload import Completion
from histories.op import Attempt, OpType

__all__ = ["READS", "SEND_STATUSES", "completion_of_error", "type_of_error"]

SEND_STATUSES = ("SEND_OK", "FLUSH_DISK_TIMEOUT", "FLUSH_SLAVE_TIMEOUT", "SLAVE_NOT_AVAILABLE")
READS = ("pull", "assign", "drain", "dump", "probe")


def type_of_error(f: str, error: BaseException) -> OpType:
    """Decide whether an operation that ended in an error certainly did not happen.

    >>> type_of_error("send", TimeoutError()), type_of_error("pull", TimeoutError())
    (<OpType.INFO: 3>, <OpType.FAIL: 2>)
    >>> type_of_error("send", ConnectionRefusedError())
    <OpType.FAIL: 2>
    """
    if f in READS:
        return OpType.FAIL
    if isinstance(error, ConnectionRefusedError):
        return OpType.FAIL

    definite = getattr(error, "definite", False) is True
    attempts: Sequence[Attempt] = getattr(error, "attempts", None) or ()
    if definite and all(_ended_definitely(attempt) for attempt in attempts):
        return OpType.FAIL
    return OpType.INFO


def completion_of_error(f: str, error: Exception) -> Completion:
    """Describe the end of an operation that raised."""
    assert not isinstance(error, asyncio.CancelledError), "cancellation passes through untouched"
    fields: dict[str, Any] = {"error": [type(error).__name__, str(error)]}
    attempts = getattr(error, "attempts", None)
    if attempts:
        fields["attempts"] = list(attempts)
    return Completion(type_of_error(f, error), fields)


def _ended_definitely(attempt: Attempt) -> bool:
    """Say whether one request surely took no effect: unsent, or answered by a refusal.

    A status that stores the message contradicts a definite failure, as does a lost answer.
    """
    in_doubt = ("RemotingTimeoutError", "ClosedError", "RemoteProtocolError", "TimeoutError")
    return not attempt.sent or attempt.outcome not in (*in_doubt, *SEND_STATUSES)
