"""A format is known by what is in the file, never by its name.

parquet    PAR1                             jsonl      {"
columns    a folder with tables.json        edn        { ( [ #tag ;  and keywords
json       [ and then {"                    jepsen     0<TAB>:invoke<TAB>
openchaos  0<TAB>enqueue<TAB>REQUEST, or fault<TAB>
"""

import re

from histories.errors import HistoryError

__all__ = ["detected"]

_RULES = (
    ("parquet", re.compile(rb"PAR1")),
    ("json", re.compile(rb"\s*\[\s*(\{\s*[\"}]|\]\s*$)")),
    ("jsonl", re.compile(rb"\s*\{\s*[\"}]")),
    ("openchaos", re.compile(rb"\s*(fault\t|[^\t\n]+\t[^\t\n:]+\t(REQUEST|RESPONSE)\t)")),
    ("jepsen", re.compile(rb"\s*[^\t\n{]+\t\s*:(invoke|ok|fail|info)\s*\t")),
    ("edn", re.compile(rb"(?:[\s,(\[]|;[^\n]*\n|#_\S+\s)*(\{|#[A-Za-z][^\s{]*\s*\{)")),
)


def detected(head: bytes) -> str:
    r"""Name the format of a text that begins so.

    >>> [detected(b'{"index":0'), detected(b"[{:index 0"), detected(b"0\t:ok\t:read\t5")]
    ['jsonl', 'edn', 'jepsen']
    """
    for format, rule in _RULES:
        if rule.match(head):
            return format
    shown = head.split(b"\n", 1)[0][:60].decode(errors="replace")
    raise HistoryError(
        "a history as JSONL, EDN, history.txt, OpenChaos TSV or Parquet", found=shown, line=1
    )
