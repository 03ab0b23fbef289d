"""The endless pull: when it goes on, where it moves, and when it rather waits."""

import asyncio

import pytest

from broker.client.consumer import PullConsumer
from broker.client.process_queue import ProcessQueue
from broker.client.queue_reader import QueueReader
from broker.nameserver.route import MessageQueue
from broker.remoting.command import Command
from broker.store.message import StoredMessage
from tests.broker.client.real_cluster import wait_until
from tests.broker.client.scripted import Answer, Cluster, refuse, silence

QUEUE = MessageQueue("T", "broker-a", 0)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.client.queue_reader.AFTER_ERROR_SECONDS", 0.001)


def moved(next_offset: int, code: int = 21, suggested: int = 0) -> Answer:
    fields = {
        "suggestWhichBrokerId": str(suggested),
        "nextBeginOffset": str(next_offset),
        "minOffset": "0",
        "maxOffset": "9",
    }
    return lambda command: command.reply(code, ext_fields=fields)


def reader(cluster: Cluster, process: ProcessQueue, **options: bool) -> QueueReader:
    def keep(_process: ProcessQueue, _messages: list[StoredMessage]) -> None:
        raise AssertionError("nothing arrives here")

    settings = {"needs_lock": False, "commits": True, **options}
    consumer = PullConsumer(cluster.session(route_refresh_ms=0), "g")
    return QueueReader(consumer, process, "*", keep, **settings)


async def read_until(reader: QueueReader, asked: list[Command], count: int) -> list[str]:
    running = asyncio.create_task(reader.run())
    await wait_until(lambda: len(asked) >= count)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return [command.ext_fields["queueOffset"] for command in asked[:count]]


async def test_an_error_is_tried_again(cluster: Cluster) -> None:
    broker = await cluster.broker(refuse(24), refuse(1), silence)
    offsets = await read_until(reader(cluster, ProcessQueue(QUEUE, 7)), broker.asked, 3)
    assert offsets == ["7", "7", "7"]


async def test_a_master_moves_the_reader_to_where_its_queue_is(cluster: Cluster) -> None:
    broker = await cluster.broker(moved(3), silence)
    process = ProcessQueue(QUEUE, 7)
    assert await read_until(reader(cluster, process), broker.asked, 2) == ["7", "3"]
    assert process.commit_offset == 3


async def test_a_slave_that_lags_does_not_send_the_reader_back(cluster: Cluster) -> None:
    """It would deliver again what was delivered, and commit an offset that went back."""
    broker = await cluster.broker(moved(3), moved(12), silence, broker_id=1)
    process = ProcessQueue(QUEUE, 7)
    assert await read_until(reader(cluster, process), broker.asked, 3) == ["7", "7", "12"]


async def test_what_did_not_match_is_passed_and_reported(cluster: Cluster) -> None:
    broker = await cluster.broker(moved(9, code=20), silence)
    process = ProcessQueue(QUEUE, 7)
    await read_until(reader(cluster, process), broker.asked, 2)
    assert [command.ext_fields["commitOffset"] for command in broker.asked] == ["7", "9"]


async def test_it_asks_the_broker_that_was_suggested(cluster: Cluster) -> None:
    master = await cluster.broker(moved(7, code=19, suggested=1))
    slave = await cluster.broker(silence, broker_id=1)
    await read_until(reader(cluster, ProcessQueue(QUEUE, 7)), slave.asked, 1)
    assert len(master.asked) == 1


async def test_without_the_lock_nothing_is_asked(cluster: Cluster) -> None:
    broker = await cluster.broker(silence)
    process = ProcessQueue(QUEUE, 7)
    running = asyncio.create_task(reader(cluster, process, needs_lock=True).run())
    await asyncio.sleep(0.02)
    assert broker.asked == []
    process.locked(asyncio.get_running_loop().time() * 1000)
    await wait_until(lambda: len(broker.asked) == 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_dropped_queue_is_read_no_more(cluster: Cluster) -> None:
    await cluster.broker(moved(7, code=19))
    process = ProcessQueue(QUEUE, 7)
    running = asyncio.create_task(reader(cluster, process).run())
    process.is_dropped = True
    await asyncio.wait_for(running, 5)
