"""Everything that can go wrong in the broker and its client, as one tree on two axes.

    MqError
      ConfigError              a configuration file is wrong             local   definite
      RemotingError            a request had no answer
        ConnectError           no connection                             remote  definite
        SendError              nothing of it reached the socket          local   definite
        RemotingTimeoutError   no answer in time                         remote  in doubt
        ClosedError            the connection ended before the answer    remote  in doubt
      RemoteProtocolError      a peer's bytes break the protocol         remote  in doubt
      BrokerError              a peer answered with an error code        remote  by its code
      NoRouteError             no broker is known for a topic            remote  definite
      StoreError               the store cannot do it                    local
        MessageIllegalError    the message can never be stored           local   definite
        StoreBlockedError      not now: closed, full, failed before      local   definite
          StoreClosedError     not loaded yet, or closing already
          DiskFullError        no room
        AppendError            a write failed                            local   if undone
        FlushError             written, but a sync failed                local   in doubt
        StoreLockedError       another process has the store             local   definite
        RecordError            bytes on disk or from a peer are no record
        OutOfPlaceError        raw bytes do not continue the log         remote  definite

**side**: LOCAL if our caller, our configuration or our disk is at fault, REMOTE if a peer or the
way to it is. **definite**: the thing asked for surely did not happen and never will. A definite
error makes an operation ``fail``, any other ``info``; when in doubt it is in doubt.
"""

from enum import StrEnum
from typing import ClassVar

__all__ = [
    "AppendError",
    "BrokerError",
    "ClosedError",
    "ConfigError",
    "ConnectError",
    "DiskFullError",
    "FlushError",
    "MessageIllegalError",
    "MqError",
    "NoRouteError",
    "OutOfPlaceError",
    "RecordError",
    "RemoteProtocolError",
    "RemotingError",
    "RemotingTimeoutError",
    "SendError",
    "Side",
    "StoreBlockedError",
    "StoreClosedError",
    "StoreError",
    "StoreLockedError",
]


class Side(StrEnum):
    """Who is at fault."""

    LOCAL = "local"
    REMOTE = "remote"


class MqError(Exception):
    """Any error of this package; the class says whose fault it is, the instance how sure we are."""

    side: ClassVar[Side] = Side.LOCAL
    definite: bool = False


class ConfigError(MqError):
    """A configuration is wrong; the message lists every problem found, not only the first."""

    definite = True


class RemotingError(MqError):
    """A request to a peer ended without an answer."""

    side = Side.REMOTE


class ConnectError(RemotingError):
    """No connection could be made, so nothing was asked."""

    definite = True


class SendError(RemotingError):
    """The connection was closing before the first byte of the request was written."""

    side = Side.LOCAL
    definite = True


class RemotingTimeoutError(RemotingError):
    """No answer came in time; the request may be carried out much later."""


class ClosedError(RemotingError):
    """The connection ended after the request was written and before its answer was read."""


class RemoteProtocolError(MqError):
    """A peer sent what the protocol does not allow; the connection cannot go on."""

    side = Side.REMOTE


class NoRouteError(MqError):
    """No name server knows a broker for the topic, or none could be asked."""

    side = Side.REMOTE
    definite = True


# Codes that a broker gives before it has touched its store. SYSTEM_ERROR (1) and SYSTEM_BUSY (2)
# are not here: RocketMQ also answers so when an append may have happened.
DEFINITE_CODES = frozenset(
    {
        3,  # REQUEST_CODE_NOT_SUPPORTED
        13,  # MESSAGE_ILLEGAL
        14,  # SERVICE_NOT_AVAILABLE
        16,  # NO_PERMISSION
        17,  # TOPIC_NOT_EXIST
        22,  # QUERY_NOT_FOUND
        23,  # SUBSCRIPTION_PARSE_FAILED
        24,  # SUBSCRIPTION_NOT_EXIST
        25,  # SUBSCRIPTION_NOT_LATEST
        26,  # SUBSCRIPTION_GROUP_NOT_EXIST
    }
)


class BrokerError(MqError):
    """A broker or name server answered with an error code and a remark."""

    side = Side.REMOTE

    def __init__(self, code: int, remark: str | None = None) -> None:
        super().__init__(f"code {code}: {remark or 'no remark'}")
        self.code = code
        self.remark = remark or ""
        self.definite = code in DEFINITE_CODES


class StoreError(MqError):
    """The store cannot do what was asked."""


class MessageIllegalError(StoreError):
    """The message breaks a limit of the format; sending it again will not help."""

    definite = True


class StoreBlockedError(StoreError):
    """The store takes no writes now, and says why; the message was not touched."""

    definite = True


class StoreClosedError(StoreBlockedError):
    """The store has not been loaded yet, or is closing."""


class DiskFullError(StoreBlockedError):
    """There is no room; free some, or lower the retention (``fileReservedTime``)."""


class AppendError(StoreError):
    """A write to the log failed; definite if its traces were erased, else the next start knows."""

    def __init__(self, why: str, *, definite: bool = True) -> None:
        super().__init__(why)
        self.definite = definite


class FlushError(StoreError):
    """A sync failed after the record was written: nobody can say whether it will survive."""


class StoreLockedError(StoreError):
    """Another process holds the store's lock; stop it, or give this node a root of its own."""

    definite = True


class RecordError(StoreError):
    """Bytes that should be a commit-log record, an entry or a table are not."""


class OutOfPlaceError(StoreError):
    """Bytes from a master do not begin where our log ends."""

    side = Side.REMOTE
    definite = True
