"""An op is a map in every format; here a map of anybody's becomes an ``Op`` and back.

Jepsen's fields have our names (index, time, process, type, f, value, error). A field that we do
not know, or that carries something else under a name of ours (a ``node`` that is a list), is not
an error: it is kept in ``extra`` and written out again beside the others.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from histories.errors import HistoryError
from histories.op import Attempt, FaultRecord, Op, OpType

__all__ = ["fields_of", "op_of"]

_TYPES = frozenset(kind.word for kind in OpType)
_INT64 = range(-(2**63), 2**63)

_TEXTS = ("node", "topic", "key", "status", "group")
_NUMBERS = (
    "queue",
    "queue_offset",
    "physical_offset",
    "crc",
    "min_offset",
    "max_offset",
    "next_offset",
)
_STRUCTS = {"attempts": list[Attempt], "fault": FaultRecord}
_KNOWN = frozenset(Op.__struct_fields__) - {"extra"}


def op_of(fields: Mapping[str, Any], row: int = 0) -> Op:
    """Make an op of a map; ``row`` stands in for a missing index.

    >>> op_of({"process": 0, "type": "ok", "f": "read", "value": 5, "debug": True}, row=7)
    ... # doctest: +NORMALIZE_WHITESPACE
    Op(index=7, time=-1, process=0, type='ok', f='read', value=5, error=None, node=None,
       topic=None, queue=None, queue_offset=None, physical_offset=None, key=None, status=None,
       crc=None, attempts=None, group=None, min_offset=None, max_offset=None, next_offset=None,
       certified=None, fault=None, extra={'debug': True})
    """
    _require(fields)
    known: dict[str, Any] = {"index": row, "time": -1}
    extra: dict[str, Any] = {}
    for name, value in fields.items():
        if name not in _KNOWN:
            extra[name] = value
        elif value is None:
            continue
        elif (read := _fitted(name, value)) is not None:
            known[name] = read
        else:
            extra[name] = value
    return Op(**known, extra=extra)


def fields_of(op: Op) -> dict[str, Any]:
    """Spell an op as a map in the order of its record, without what is absent.

    >>> fields_of(Op(index=7, process=0, type="ok", f="read", value=5, extra={"debug": True}))
    {'index': 7, 'process': 0, 'type': 'ok', 'f': 'read', 'value': 5, 'debug': True}
    """
    fields: dict[str, Any] = msgspec.to_builtins(op)
    fields.update(fields.pop("extra", {}))
    return fields


def _require(fields: Mapping[str, Any]) -> None:
    """Refuse a map that is no op."""
    if fields.get("type") not in _TYPES:
        raise HistoryError("an op with type invoke, ok, fail or info", found=dict(fields))
    if not isinstance(fields.get("f"), str):
        raise HistoryError("an op with f as text", found=dict(fields))
    process = fields.get("process")
    if isinstance(process, bool) or not isinstance(process, int | str):
        raise HistoryError("an op with process as a number or a name", found=dict(fields))
    for name in ("index", "time"):
        number = fields.get(name)
        if number is not None and (type(number) is not int or number not in _INT64):
            raise HistoryError(f"an op with {name} as a whole number", found=dict(fields))


def _fitted(name: str, value: Any) -> Any:
    """Give the value as the field of an op holds it, or None if it does not fit there."""
    if name in _TEXTS:
        return value if isinstance(value, str) else None
    if name in _NUMBERS:
        return value if type(value) is int and value in _INT64 else None
    if name == "certified":
        return value if isinstance(value, bool) else None
    if name in _STRUCTS:
        return _converted(value, _STRUCTS[name])
    return value


def _converted(value: Any, type: Any) -> Any:
    try:
        read = msgspec.convert(value, type)
    except msgspec.ValidationError:
        return None
    return read if msgspec.to_builtins(read) == value else None
