"""The fields of requests and replies: typed here, all text on the wire.

A header is a struct whose fields bear RocketMQ's names in Python's spelling. ``read_fields`` and
``write_fields`` turn ``extFields`` into one and back; None is not written, unknown fields are
skipped. SEND_MESSAGE_V2 and SEND_BATCH_MESSAGE carry the same header under single letters.
"""

from enum import IntEnum
from typing import TypeVar

import msgspec

from broker.errors import RemoteProtocolError
from broker.remoting.codes import RequestCode
from broker.remoting.command import Command

__all__ = [
    "ConsumerOffsetHeader",
    "PullFlag",
    "PullHeader",
    "PullReply",
    "QueueHeader",
    "SendBackHeader",
    "SendHeader",
    "SendReply",
    "read_fields",
    "read_send_header",
    "required_field",
    "write_fields",
    "write_send_v2",
]

HeaderT = TypeVar("HeaderT")


class SendHeader(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What a producer says of a message, besides its body."""

    producer_group: str
    topic: str
    default_topic: str = "TBW102"  # whose queues an unknown topic is made like
    default_topic_queue_nums: int = 4
    queue_id: int  # below 0: the broker's choice
    sys_flag: int = 0
    born_timestamp: int = 0
    flag: int = 0
    properties: str = ""
    reconsume_times: int = 0
    unit_mode: bool = False
    max_reconsume_times: int | None = None
    batch: bool = False


class SendReply(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Where a message was put."""

    msg_id: str  # offsetMsgId; of a batch, one for each message, with commas
    queue_id: int
    queue_offset: int  # of a batch, the first message's
    transaction_id: str | None = None
    msg_region: str | None = msgspec.field(default=None, name="MSG_REGION")
    trace_on: str | None = msgspec.field(default=None, name="TRACE_ON")


class PullFlag(IntEnum):
    """Bits of a pull's ``sysFlag``; plain numbers, for an ``IntFlag`` takes its time."""

    COMMIT_OFFSET = 1  # commitOffset is valid
    SUSPEND = 2  # may be parked until something arrives
    SUBSCRIPTION = 4  # the subscription is in the request
    CLASS_FILTER = 8
    LITE_PULL = 16


class PullHeader(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What a consumer wants of one queue."""

    consumer_group: str
    topic: str
    queue_id: int
    queue_offset: int
    max_msg_nums: int = 32
    sys_flag: int = 0
    commit_offset: int = 0
    suspend_timeout_millis: int = 0
    sub_version: int = 0
    subscription: str | None = None
    expression_type: str | None = "TAG"


class PullReply(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Where to go on, whatever was found."""

    suggest_which_broker_id: int = 0
    next_begin_offset: int
    min_offset: int
    max_offset: int


class QueueHeader(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A queue, in GET_MAX_OFFSET, GET_MIN_OFFSET, SEARCH_OFFSET_BY_TIMESTAMP and the like."""

    topic: str
    queue_id: int
    timestamp: int | None = None


class ConsumerOffsetHeader(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """How far a group has come in a queue: asked for, or told."""

    consumer_group: str
    topic: str
    queue_id: int
    commit_offset: int | None = None


class SendBackHeader(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A message that a consumer could not process, to be delivered again later."""

    offset: int  # in the commit log
    group: str
    delay_level: int
    origin_msg_id: str | None = None
    origin_topic: str | None = None
    unit_mode: bool = False
    max_reconsume_times: int | None = None


V2_LETTERS = {
    "a": "producerGroup",
    "b": "topic",
    "c": "defaultTopic",
    "d": "defaultTopicQueueNums",
    "e": "queueId",
    "f": "sysFlag",
    "g": "bornTimestamp",
    "h": "flag",
    "i": "properties",
    "j": "reconsumeTimes",
    "k": "unitMode",
    "l": "maxReconsumeTimes",
    "m": "batch",
}
_V2_NAMES = {name: letter for letter, name in V2_LETTERS.items()}
_BOOLEANS = ("false", "true")
_V2_FIELDS = tuple(_V2_NAMES[name] for name in SendHeader.__struct_encode_fields__)


def read_fields(fields: dict[str, str], header: type[HeaderT]) -> HeaderT:
    """Read a header; ``RemoteProtocolError`` if a field is missing or is no number.

    >>> read_fields({"topic": "T", "queueId": "3"}, QueueHeader).queue_id
    3
    """
    try:
        return msgspec.convert(fields, header, strict=False)
    except msgspec.ValidationError as error:
        raise RemoteProtocolError(
            f"expected the fields of {header.__name__}, got {sorted(fields)}: {error}"
        ) from error


def required_field(command: Command, name: str) -> str:
    """Give one field of a command; ``RemoteProtocolError`` if it is missing."""
    text = command.ext_fields.get(name)
    if text is None:
        raise RemoteProtocolError(
            f"request {command.code}: expected the field {name!r}, got {sorted(command.ext_fields)}"
        )
    return text


def write_fields(header: msgspec.Struct) -> dict[str, str]:
    """Write a header as text; what is None is left out.

    >>> write_fields(QueueHeader(topic="T", queue_id=3))
    {'topic': 'T', 'queueId': '3'}
    """
    return _written(header, header.__struct_encode_fields__)


def _written(header: msgspec.Struct, names: tuple[str, ...]) -> dict[str, str]:
    """Write numbers and truth values as Java does."""
    values = zip(names, msgspec.structs.astuple(header), strict=True)
    return {
        name: _BOOLEANS[value] if isinstance(value, bool) else str(value)
        for name, value in values
        if value is not None
    }


def read_send_header(command: Command) -> SendHeader:
    """Read the header of any of the three send requests."""
    if command.code == RequestCode.SEND_MESSAGE:
        return read_fields(command.ext_fields, SendHeader)
    names = V2_LETTERS
    full = {names[letter]: text for letter, text in command.ext_fields.items() if letter in names}
    return read_fields(full, SendHeader)


def write_send_v2(header: SendHeader) -> dict[str, str]:
    """Write a send header under its letters."""
    return _written(header, _V2_FIELDS)
