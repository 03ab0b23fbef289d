"""Who is well answers in time, and no route leads to the dead; with quiet around both."""

from typing import Any

import msgspec
import pytest

from checkers.answers import answers
from checkers.case import Case
from checkers.contract import Contract
from histories.history import History
from histories.op import Op

Fields = dict[str, Any]
CONTRACT = Contract(answer_ms=2800, route_ms=2000, silence_ms=11_000, convergence_ms=30_000)
QUEUE: Fields = {"topic": "T", "queue": 0}


def found(*parts: list[Fields]) -> list[str]:
    """Name what the checker finds in ops that are given with times in ms, in any order."""
    ops = sorted((op for part in parts for op in part), key=lambda op: int(op["time"]))
    timed = [
        msgspec.convert({**op, "index": index, "time": op["time"] * 10**6}, Op)
        for index, op in enumerate(ops)
    ]
    return sorted(answers(Case(History.from_ops(timed), CONTRACT)).anomalies)


def send(
    process: int, begin: int, end: int, outcome: str = "SEND_OK", tries: int = 1
) -> list[Fields]:
    common = {"process": process, "f": "send", "value": f"{process}-{begin}", **QUEUE}
    attempts = [{"node": "master", "sent": True, "outcome": outcome}] * tries
    ok = outcome in ("SEND_OK", "FLUSH_SLAVE_TIMEOUT")
    last: Fields = {"type": "ok", "node": "master", "status": outcome} if ok else {"type": "info"}
    return [
        {"type": "invoke", "time": begin, **common},
        {"time": end, "attempts": attempts, **common, **last},
    ]


def served(begin: int, end: int) -> list[Fields]:
    common = {"process": begin, "f": "pull", "node": "master", "queue_offset": 0, **QUEUE}
    return [
        {"type": "invoke", "time": begin, **common},
        {"type": "ok", "time": end, "value": [], **common},
    ]


def fault(name: str, target: str, begin: int, end: int, **more: Any) -> list[Fields]:
    record = {"id": begin, "name": name, "targets": [target], "fault_class": "process", **more}
    return [
        {"process": "nemesis", "type": "info", "f": name, "time": at, "fault": {**record, **told}}
        for at, told in (
            (begin, {"phase": "inject"}),
            (begin, {"phase": "inject", "bit": True}),
            (end, {"phase": "cure"}),
            (end, {"phase": "cure", "bit": True}),
        )
    ]


LATE = send(0, 1000, 4000, "RemotingTimeoutError")
OTHERS = [op for at in range(1000, 4000, 500) for op in served(at, at + 100)]
STARVED = [op for at in (1000, 2400) for op in served(at, at + 1400)]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([LATE, OTHERS], ["unanswered"]),
        ([send(0, 1000, 4000, "FLUSH_SLAVE_TIMEOUT"), OTHERS], ["unanswered"]),
        ([send(0, 1000, 3700, "FLUSH_SLAVE_TIMEOUT"), OTHERS], []),
        ([LATE], []),  # nobody knows whether the master had time for anybody
        ([LATE, OTHERS, STARVED], []),  # a machine that is too busy is slow with everybody
        ([send(0, 1000, 4000, "RemotingTimeoutError", tries=2), OTHERS], []),
    ],
)
def test_a_master_that_is_well_answers_within_its_time_outs(
    history: list[list[Fields]], expected: list[str]
) -> None:
    assert found(*history) == expected


@pytest.mark.parametrize(
    ("target", "begin", "expected"),
    [
        ("slave", 900, ["unanswered"]),
        ("slave->master-ha", 900, ["unanswered"]),
        ("master", 900, []),
        ("client->master", 500, []),
        ("client->nameserver", 900, []),
        ("master", 5000, ["unanswered"]),
    ],
)
def test_only_what_is_between_a_client_and_its_master_excuses_silence(
    target: str, begin: int, expected: list[str]
) -> None:
    assert found(LATE, OTHERS, fault("pause-it", target, begin, begin + 50)) == expected


def pull(process: int, at: int, error: str, node: str = "master") -> list[Fields]:
    common = {"process": process, "f": "pull", "node": node, "queue_offset": 0, **QUEUE}
    return [
        {"type": "invoke", "time": at, **common},
        {"type": "fail", "time": at + 1, "error": [error, "why"], **common},
    ]


DEAD = fault("kill-master", "master", 1000, 8000)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([DEAD, pull(0, 3100, "ConnectError"), pull(0, 4700, "ConnectError")], ["stale-route"]),
        ([DEAD, pull(0, 3100, "ConnectError"), pull(0, 4700, "NoRouteError")], []),
        ([DEAD, pull(0, 3100, "ConnectError"), pull(0, 4700, "ConnectError", "slave")], []),
        # Whoever uses a route for the first time in long only now begins to fetch another.
        ([DEAD, pull(0, 4700, "ConnectError")], []),
        ([DEAD, pull(0, 2000, "ConnectError"), pull(0, 4400, "ConnectError")], []),
        ([DEAD, pull(0, 7900, "ConnectError"), pull(0, 9600, "ConnectError")], []),
    ],
)
def test_no_route_leads_to_a_node_that_has_long_been_dead(
    history: list[list[Fields]], expected: list[str]
) -> None:
    assert found(*history) == expected


TRIED = [*pull(0, 3100, "ConnectError"), *pull(0, 4700, "ClosedError")]


def test_a_send_that_tried_the_dead_counts_as_well() -> None:
    sends = [send(0, at, at + 1, "ConnectError") for at in (3100, 4700)]
    assert found(DEAD, *sends) == ["stale-route"]


@pytest.mark.parametrize(
    "excuse",
    [
        fault("pause-nameserver", "nameserver", 1500, 2000),
        fault("partition", "client->nameserver", 500, 600),
        fault("kill-slave", "slave", 1100, 1200),  # a topic that nobody has keeps its last route
    ],
)
def test_routes_are_judged_only_while_everybody_else_is_well(excuse: list[Fields]) -> None:
    assert found(DEAD, TRIED) == ["stale-route"]
    assert found(DEAD, TRIED, excuse) == []


def test_a_machine_without_power_is_missed_only_by_its_silence() -> None:
    """Nobody ends its connections for it; the name server waits for a sign of life."""
    dead = fault("power-cut-master", "master", 1000, 20_000, fault_class="power")
    later = [*pull(1, 14_100, "ConnectError"), *pull(1, 15_700, "ConnectError")]
    assert found(dead, TRIED) == []
    assert found(dead, TRIED, later) == ["stale-route"]
