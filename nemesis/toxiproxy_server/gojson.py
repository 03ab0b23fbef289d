"""JSON as Go's encoding/json reads and writes it, for the shapes of this API.

Reading: one value, whatever follows it is ignored; field names in any case; unknown fields
ignored; null leaves a field as it was; a value of another type is an error in Go's words.
Writing: no spaces, floats without a needless fraction, ``<>&`` escaped.
"""

import json
from collections.abc import Mapping
from typing import Any

from nemesis.toxiproxy_server.errors import bad_request_body

__all__ = ["decode", "encode", "fields", "items"]

_KEY_EXPECTED = "looking for beginning of object key string"
_PHRASES = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": _KEY_EXPECTED,
    "Illegal trailing comma before end of object": _KEY_EXPECTED,
    "Illegal trailing comma before end of array": "looking for beginning of value",
    "Expecting ':' delimiter": "after object key",
    "Expecting ',' delimiter": "after object key:value pair",
}
_GO_NAMES = {str: "string", bool: "bool", int: "int64", float: "float32"}
_JSON_NAMES = {str: "string", bool: "bool", int: "number", float: "number", list: "array"}


def encode(value: object) -> bytes:
    r"""Write a value as Go would.

    >>> encode({"name": "<a>", "toxicity": 1.0})
    b'{"name":"\\u003ca\\u003e","toxicity":1}'
    """
    text = json.dumps(_whole(value), separators=(",", ":"), ensure_ascii=False)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode()


def decode(body: bytes) -> Any:
    """Read the first JSON value of a request body."""
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        raise bad_request_body("EOF")
    try:
        value, _ = json.JSONDecoder(parse_constant=_no_constant).raw_decode(text)
    except json.JSONDecodeError as error:
        raise bad_request_body(_syntax_error(text, error)) from error
    except RecursionError as error:
        raise bad_request_body("exceeded max depth") from error
    return value


def fields(
    value: object, shape: Mapping[str, type], struct: str, field: str = ""
) -> dict[str, Any]:
    """Take the known fields of an object, each of its type; ``field`` is where it stands.

    >>> fields({"Name": "a", "listen": None, "x": 1}, {"name": str, "listen": str}, "t.Proxy")
    {'name': 'a'}
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        where = f"struct field {field} of" if field else "value of"
        raise _mismatch(value, where, struct)
    owner = field or struct.rpartition(".")[2]
    taken = {}
    for key, given in value.items():
        name = key if key in shape else key.lower()
        if name in shape and given is not None:
            taken[name] = _typed(given, shape[name], f"{owner}.{name}")
    return taken


def items(value: object, struct: str) -> list[object]:
    """Take the items of an array."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise _mismatch(value, "value of", f"[]{struct}")
    return value


def _typed(given: object, wanted: type, where: str) -> object:
    if wanted is object or type(given) is wanted:
        return given
    if wanted is float and type(given) is int:
        return given
    raise _mismatch(given, f"struct field {where} of", _GO_NAMES[wanted])


def _mismatch(given: object, where: str, wanted: str) -> Exception:
    what = _JSON_NAMES.get(type(given), "object")
    if isinstance(given, float) and wanted == "int64":
        what = f"number {given}"
    return bad_request_body(f"json: cannot unmarshal {what} into Go {where} type {wanted}")


def _syntax_error(text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
        return "unexpected EOF"
    char = {'"': "'\"'", "'": "'\\''"}.get(text[error.pos], f"'{text[error.pos]}'")
    return f"invalid character {char} {_PHRASES.get(error.msg, error.msg)}"


def _no_constant(name: str) -> None:
    raise bad_request_body(f"invalid character '{name[0]}' looking for beginning of value")


def _whole(value: object) -> object:
    """Write 1.0 as 1, as Go does."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return value
