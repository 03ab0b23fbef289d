"""What became of one send: its requests on the wire, and what they amount to.

A send with retries is one operation. It succeeded if any attempt did. It surely did not happen
only if that is sure of every attempt: one that left in doubt leaves the whole send in doubt.
"""

from collections.abc import Sequence

import msgspec

from broker.errors import BrokerError, ConnectError, MqError, SendError
from broker.nameserver.route import MessageQueue
from broker.remoting.codes import ResponseCode, SendStatus

__all__ = ["Attempt", "SendFailedError", "SendResult", "attempt_that_failed"]

_CODE_NAMES = {code.value: code.name for code in ResponseCode}


class Attempt(msgspec.Struct, omit_defaults=True, frozen=True):
    """One wire request of a send: to which address, whether a byte left, and how it ended."""

    node: str
    sent: bool
    outcome: str  # a SendStatus, a response code's name, or the error's


class SendResult(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was stored. Of a batch: keys and ids with commas, and the first offsets."""

    status: SendStatus
    key: str  # UNIQ_KEY
    message_id: str  # offsetMsgId
    queue: MessageQueue
    queue_offset: int
    physical_offset: int
    node: str  # the address that was told
    attempts: tuple[Attempt, ...]


class SendFailedError(MqError):
    """No attempt of a send was answered with a status; ``attempts`` says how each ended.

    In doubt unless every attempt surely did nothing: then sending again cannot store it twice.
    """

    def __init__(self, why: str, key: str, attempts: Sequence[Attempt], *, definite: bool) -> None:
        super().__init__(why)
        self.key = key
        self.attempts = tuple(attempts)
        self.definite = definite


def attempt_that_failed(node: str, error: MqError) -> Attempt:
    """Describe an attempt by the error that ended it."""
    if isinstance(error, BrokerError):
        name = _CODE_NAMES.get(error.code, f"CODE_{error.code}")
        return Attempt(node, sent=True, outcome=name)
    sent = not isinstance(error, ConnectError | SendError)
    return Attempt(node, sent, type(error).__name__)
