"""A message as the user makes it, and the key that names it for ever.

``UNIQ_KEY`` is RocketMQ's: 16 bytes in hex, of which the first ten say who sent (here drawn from
the session's rng, where RocketMQ takes address, process and class loader), the next four when
within the month, the last two which of many. It is set once a send, and kept over its retries.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Final

import msgspec

from broker.store.properties import DELAY, KEYS, TAGS, UNIQUE_KEY, WAIT

__all__ = ["Message", "UniqueKeys", "properties_of"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a producer sends."""

    topic: str
    body: bytes
    tags: str = ""
    keys: tuple[str, ...] = ()
    delay_level: int = 0  # 1 to 18: delivered later
    wait_store_ok: bool = True  # False: answered before disk and slave have it
    flag: int = 0  # the user's own, stored as it is
    properties: Mapping[str, str] = {}


DAY_MS: Final = 86_400_000


class UniqueKeys:
    """Makes keys that no other sender makes."""

    def __init__(self, rng: Random) -> None:
        self._sender = rng.randbytes(10)
        self._count = rng.randrange(1 << 16)
        self._latest_ms = 0

    def next(self, now_ms: int) -> str:
        """Make the next key; a clock that stands still or steps back makes none twice."""
        self._count = (self._count + 1) & 0xFFFF
        # Time and count only grow, as one number: a count that wraps pushes the time on.
        self._latest_ms = max(self._latest_ms + (self._count == 0), now_ms)
        millis = (self._latest_ms - _month_start_ms(self._latest_ms // DAY_MS)) & 0xFFFF_FFFF
        tail = millis.to_bytes(4, "big") + self._count.to_bytes(2, "big")
        return (self._sender + tail).hex().upper()


@lru_cache(maxsize=64)
def _month_start_ms(day: int) -> int:
    """Give the beginning of the month of a day, which is counted from the epoch."""
    start = datetime.fromtimestamp(day * DAY_MS / 1000, UTC).replace(day=1)
    return int(start.timestamp() * 1000)


def properties_of(message: Message, unique_key: str) -> dict[str, str]:
    """Give a message's properties, its own and RocketMQ's.

    >>> properties_of(Message(topic="T", body=b"", tags="TagA", keys=("a", "b")), "K")
    {'KEYS': 'a b', 'UNIQ_KEY': 'K', 'WAIT': 'true', 'TAGS': 'TagA'}
    """
    properties = dict(message.properties)
    if message.keys:
        properties[KEYS] = " ".join(message.keys)
    properties[UNIQUE_KEY] = unique_key
    properties[WAIT] = "true" if message.wait_store_ok else "false"
    if message.delay_level:
        properties[DELAY] = str(message.delay_level)
    if message.tags:
        properties[TAGS] = message.tags
    return properties
