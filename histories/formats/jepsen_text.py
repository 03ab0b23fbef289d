"""Jepsen's history.txt: tab-separated, for people; no index and no time.

0        :invoke  :enqueue          17
0        :info    :enqueue          17       :timeout
:nemesis :info    :start-partition  :majority
"""

from histories.errors import HistoryError
from histories.fields import op_of
from histories.formats.edn import write_word
from histories.formats.edn_text import read_forms, text_of, write_form
from histories.op import Op

__all__ = ["encode_line", "parse_line"]


def parse_line(line: bytes, row: int) -> Op | None:
    r"""Read an op of its four or five columns.

    >>> parse_line(b"0\t:info\t:enqueue\t17\t:timeout", 3).error
    ':timeout'
    """
    if not line.strip():
        return None
    columns = [column.strip() for column in line.split(b"\t")]
    if len(columns) not in (4, 5):
        raise HistoryError("process, :type, :f, value and perhaps error", found=line)
    process, type, f, value, *error = map(_form, columns)
    fields = {"process": text_of(process), "type": text_of(type), "f": text_of(f), "value": value}
    return op_of(fields | ({"error": error[0]} if error else {}), row)


def encode_line(op: Op) -> bytes:
    """Write what the format can hold of an op."""
    columns = [write_word(word) for word in (op.process, op.type, op.f)]
    columns += [write_form(op.value), *([] if op.error is None else [write_form(op.error)])]
    return "\t".join(columns).encode()


def _form(column: bytes) -> object:
    try:
        forms = list(read_forms(column.decode()))
    except UnicodeDecodeError as error:
        raise HistoryError("UTF-8", found=column) from error
    if len(forms) != 1:
        raise HistoryError("one EDN form in a column", found=column)
    return forms[0]
