"""What clients saw of a run, as ops and as columns: the currency of all other packages.

op        one line of a history                history   all lines, as columns
values    a message's value as a number        messages  what an op sent and was given
recorder  writes a history as it happens       formats   reads and writes everybody's
notation  histories small enough to read       errors    what can be wrong with a file
"""

from histories.errors import HistoryError
from histories.history import NEMESIS_PROCESS, NONE, Deliveries, History, HistoryInfo, Sends
from histories.op import NEMESIS, Attempt, FaultRecord, Op, OpType
from histories.values import ValueTable

__all__ = [
    "NEMESIS",
    "NEMESIS_PROCESS",
    "NONE",
    "Attempt",
    "Deliveries",
    "FaultRecord",
    "History",
    "HistoryError",
    "HistoryInfo",
    "Op",
    "OpType",
    "Sends",
    "ValueTable",
]
