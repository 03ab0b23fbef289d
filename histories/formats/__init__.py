"""Every history file that people have, read and written.

    jsonl      ours and Jepsen's fields as JSON, an op a line     json      the same as one array
    edn        Jepsen's history.edn, in all its shapes            jepsen    Jepsen's history.txt
    openchaos  OpenChaos's tab-separated events                   parquet   for other tools
    columns    our columns, mapped into memory: the fastest

``.gz`` and ``.zst`` are read and written as they are. ``read_history`` knows a format by its
content, ``write_history`` by the name of the file.
"""

from histories.formats.convert import convert_history, read_ops, write_history, write_ops
from histories.formats.read import FORMATS, read_history

__all__ = [
    "FORMATS",
    "convert_history",
    "read_history",
    "read_ops",
    "write_history",
    "write_ops",
]
