"""Send requests as bytes: the header of a message, and a batch laid end to end.

An item of a batch, big endian:

    total size int32, magic int32, body CRC int32, flag int32,
    body int32 + n, properties int16 + n

Magic and CRC are 0: the broker computes its own. Source: RocketMQ's ``MessageDecoder.java``.
"""

import re
import zlib
from collections.abc import Sequence
from struct import Struct
from typing import Final

from broker.client.message import Message, properties_of
from broker.errors import MessageIllegalError
from broker.nameserver.route import MessageQueue
from broker.remoting.codes import RequestCode
from broker.remoting.command import Command
from broker.remoting.headers import SendHeader, write_send_v2
from broker.store.properties import WAIT, format_properties

__all__ = [
    "COMPRESSED",
    "MESSAGE_BYTES_MAX",
    "batch_request",
    "check_batch",
    "check_message",
    "send_request",
]

COMPRESSED: Final = 1
"""The bit of SYSFLAG that says: the body is deflated."""

COMPRESS_FROM_BYTES: Final = 4096
MESSAGE_BYTES_MAX: Final = 4 << 20
TOPIC_LENGTH_MAX: Final = 127

_TOPIC: Final = re.compile(r"[%|a-zA-Z0-9_-]+")
_ITEM = Struct(">iiiii")
_PROPERTIES_LENGTH = Struct(">h")


def check_message(message: Message) -> None:
    """Refuse what no broker would store; ``MessageIllegalError`` says why."""
    topic, size = message.topic, len(message.body)
    if not _TOPIC.fullmatch(topic) or len(topic) > TOPIC_LENGTH_MAX:
        raise MessageIllegalError(
            f"expected a topic of 1 to {TOPIC_LENGTH_MAX} of {_TOPIC.pattern}, got {topic!r}"
        )
    if not 0 < size <= MESSAGE_BYTES_MAX:
        raise MessageIllegalError(f"expected a body of 1 to {MESSAGE_BYTES_MAX} bytes, got {size}")


def check_batch(messages: Sequence[Message]) -> None:
    """Refuse messages that make no batch; ``MessageIllegalError`` says why."""
    for message in messages:
        check_message(message)
    if len({message.topic for message in messages}) != 1:
        raise MessageIllegalError(f"expected one topic, got {[one.topic for one in messages]}")
    if messages[0].topic.startswith("%RETRY%") or any(one.delay_level for one in messages):
        raise MessageIllegalError("neither delayed messages nor retries can be sent in a batch")
    if len({message.wait_store_ok for message in messages}) != 1:
        raise MessageIllegalError("expected a batch whose messages have one wait_store_ok")
    size = sum(len(message.body) for message in messages)
    if size > MESSAGE_BYTES_MAX:
        raise MessageIllegalError(f"expected at most {MESSAGE_BYTES_MAX} bytes, got {size}")


def send_request(
    message: Message, key: str, group: str, queue: MessageQueue, born_ms: int
) -> Command:
    """Write SEND_MESSAGE_V2; a long body is deflated."""
    body, sys_flag = message.body, 0
    if len(body) >= COMPRESS_FROM_BYTES:
        body, sys_flag = zlib.compress(body, 5), COMPRESSED
    header = SendHeader(
        producer_group=group,
        topic=message.topic,
        queue_id=queue.queue_id,
        sys_flag=sys_flag,
        born_timestamp=born_ms,
        flag=message.flag,
        properties=format_properties(properties_of(message, key)),
    )
    return Command(RequestCode.SEND_MESSAGE_V2, ext_fields=write_send_v2(header), body=body)


def batch_request(
    messages: Sequence[Message],
    keys: Sequence[str],
    group: str,
    queue: MessageQueue,
    born_ms: int,
) -> Command:
    """Write SEND_BATCH_MESSAGE."""
    header = SendHeader(
        producer_group=group,
        topic=queue.topic,
        queue_id=queue.queue_id,
        born_timestamp=born_ms,
        properties=format_properties({WAIT: "true" if messages[0].wait_store_ok else "false"}),
        batch=True,
    )
    body = b"".join(_item(message, key) for message, key in zip(messages, keys, strict=True))
    return Command(RequestCode.SEND_BATCH_MESSAGE, ext_fields=write_send_v2(header), body=body)


def _item(message: Message, key: str) -> bytes:
    properties = format_properties(properties_of(message, key)).encode()
    size = _ITEM.size + len(message.body) + _PROPERTIES_LENGTH.size + len(properties)
    return b"".join(
        (
            _ITEM.pack(size, 0, 0, message.flag, len(message.body)),
            message.body,
            _PROPERTIES_LENGTH.pack(len(properties)),
            properties,
        )
    )
