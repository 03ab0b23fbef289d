"""OpenChaos's history file: tab-separated events, on a wall clock of milliseconds.

    request   clientId operation REQUEST value shardingKey timestamp extraInfo
    response  clientId operation RESPONSE result value shardingKey timestamp sendLatencyMs
              extraInfo endToEndLatencyMs
    fault     fault name start|end timestamp

SUCCESS, FAILURE and UNKNOWN are ok, fail and info. A message pushed to a consumer is a response
without a request: a completion without an invoke. What has no field of its own is in ``extra``.
"""

import re
from typing import Any

from histories.errors import HistoryError
from histories.fields import op_of
from histories.op import NEMESIS, Op

__all__ = ["encode_line", "parse_line"]

_RESULTS = {"SUCCESS": "ok", "FAILURE": "fail", "UNKNOWN": "info"}
_WORDS = {type: result for result, type in _RESULTS.items()}
_NULL = "null"
_MS = 1_000_000
_WHOLE = re.compile("0|[1-9][0-9]*", re.ASCII)

_REQUEST = ("process", "f", "event", "value", "key", "time", "extraInfo")
_RESPONSE = (
    "process",
    "f",
    "event",
    "type",
    "value",
    "key",
    "time",
    "sendLatencyMs",
    "extraInfo",
    "endToEndLatencyMs",
)
_FAULT = ("process", "f", "value", "time")
_EXTRA = ("sendLatencyMs", "extraInfo", "endToEndLatencyMs")
_COLUMNS = {"REQUEST": _REQUEST, "RESPONSE": _RESPONSE}


def parse_line(line: bytes, row: int) -> Op | None:
    r"""Read an event as an op.

    >>> op = parse_line(b"0\tenqueue\tRESPONSE\tSUCCESS\t17\tnull\t1718000000131\t8\tx\t0", 3)
    >>> op.type, op.f, op.value, op.time
    ('ok', 'enqueue', 17, 1718000000131000000)
    """
    if not line.strip():
        return None
    try:
        words = line.decode().split("\t")
    except UnicodeDecodeError as error:
        raise HistoryError("UTF-8", found=line) from error
    if words[0] == "fault":
        return op_of(_named(_FAULT, words) | {"type": "info", "process": NEMESIS}, row)
    fields = _named(_COLUMNS.get(words[2] if len(words) > 2 else "", _REQUEST), words)
    event, result = fields.pop("event"), str(fields.get("type"))
    if event not in _COLUMNS or (event == "RESPONSE" and result not in _RESULTS):
        raise HistoryError("REQUEST, or RESPONSE and a result", found=words)
    fields["type"] = "invoke" if event == "REQUEST" else _RESULTS[result]
    return op_of(fields, row)


def encode_line(op: Op) -> bytes:
    """Write what the format can hold of an op."""
    if op.process == NEMESIS:
        return "\t".join(["fault", op.f, _word(op.value), str(op.time // _MS)]).encode()
    words = {
        "process": str(op.process),
        "f": op.f,
        "event": "REQUEST" if op.type == "invoke" else "RESPONSE",
        "type": _WORDS.get(op.type, ""),
        "value": _word(op.value),
        "key": _word(op.key),
        "time": str(max(op.time, 0) // _MS),
    } | {name: _word(op.extra.get(name)) for name in _EXTRA}
    columns = _REQUEST if op.type == "invoke" else _RESPONSE
    return "\t".join(words[name] for name in columns).encode()


def _named(columns: tuple[str, ...], words: list[str]) -> dict[str, Any]:
    if len(words) != len(columns):
        raise HistoryError(f"{len(columns)} columns, {' '.join(columns)}", found=words)
    texts = dict(zip(columns, words, strict=True))
    fields: dict[str, Any] = {name: text for name, text in texts.items() if text != _NULL}
    if not _WHOLE.fullmatch(texts["time"]):
        raise HistoryError("a timestamp in milliseconds", found=texts["time"])
    fields["time"] = int(texts["time"]) * _MS
    for name in ("process", "value"):
        if _WHOLE.fullmatch(texts[name]):
            fields[name] = int(texts[name])
    return fields


def _word(value: Any) -> str:
    """Spell a value as a column; tabs and newlines would be columns and lines."""
    return _NULL if value is None else re.sub(r"[\t\r\n]", " ", str(value))
