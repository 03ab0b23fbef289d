r"""A message's properties as one text, and the hash by which brokers filter tags.

On the wire and on disk properties are ``name \1 value \2 name \1 value``: RocketMQ's brokers
write no \2 at the end, its clients accept either. Neither \1, \2 nor NUL may stand in a name
or a value: the first two would break the text, and a NUL is how a torn write looks (see
``scan``), so a record that holds one could not be told from a damaged one.

A tag's hash is Java's ``String.hashCode``, sign-extended: no tag is 0.
"""

import sys
from collections.abc import Mapping
from functools import lru_cache
from operator import mul

__all__ = [
    "CLUSTER",
    "DELAY",
    "KEYS",
    "REAL_QUEUE_ID",
    "REAL_TOPIC",
    "TAGS",
    "TRANSACTION",
    "UNIQUE_KEY",
    "WAIT",
    "delay_level",
    "format_properties",
    "java_hash",
    "keys_of",
    "parse_properties",
    "tags_code",
]

KEYS = "KEYS"
TAGS = "TAGS"
WAIT = "WAIT"
DELAY = "DELAY"
CLUSTER = "CLUSTER"
REAL_TOPIC = "REAL_TOPIC"
REAL_QUEUE_ID = "REAL_QID"
UNIQUE_KEY = "UNIQ_KEY"
TRANSACTION = "TRAN_MSG"

LEVEL_DIGITS_MAX = 9
"""More would be no Java int, and many more could not be read at all."""

_POWERS = tuple(pow(31, exponent, 1 << 32) for exponent in range(512, -1, -1))


def parse_properties(text: str) -> dict[str, str]:
    r"""Read a properties text; parts that are no pair are passed over, as RocketMQ does.

    >>> parse_properties("KEYS\1key0\2TAGS\1TagA\2")
    {'KEYS': 'key0', 'TAGS': 'TagA'}
    """
    properties = {}
    for pair in text.split("\2"):
        name, separator, value = pair.partition("\1")
        if separator:
            properties[name] = value
    return properties


def delay_level(properties: Mapping[str, str]) -> int:
    """Read which delay a message asks for; 0, that it goes at once, if it is no number.

    >>> [delay_level({"DELAY": text}) for text in ("3", "soon", "9" * 5000)]
    [3, 0, 0]
    """
    text = properties.get(DELAY, "0")
    return int(text) if text.isdecimal() and len(text) <= LEVEL_DIGITS_MAX else 0


def format_properties(properties: Mapping[str, str]) -> str:
    """Write properties as one text, in the mapping's order."""
    return "\2".join([f"{name}\1{value}" for name, value in properties.items()])


def java_hash(text: str) -> int:
    """Give Java's ``String.hashCode``: a signed 32-bit polynomial in 31 over UTF-16 units.

    >>> java_hash("TagA")
    2598919
    """
    units: bytes | memoryview
    units = text.encode() if text.isascii() else _utf16(text)
    if len(units) < len(_POWERS):
        total = sum(map(mul, units, _POWERS[-len(units) :])) if units else 0
    else:
        total = 0
        for unit in units:
            total = (total * 31 + unit) & 0xFFFFFFFF
    return ((total + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def _utf16(text: str) -> memoryview:
    """Give the UTF-16 units of a text; lone surrogates are units like any other."""
    order = "utf-16-le" if sys.byteorder == "little" else "utf-16-be"
    return memoryview(text.encode(order, "surrogatepass")).cast("H")


@lru_cache(maxsize=4096)
def tags_code(tags: str | None) -> int:
    """Give the code that a consume-queue entry carries for a TAGS property.

    >>> tags_code(None), tags_code("TagA")
    (0, 2598919)
    """
    return java_hash(tags) if tags else 0


def keys_of(properties: Mapping[str, str]) -> list[str]:
    """Give every key by which a message can be queried: its unique key, then its KEYS.

    >>> keys_of({"KEYS": "a b", "UNIQ_KEY": "U"})
    ['U', 'a', 'b']
    """
    unique = properties.get(UNIQUE_KEY)
    keys = properties.get(KEYS, "").split()
    return [unique, *keys] if unique else keys
