"""Configuration that operators keep at the name server: namespace -> key -> value."""

import msgspec

from broker.nameserver.topics import from_json
from broker.remoting import fastjson

__all__ = ["ORDER_TOPIC_CONFIG", "KeyValues"]

ORDER_TOPIC_CONFIG = "ORDER_TOPIC_CONFIG"
"""The namespace of topics whose queues are pinned to brokers."""


class _File(msgspec.Struct, rename="camel", frozen=True):
    config_table: dict[str, dict[str, str]] = {}


class KeyValues:
    """A table of tables of texts."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, str]] = {}

    def put(self, namespace: str, key: str, value: str) -> None:
        """Set a value."""
        self._tables.setdefault(namespace, {})[key] = value

    def get(self, namespace: str, key: str) -> str | None:
        """Give a value, or None."""
        return self._tables.get(namespace, {}).get(key)

    def delete(self, namespace: str, key: str) -> None:
        """Drop a value; silent if there is none."""
        self._tables.get(namespace, {}).pop(key, None)

    def table(self, namespace: str) -> dict[str, str] | None:
        """Give a whole namespace, or None if nothing was ever put there."""
        return self._tables.get(namespace)

    def to_json(self) -> bytes:
        """Write everything as RocketMQ's ``kvConfig.json`` holds it."""
        return fastjson.dumps({"configTable": self._tables})

    def load_json(self, data: bytes) -> None:
        """Take over what ``to_json`` wrote; ``RemoteProtocolError`` if it is something else."""
        self._tables = from_json(data, _File).config_table
