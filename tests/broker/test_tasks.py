"""What runs beside everything else and is awaited by nobody."""

import asyncio
import json

import pytest

from broker.live import LiveClock
from broker.logging import EventLog
from broker.processors.keeper import TableKeeper
from broker.tasks import spawn
from tests.broker.cluster_rig import Rig, play


async def test_a_task_that_dies_says_so_and_one_that_is_stopped_does_not() -> None:
    lines: list[str] = []
    log = EventLog(lines.append, LiveClock())

    async def fail() -> None:
        raise ValueError("a bug")

    async def last() -> None:
        await asyncio.Event().wait()

    tasks = [spawn(fail(), log), spawn(last(), log), spawn(asyncio.sleep(0), log)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    (line,) = map(json.loads, lines)
    assert (line["event"], line["why"]) == ("task-died", "ValueError('a bug')")
    assert line["task"].endswith("fail")


def test_a_brokers_timer_that_dies_of_a_bug_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker goes on; without a word nobody would know why it saves no offsets any more."""
    said: list[str] = []

    async def scenario(rig: Rig) -> None:
        monkeypatch.setattr(rig.broker("master")._log, "_write", said.append)
        await asyncio.sleep(11)

    async def broken(_keeper: TableKeeper) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(TableKeeper, "save_consumer_offsets", broken)
    play(scenario, start=("nameserver", "master"))
    assert [json.loads(line)["event"] for line in said].count("task-died") == 1
