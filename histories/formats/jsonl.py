"""One op a line, as a JSON object: ours, and Jepsen's with the same fields."""

import msgspec

from histories.errors import HistoryError
from histories.fields import fields_of, op_of
from histories.op import Op

__all__ = ["encode_line", "parse_line"]

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def parse_line(line: bytes, row: int) -> Op | None:
    """Read an op; blank lines are none.

    >>> parse_line(b'{"process": 0, "type": "ok", "f": "read", "value": 5}', 7).index
    7
    """
    if not line.strip():
        return None
    try:
        fields = _decode(line)
    except msgspec.DecodeError as error:
        raise HistoryError("an op as a JSON object", found=_text(line)) from error
    if not isinstance(fields, dict):
        raise HistoryError("an op as a JSON object", found=_text(line))
    return op_of(fields, row)


def encode_line(op: Op) -> bytes:
    """Write an op as a line, without its newline."""
    return _encode(fields_of(op) if op.extra else op)


def _text(line: bytes) -> str:
    return line.decode(errors="replace")
