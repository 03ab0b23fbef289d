"""An operation: one line of a history, invoked by a process and completed at most once.

    invoke  a process began to do f
    ok      it certainly happened
    fail    it certainly did not happen, and never will
    info    it may have happened, may happen later, or never

A process is single-threaded and logical, as in Jepsen: after an ``info`` its number is retired.
The nemesis is a process of its own, whose ops are all ``info``, two for each: before and after.

The functions of our own workloads, and what their ops carry besides index, time, process, type:

    f       invoke                      completion
    send    value key topic queue crc   + node queue_offset physical_offset status attempts
    pull    topic queue node            + value=[[offset, value, crc], ...] min_offset max_offset
            queue_offset group          next_offset
    commit  topic queue node group      the same
            queue_offset
    drain   topic queue node            as a pull of the whole queue; ``certified`` when two
                                        readings of min and max agreed and nothing was skipped
    dump    node                        value=LogDump as a map: what the node's commit log is
    assign  value=[[topic, queue], ...] the same: the process reads these queues from now on
    probe   node                        value={end, flushed, slave_end?}: a node's own figures

``value`` of a send is unique in a run, ``<producer>-<counter>``; ``key`` is its UNIQ_KEY on the
wire. ``crc`` is CRC-32 of the body. ``attempts`` are the wire requests that a send made.
Nemesis ops (process ``nemesis``) have f = the fault's name and carry ``fault``.
Foreign histories use their own functions (enqueue, dequeue, add, read, txn, poll, ...), and their
own fields, which are kept in ``extra`` by name.
"""

from enum import IntEnum
from typing import Any

import msgspec

__all__ = ["NEMESIS", "Attempt", "FaultRecord", "LogDump", "Op", "OpType"]

NEMESIS = "nemesis"
"""The process that injects faults."""


class OpType(IntEnum):
    """What a line says of its operation; the values are the codes in a history's columns."""

    INVOKE = 0
    OK = 1
    FAIL = 2
    INFO = 3

    @property
    def word(self) -> str:
        """The spelling in every format: ``invoke``, ``ok``, ``fail`` or ``info``."""
        return _WORDS[self]


_WORDS = tuple(kind.name.lower() for kind in OpType)


class Attempt(msgspec.Struct, omit_defaults=True, frozen=True):
    """One wire request of a send: to whom, whether a byte left, and how it ended."""

    node: str
    sent: bool
    outcome: str  # a SendStatus, a response code's name, or the error's


class FaultRecord(msgspec.Struct, omit_defaults=True, frozen=True, kw_only=True):
    """What a nemesis op says of its fault; ``phase`` tells the two ends of its life apart."""

    id: int
    name: str  # as in ``mqhavoc list nemeses``, e.g. kill-master
    fault_class: str  # process | power | disk | damage | link | other
    phase: str  # inject | cure
    targets: list[str]  # node names, or link names such as client->master
    options: dict[str, Any] = {}  # mode, latency_ms, volatile, snapshot_end, ...
    stops_writes: bool = False  # no send can succeed while it is on
    bit: bool | None = None  # proven to have taken (or, for a cure, to have lost) effect
    proof: str = ""  # how that is known, for people
    ends: dict[str, Any] = {}  # node -> {end, flushed}: physical offsets seen at that moment


class LogDump(msgspec.Struct, omit_defaults=True, frozen=True, kw_only=True):
    """What a node's commit log is, as checksums: the value of an ok ``dump``, as a map.

    Blocks are counted from ``begin``; ``at`` helps to compare with a log that ends earlier.
    """

    begin: int  # physical offset of the first byte it has
    end: int
    block: int  # bytes
    crcs: list[int]  # CRC-32 of each whole block
    tail_crc: int = 0  # of the last block, if it is not whole; 0 if there is none
    at: dict[str, int] = {}  # offset -> CRC-32 from the begin of its block up to there


class Op(msgspec.Struct, omit_defaults=True, frozen=True, kw_only=True):
    """One line of a history. Fields that do not apply are absent."""

    index: int
    time: int = -1  # ns since the run began, by one monotonic clock; -1 if unknown
    process: int | str
    type: str
    f: str
    value: Any = None
    error: Any = None
    node: str | None = None
    topic: str | None = None
    queue: int | None = None
    queue_offset: int | None = None
    physical_offset: int | None = None
    key: str | None = None
    status: str | None = None
    crc: int | None = None
    attempts: list[Attempt] | None = None
    group: str | None = None
    min_offset: int | None = None
    max_offset: int | None = None
    next_offset: int | None = None
    certified: bool | None = None
    fault: FaultRecord | None = None
    extra: dict[str, Any] = {}  # fields that are none of the above; on disk beside the others
