"""How messages reach the listener: one queue is never in two hands at once, if order is wanted."""

import asyncio
from dataclasses import dataclass, field

import pytest

from broker.client.consuming import ConsumeStatus, Orderly
from broker.client.process_queue import ProcessQueue
from broker.nameserver.route import MessageQueue
from broker.store.message import Host, StoredMessage
from tests.broker.client.real_cluster import wait_until

QUEUE = MessageQueue("T", "broker-a", 0)
HOST = Host("127.0.0.1", 1)


def message(offset: int) -> StoredMessage:
    return StoredMessage("T", 0, offset, 0, 100, b"x", 0, {}, 0, 0, 0, HOST, 0, HOST, 0, 0)


@dataclass
class SlowListener:
    """Says when it began with a message, and waits to be let go."""

    begun: list[int] = field(default_factory=list)
    free: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, _queue: MessageQueue, messages: list[StoredMessage]) -> ConsumeStatus:
        self.begun += [one.queue_offset for one in messages]
        await self.free.wait()
        return ConsumeStatus.SUCCESS


def held(consuming: Orderly) -> ProcessQueue:
    """Take the queue on from its first message."""
    process = ProcessQueue(QUEUE, 0, locked_until_ms=float("inf"))
    consuming.begin(process)
    consuming.arrived(process, process.put([message(0), message(1)], 2))
    return process


async def let_go(consuming: Orderly, process: ProcessQueue) -> bool:
    process.is_dropped = True
    return await consuming.end(process)


async def test_a_queue_that_comes_back_waits_for_who_still_works_on_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The broker gives its lock to the same member at once, however busy that one is."""
    monkeypatch.setattr("broker.client.consuming.SUSPEND_SECONDS", 0.01)
    listener = SlowListener()
    consuming = Orderly(listener)
    first = held(consuming)
    await wait_until(lambda: listener.begun == [0])
    assert not await let_go(consuming, first)
    second = held(consuming)
    assert not await let_go(consuming, second)

    third = held(consuming)
    await asyncio.sleep(1)
    assert listener.begun == [0]
    listener.free.set()
    await wait_until(lambda: third.cached_count == 0)
    assert listener.begun == [0, 0, 1]
    await consuming.close(1)


async def test_a_stop_ends_also_who_works_on_a_queue_that_was_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("broker.client.consuming.SUSPEND_SECONDS", 0.01)
    listener = SlowListener()
    consuming = Orderly(listener)
    process = held(consuming)
    await wait_until(lambda: listener.begun == [0])
    assert not await let_go(consuming, process)
    before = len(asyncio.all_tasks())
    await consuming.close(0.01)
    assert len(asyncio.all_tasks()) == before - 1
