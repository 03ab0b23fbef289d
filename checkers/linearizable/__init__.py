"""Linearizability: each op took effect at one instant between its invocation and its completion.

    operations  a history's ops as intervals, with what went in and what came out
    models      register, cas-register, mutex, fifo-queue, unordered-queue, log: plain values
    search      the general check, exponential in the worst case, bounded: may say unknown
    log         exact and fast for an append-only log with offsets, O(n log n)
    fifo        exact and fast for a FIFO queue with unique values, O(n log n)
    calls       the columns that the exact checks work on
    verdict     a whole history, judged by a model's name

Herlihy and Wing 1990; Wing and Gong 1993; Lowe 2017; Horn and Kroening 2015.
"""

from checkers.linearizable.fifo import linearizable_fifo
from checkers.linearizable.log import linearizable_log
from checkers.linearizable.models import MODELS, Model
from checkers.linearizable.operations import Operation, operations
from checkers.linearizable.search import Linearization, linearizable
from checkers.linearizable.verdict import linearizability

__all__ = [
    "MODELS",
    "Linearization",
    "Model",
    "Operation",
    "linearizability",
    "linearizable",
    "linearizable_fifo",
    "linearizable_log",
    "operations",
]
