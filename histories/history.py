"""A history is columns: one row an op in file order, and one row a message delivered.

A million ops as Python objects are half a gigabyte; as columns they are 50 MB, and a checker is
a few numpy calls. Text is interned: ``f``, ``queue`` and ``node`` are codes into the tables
``fs``, ``queues`` and ``nodes``; a value is a number of its own (see ``values``).

    ops         index time process type f queue node value offset physical_offset
                crc status attempts pair
    deliveries  one row for each message that a pull, drain, dequeue, read or poll returned:
                row (of the op that delivered it) queue offset value crc

``-1`` (``NONE``) means absent in every column. ``pair`` is the row of the op's other end, -1 if
it has none. A log is named by topic and queue, ``TopicMasterSlave/0``; a Jepsen key likewise.
What only a few ops carry (errors, attempts in full, certificates, faults) stays with the op:
``op(row)`` gives it back whole, and ``nemesis_ops`` are at hand as objects.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from histories.op import Op, OpType
from histories.values import ValueTable

__all__ = ["NEMESIS_PROCESS", "NONE", "Deliveries", "History", "HistoryInfo"]

NONE = -1
NEMESIS_PROCESS = -2
"""Stands for the nemesis in the process column."""

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Bytes = NDArray[np.int8]
