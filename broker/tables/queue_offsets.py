"""Offsets by message queue, as they travel and lie in files."""

from collections.abc import Mapping

from broker.errors import RemoteProtocolError
from broker.nameserver.route import MessageQueue
from broker.remoting import fastjson

__all__ = ["queue_key", "read_offsets", "write_offsets"]


def queue_key(queue: MessageQueue) -> tuple[tuple[str, object], ...]:
    """Give a queue as the key of an object, which fastjson lets it be."""
    return (
        ("brokerName", queue.broker_name),
        ("queueId", queue.queue_id),
        ("topic", queue.topic),
    )


def write_offsets(offsets: Mapping[MessageQueue, int]) -> bytes:
    """Write offsets.

    >>> write_offsets({MessageQueue("T", "broker-a", 0): 7})
    b'{"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:7}}'
    """
    return fastjson.dumps({"offsetTable": {queue_key(one): at for one, at in offsets.items()}})


def read_offsets(content: bytes) -> dict[MessageQueue, int]:
    """Read offsets; ``RemoteProtocolError`` if there are none."""
    try:
        table = fastjson.loads_object(content)["offsetTable"]
        named = [(dict(key), offset) for key, offset in table.items()]
        return {
            MessageQueue(key["topic"], key["brokerName"], key["queueId"]): int(offset)
            for key, offset in named
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RemoteProtocolError(f"expected an offset table, got {content[:80]!r}") from error
