"""The body of SEND_BATCH_MESSAGE: messages for one queue, one behind the other.

TOTALSIZE 4 | MAGIC 4 | BODYCRC 4 | FLAG 4 | BODY 4 + n | PROPERTIES 2 + n
"""

import struct
from collections.abc import Iterator

from broker.errors import BrokerError
from broker.remoting.codes import ResponseCode

__all__ = ["split_batch"]

_ITEM = struct.Struct(">iiiii")
_SIZE = struct.Struct(">h")


def split_batch(body: bytes) -> Iterator[tuple[int, bytes, str]]:
    """Give each message of a batch: flag, body, properties."""
    at = 0
    try:
        while at < len(body):
            total, _, _, flag, size = _ITEM.unpack_from(body, at)
            body_at = at + _ITEM.size
            (properties_size,) = _SIZE.unpack_from(body, body_at + size)
            properties_at = body_at + size + _SIZE.size
            end = properties_at + properties_size
            text = body[properties_at:end].decode()
            if end != at + total or end > len(body) or min(size, properties_size) < 0:
                raise _malformed(f"expected a message of {total} bytes at byte {at}")
            yield flag, body[body_at : body_at + size], text
            at = end
    except (struct.error, UnicodeDecodeError) as error:
        raise _malformed(str(error)) from error


def _malformed(why: str) -> BrokerError:
    return BrokerError(ResponseCode.MESSAGE_ILLEGAL, f"a malformed batch: {why}")
