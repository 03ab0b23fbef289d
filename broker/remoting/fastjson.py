"""JSON as Java's fastjson writes it: keys may be bare integers, or whole objects.

    {0:"127.0.0.1:10911"}                      a map keyed by broker id
    {{"queueId":3,"topic":"T"}:{"maxOffset":2}}    a map keyed by message queue

In Python an integer key is written bare, and read, bare or quoted, as its text; an object as a
key is a tuple of its (name, value) pairs, both ways. All else is plain JSON.

>>> dumps({0: "a", (("queueId", 3), ("topic", "T")): [1.5, None, True]}).decode()
'{0:"a",{"queueId":3,"topic":"T"}:[1.5,null,true]}'
>>> loads(_)
{'0': 'a', (('queueId', 3), ('topic', 'T')): [1.5, None, True]}
"""

import json
import re
from collections.abc import Callable
from json import JSONDecoder
from typing import Any

from broker.errors import RemoteProtocolError

__all__ = ["dumps", "loads", "loads_object"]

_SPACE = re.compile(r"[ \t\r\n]*")
_INTEGER = re.compile(r"-?\d+")
_scan = JSONDecoder().raw_decode
_write_plain: Callable[[object], str] = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":")
).encode
_write_text: Callable[[str], str] = json.encoder.encode_basestring
_write_scalar: Callable[[object], str] = json.JSONEncoder(ensure_ascii=False).encode
# A text that never ends is taken to the end: to look for one at each of its quotes would take a
# stranger's 16 MiB of them the square of that.
_TEXT_OR_BARE_KEY = re.compile(
    r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|(?<=[{,])[ \t\r\n]*(-?\d+)[ \t\r\n]*(?=:)', re.DOTALL
)


def dumps(value: object) -> bytes:
    """Write a value compactly, in UTF-8."""
    return (_write_plain(value) if _is_plain(value) else _write(value)).encode()


def loads(data: bytes | str) -> Any:
    """Read a value; ``RemoteProtocolError`` if it is none."""
    try:
        text = data if isinstance(data, str) else data.decode()
        try:
            return json.loads(text)
        except ValueError:
            return _loads_fastjson(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise RemoteProtocolError(f"expected JSON, got {data[:80]!r}: {error}") from error


def loads_object(data: bytes | str) -> dict[Any, Any]:
    """Read a value that must be an object."""
    value = loads(data)
    if not isinstance(value, dict):
        raise RemoteProtocolError(f"expected a JSON object, got {data[:80]!r}")
    return value


def _loads_fastjson(text: str) -> Any:
    """Read what is not JSON: with its bare keys in quotes it nearly always is."""
    try:
        return json.loads(_TEXT_OR_BARE_KEY.sub(_quoted, text))
    except ValueError:
        return _read_all(text)


def _quoted(found: re.Match[str]) -> str:
    return f'"{found[1]}"' if found[1] else found[0]


def _is_plain(value: object) -> bool:
    """Whether it is JSON as everybody writes it, for which there is an encoder in C."""
    if isinstance(value, dict):
        for key, one in value.items():
            if not isinstance(key, str) or not _is_plain(one):
                return False
    elif isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return True


def _write(value: object) -> str:
    if isinstance(value, str):
        return _write_text(value)
    if type(value) is int:
        return str(value)
    if isinstance(value, dict):
        pairs = [f"{_write_key(key)}:{_write(one)}" for key, one in value.items()]
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_write, value)) + "]"
    return _write_scalar(value)


def _write_key(key: object) -> str:
    return _write(dict(key) if isinstance(key, tuple) else key)


def _read_all(text: str) -> object:
    value, end = _read(text, _skip(text, 0))
    end = _skip(text, end)
    if end != len(text):
        raise ValueError(f"extra data at {end}")
    return value


def _read(text: str, start: int) -> tuple[object, int]:
    if text.startswith("{", start):
        return _read_object(text, start + 1)
    if text.startswith("[", start):
        return _read_array(text, start + 1)
    return _scan(text, start)


def _read_object(text: str, start: int) -> tuple[dict[object, object], int]:
    found: dict[object, object] = {}
    position = _skip(text, start)
    if text.startswith("}", position):
        return found, position + 1
    while True:
        key, position = _read_key(text, position)
        position = _expect(text, position, ":")
        found[key], position = _read(text, position)
        position = _skip(text, position)
        if text.startswith("}", position):
            return found, position + 1
        position = _expect(text, position, ",")


def _read_array(text: str, start: int) -> tuple[list[object], int]:
    found: list[object] = []
    position = _skip(text, start)
    if text.startswith("]", position):
        return found, position + 1
    while True:
        value, position = _read(text, position)
        found.append(value)
        position = _skip(text, position)
        if text.startswith("]", position):
            return found, position + 1
        position = _expect(text, position, ",")


def _read_key(text: str, start: int) -> tuple[object, int]:
    integer = _INTEGER.match(text, start)
    if integer:
        return integer.group(), integer.end()
    key, end = _read(text, start)
    if isinstance(key, dict):
        key = tuple(key.items())
        hash(key)  # TypeError if the object holds a list or another object
    elif not isinstance(key, str):
        raise TypeError(f"a key that is no string, integer or object at {start}")
    return key, end


def _expect(text: str, position: int, mark: str) -> int:
    position = _skip(text, position)
    if not text.startswith(mark, position):
        raise ValueError(f"no {mark!r} at {position}")
    return _skip(text, position + 1)


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position
