"""What a broker says of its topics, and the version by which a change is noticed.

Field order is the wire's: RocketMQ writes the keys of an object in alphabetical order.
"""

from enum import IntEnum
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec
import msgspec.inspect

from broker.errors import RemoteProtocolError
from broker.remoting import fastjson

__all__ = [
    "READ_WRITE",
    "DataVersion",
    "Permission",
    "TopicConfig",
    "TopicWrapper",
    "from_json",
    "to_json",
]

StructT = TypeVar("StructT", bound=msgspec.Struct)


class Permission(IntEnum):
    """What may be done with a topic's queues: bits of a plain number."""

    INHERIT = 1  # other topics may be made like this one
    WRITE = 2
    READ = 4


READ_WRITE: Final = Permission.READ | Permission.WRITE


class DataVersion(msgspec.Struct, rename="camel", frozen=True):
    """When a table last changed, and how often it did. Versions are equal or not, never ordered."""

    counter: int = 0
    timestamp: int = 0

    def next(self, now_ms: int) -> "DataVersion":
        """Give the version after one more change."""
        return DataVersion(self.counter + 1, now_ms)


class TopicConfig(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A topic's queues on one broker."""

    order: bool = False
    perm: int = int(READ_WRITE)
    read_queue_nums: int = 16
    topic_filter_type: str = "SINGLE_TAG"
    topic_name: str
    topic_sys_flag: int = 0
    write_queue_nums: int = 16


class TopicWrapper(msgspec.Struct, rename="camel", frozen=True):
    """All topics of a broker: RocketMQ's ``TopicConfigSerializeWrapper``."""

    data_version: DataVersion = DataVersion()
    topic_config_table: dict[str, TopicConfig] = {}

    def permitted(self, permission: int) -> "TopicWrapper":
        """Give the table of a broker that lets nothing more be done than this.

        RocketMQ 4.9.3 puts the broker's permission in the place of each topic's, and so opens a
        topic again that was closed; from 5.0 on, as here, both must permit it.
        """
        if permission & READ_WRITE == READ_WRITE:
            return self
        topics = {
            name: msgspec.structs.replace(topic, perm=topic.perm & permission)
            for name, topic in self.topic_config_table.items()
        }
        return TopicWrapper(self.data_version, topics)


def to_json(value: msgspec.Struct) -> bytes:
    """Write a value as RocketMQ would; what is None is left out.

    >>> to_json(DataVersion(2, 1795493067272)).decode()
    '{"counter":2,"timestamp":1795493067272}'
    """
    if _is_plain(type(value)):
        return msgspec.json.encode(value)
    return fastjson.dumps(_without_nulls(msgspec.to_builtins(value)))


def from_json(data: bytes | str, kind: type[StructT]) -> StructT:
    """Read a value; ``RemoteProtocolError`` if the text is none of its kind."""
    try:
        found: StructT = _decoder(kind).decode(data)
    except (ValueError, RecursionError):
        return _from_fastjson(data, kind)
    return found


def _from_fastjson(data: bytes | str, kind: type[StructT]) -> StructT:
    """Read what is no JSON, or has nulls where a value would be."""
    found = fastjson.loads_object(data)
    try:
        return msgspec.convert(_without_nulls(found), kind, strict=False, str_keys=True)
    except msgspec.ValidationError as error:
        raise RemoteProtocolError(
            f"expected a {kind.__name__}, got {data[:200]!r}: {error}"
        ) from error


@lru_cache(maxsize=64)
def _decoder(kind: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=False)


@lru_cache(maxsize=64)
def _is_plain(kind: type[msgspec.Struct]) -> bool:
    """Whether values of a kind are JSON as everybody writes it: no bare keys, no nulls."""
    return _has_plain_type(msgspec.inspect.type_info(kind))


def _has_plain_type(type: msgspec.inspect.Type) -> bool:
    match type:
        case msgspec.inspect.StructType(fields=fields):
            return all(_has_plain_type(field.type) for field in fields)
        case msgspec.inspect.DictType(key_type=msgspec.inspect.StrType(), value_type=item):
            return _has_plain_type(item)
        case msgspec.inspect.ListType(item_type=item):
            return _has_plain_type(item)
        case _:
            plain = msgspec.inspect.StrType | msgspec.inspect.IntType | msgspec.inspect.BoolType
            return isinstance(type, plain)


def _without_nulls(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {key: _without_nulls(one) for key, one in value.items() if one is not None}
