"""Strategies for Hypothesis: messages, options of runs, faults, schedules, and histories.

Everything that is drawn shrinks towards the plain case: a short body, one queue, the strictest
mode, no faults, a history in which every send succeeds. Needs Hypothesis, and nothing else in the
harness imports this module.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import strategies as st

from broker.client.message import Message
from harness.fault_plan import able_packages
from harness.options import MODES, RunOptions
from harness.workloads.queue import CONSUMER_GROUP, TOPIC
from histories.history import History
from histories.op import Op
from nemesis.faults import Fault
from nemesis.packages import Package
from nemesis.registry import PACKAGES
from nemesis.schedules import TURN_MS_MIN, WARM_UP_MS, Schedule, plan
from nemesis.topology import Topology

__all__ = [
    "able_packages",
    "cluster_options",
    "faults",
    "histories",
    "messages",
    "modes",
    "schedules",
]

DRAWS = 1 << 16
"""How many variants of a fault or a schedule there are; a small number shrinks well."""

NAMES = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)


def messages(topic: str = TOPIC, size_max: int = 2048) -> st.SearchStrategy[Message]:
    """Draw messages that a producer may send to a topic."""
    return st.builds(
        Message,
        topic=st.just(topic),
        body=st.binary(max_size=size_max),
        tags=st.just("") | NAMES,
        keys=st.lists(NAMES, max_size=2).map(tuple),
        wait_store_ok=st.just(True),  # noqa: FBT003 -- a value that is drawn
        properties=st.dictionaries(NAMES, NAMES, max_size=2),
    )


def modes() -> st.SearchStrategy[str]:
    """Draw a mode, the strictest first."""
    return st.sampled_from(sorted(MODES, reverse=True, key=lambda mode: mode.count("SYNC_")))


@st.composite
def cluster_options(
    draw: st.DrawFn, seed_max: int = 1000, nemeses: Sequence[str] | None = None
) -> RunOptions:
    """Draw options of a short simulated run; without ``nemeses``, up to two of the able ones."""
    volatile = draw(st.booleans())
    options = RunOptions(
        seed=draw(st.integers(0, seed_max)),
        world="simulated",
        nemeses=(),
        mode=draw(modes()),
        time_limit_s=float(draw(st.integers(4, 8))),
        rate=float(draw(st.integers(20, 80))),
        concurrency=draw(st.integers(2, 5)),
        queues=draw(st.integers(1, 3)),
        volatile=volatile,
    )
    if nemeses is None:
        names = [package.name for package in able_packages(options)]
        nemeses = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    return replace(options, nemeses=tuple(nemeses))


def faults(packages: Sequence[Package] | None = None) -> st.SearchStrategy[Fault]:
    """Draw one fault of the packages, by default of all that the contract covers."""
    known = packages or able_packages(RunOptions(seed=0, volatile=True))
    names = [package.name for package in known]  # short, for Hypothesis prints what it draws from
    return st.builds(_fault, st.sampled_from(names), st.integers(0, DRAWS))


def _fault(name: str, number: int) -> Fault:
    return PACKAGES[name].draw(Random(number), Topology())  # noqa: S311 -- the number is drawn


@st.composite
def schedules(draw: st.DrawFn, nemeses: Sequence[str], time_limit_ms: int = 8000) -> Schedule:
    """Draw when the faults of some nemeses happen, each at least once."""
    room = (time_limit_ms * 4 // 5 - WARM_UP_MS) // TURN_MS_MIN
    if len(nemeses) > room:
        raise ValueError(f"{time_limit_ms} ms: expected at most {room} nemeses, got {nemeses!r}")
    number = draw(st.integers(0, DRAWS))
    return plan(Random(number), [PACKAGES[name] for name in nemeses], time_limit_ms)  # noqa: S311


@st.composite
def histories(draw: st.DrawFn, sends_max: int = 12, queues_max: int = 2) -> History:
    """Draw the history of an honest broker: sends that end in every way, and a whole drain.

    What was acknowledged is in the drains of both nodes at its offset, what failed is not, and
    what nobody knows is there or is not. So the queue checker finds nothing broken in it.
    """
    queues = draw(st.integers(1, queues_max))
    logs: dict[int, list[str]] = {queue: [] for queue in range(queues)}
    ops: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, sends_max))):
        queue = draw(st.integers(0, queues - 1))
        ending = draw(st.sampled_from(["ok", "fail", "info"]))
        sent = {"f": "send", "value": f"{number}-0", "topic": TOPIC, "queue": queue}
        ops.append({"process": number, "type": "invoke", **sent})
        if ending == "ok":
            answer = {"node": "master", "queue_offset": len(logs[queue]), "status": "SEND_OK"}
            ops.append({"process": number, "type": "ok", **sent, **answer})
        else:
            ops.append({"process": number, "type": ending, **sent, "error": "timeout"})
        if ending == "ok" or (ending == "info" and draw(st.booleans())):
            logs[queue].append(f"{number}-0")
    ops += _drains(logs, process=sends_max)
    return History.from_ops(
        Op(index=index, time=index * 1_000_000, **fields) for index, fields in enumerate(ops)
    )


def _drains(logs: dict[int, list[str]], process: int) -> list[dict[str, Any]]:
    ops: list[dict[str, Any]] = []
    for node in ("master", "slave"):
        for queue, log in logs.items():
            fields = {"process": process, "f": "drain", "topic": TOPIC, "queue": queue}
            fields |= {"node": node, "group": CONSUMER_GROUP}
            found = [[offset, value, 0] for offset, value in enumerate(log)]
            bounds = {"min_offset": 0, "max_offset": len(log), "certified": True}
            ops.append({**fields, "type": "invoke"})
            ops.append({**fields, **bounds, "type": "ok", "value": found})
    return ops
