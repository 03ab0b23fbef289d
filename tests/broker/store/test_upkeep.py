"""What a store does by itself, on virtual time; and the small rules it goes by."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from broker.config import BrokerConfig, FlushDiskType
from broker.errors import DiskFullError, StoreBlockedError
from broker.store import key_index
from broker.store.config import StoreConfig
from broker.store.consume_queue import ConsumeQueue
from broker.store.message import Host, MessageDraft
from broker.store.message_store import MessageStore
from broker.store.reading import GetStatus, PullLimits, choose, standing
from broker.store.segments import Segments
from simulation.loop import run_virtual
from tests.broker.memory_disk import MemoryDisk, memory_ports


def config_of(**settings: object) -> StoreConfig:
    sizes = {"log_file_size": 65536, "queue_file_size": 200, "index_slots": 5, "index_entries": 50}
    return StoreConfig(root="/store", **(sizes | settings))  # type: ignore[arg-type]


def on_virtual_time(
    test: Callable[[MemoryDisk, MessageStore], Awaitable[None]], **settings: object
) -> MemoryDisk:
    """Run a test against a started store."""
    disk = MemoryDisk()

    async def main() -> None:
        store = MessageStore(config_of(**settings), memory_ports(disk))
        await store.load()
        store.start()
        await test(disk, store)
        await store.close(clean=store.failure is None)

    run_virtual(main())
    return disk


def draft(size: int = 10, queue_id: int = 0) -> MessageDraft:
    return MessageDraft("t", queue_id, b"x" * size, {"KEYS": "k"})


def test_async_flush_waits_for_four_pages_or_ten_seconds() -> None:
    """RocketMQ's timers: 500 ms where much is dirty, 10 s where there is a trickle."""

    async def test(_disk: MemoryDisk, store: MessageStore) -> None:
        store.put(draft())
        await asyncio.sleep(9)
        assert store.log.flushed == 0
        await asyncio.sleep(2)
        assert store.log.flushed == store.log.end
        store.put(draft(5 * 4096))
        await asyncio.sleep(0.6)
        assert store.log.flushed == store.log.end

    on_virtual_time(test)


def test_under_sync_flush_what_nobody_waits_for_is_readable_soon() -> None:
    """Only synced records are readable, so a sync comes within 10 ms by itself."""

    async def test(_disk: MemoryDisk, store: MessageStore) -> None:
        flushed: list[int] = []
        store.on_flushed.append(flushed.append)
        end = store.put(draft()).end
        assert store.get("t", 0, 0).status is GetStatus.NO_MESSAGE_IN_QUEUE
        assert store.read_log(0, 1000) == b""
        assert store.record_at(0) is None
        await asyncio.sleep(0.02)
        assert store.get("t", 0, 0).status is GetStatus.FOUND
        assert flushed == [end]

    on_virtual_time(test, flush_disk_type=FlushDiskType.SYNC_FLUSH)


def test_a_wait_that_takes_too_long_is_false_and_no_error() -> None:
    """The record is stored; whether it is durable is not known yet (FLUSH_DISK_TIMEOUT)."""

    async def test(_disk: MemoryDisk, store: MessageStore) -> None:
        end = store.put(draft()).end
        store._flusher._core.syncing = True  # a sync that does not end
        assert await store.wait_flushed(end, 5000) is False
        store._flusher._core.syncing = False
        assert await store.wait_flushed(end, 5000) is True

    on_virtual_time(test)


def test_a_checkpoint_is_saved_every_minute() -> None:
    """So a crash re-enters no more than a minute of the log."""

    async def test(disk: MemoryDisk, store: MessageStore) -> None:
        store.put(draft())
        await asyncio.sleep(55)
        assert not disk.exists("/store/checkpoint")
        await asyncio.sleep(10)
        assert disk.exists("/store/checkpoint")
        assert store.index.end_offset == 0

    on_virtual_time(test)


def test_an_index_that_falls_behind_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the keys of a broker whose disk is too slow fill its memory; a slave's, too."""
    monkeypatch.setattr(key_index, "BACKLOG_MAX", 5)
    monkeypatch.setattr(key_index, "PENDING_MAX", 3)

    async def test(_disk: MemoryDisk, store: MessageStore) -> None:
        for _ in range(5):
            end = store.put(draft()).end
        with pytest.raises(DiskFullError, match="5 messages behind"):
            store.put(draft())
        with pytest.raises(DiskFullError, match="5 messages behind"):
            store.append_raw(end, b"more")
        await asyncio.sleep(2)
        assert store.put(draft()).queue_offset == 5
        assert len(store.query("t", "k", 10).records) == 6

    on_virtual_time(test)


def test_queues_that_cannot_be_written_block_until_there_is_room() -> None:
    """Nothing is lost: they are in memory and in the log; the refusal is over by itself."""

    async def test(disk: MemoryDisk, store: MessageStore) -> None:
        store.put(draft())
        disk.full = True
        await asyncio.sleep(70)
        with pytest.raises((DiskFullError, StoreBlockedError)):
            store.put(draft())
        assert store.failure is None
        disk.full = False
        await asyncio.sleep(65)
        assert store.put(draft()).queue_offset == 1

    on_virtual_time(test)


def test_a_start_on_a_full_disk_takes_writes_soon_after_there_is_room() -> None:
    """The first cleaning is a minute away, and P12 promises a whole cluster in half of that."""

    async def test(disk: MemoryDisk, store: MessageStore) -> None:
        disk.used = 1.0
        store._upkeep.check_space()
        with pytest.raises(DiskFullError):
            store.put(draft())
        disk.used = 0.1
        await asyncio.sleep(11)
        assert store.put(draft()).queue_offset == 0

    on_virtual_time(test)


def test_a_sync_that_fails_in_the_background_stops_the_store() -> None:
    """Found by a timer or by a sender, it is as final."""

    async def test(disk: MemoryDisk, store: MessageStore) -> None:
        store.put(draft())
        disk.fail_at = disk.effects + 1
        await asyncio.sleep(11)
        assert "sync of /store/commitlog" in str(store.failure)
        with pytest.raises(StoreBlockedError, match="read-only"):
            store.put(draft())

    disk = on_virtual_time(test)
    assert disk.exists("/store/abort")


def test_a_timer_that_ends_by_a_bug_stops_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing would ever be flushed again, and nobody would hear of it."""

    def broken(_log: object) -> None:
        raise ZeroDivisionError("a bug")

    async def test(_disk: MemoryDisk, store: MessageStore) -> None:
        monkeypatch.setattr("broker.store.flushing.LogFlusher.tick", broken)
        store.put(draft(5 * 4096))
        await asyncio.sleep(1)
        assert store.failure == "flush_log ended by a bug: ZeroDivisionError('a bug'); restart"

    on_virtual_time(test)


def test_old_files_go_by_themselves_once_a_minute_has_passed() -> None:
    """In the hour of deleteWhen, ten files at most at a time."""

    async def test(_disk: MemoryDisk, store: MessageStore) -> None:
        for _ in range(10):
            store.put(draft(500))
        assert len(store.log.segments.files) > 5
        await asyncio.sleep(75)
        assert len(store.log.segments.files) == 1
        assert store.queue_bounds("t", 0)[0] > 0

    on_virtual_time(
        test, log_file_size=1024, delete_when=tuple(range(24)), file_reserved_ms=1, clean_pause_ms=1
    )


def test_a_pull_takes_what_its_limits_allow_and_at_least_one() -> None:
    """32 messages or 256 KiB in memory, 8 or 64 KiB on disk."""
    many = [(number * 1000, 1000, number % 2) for number in range(100)]
    limits = PullLimits()

    def taken(entries: list[tuple[int, int, int]], **how: object) -> tuple[int, int]:
        given = {"tag_codes": None, "memory_from": 0, "limits": limits} | how
        spans, after = choose(entries, 0, 50, **given)  # type: ignore[arg-type]
        return len(spans), after

    assert taken(many) == (32, 32)
    assert taken(many, memory_from=1 << 40) == (8, 8)
    assert taken([(0, 300_000, 0), (300_000, 10, 0)]) == (1, 1)
    assert taken([(0, 200_000, 0), (200_000, 100_000, 0)]) == (1, 1)
    assert taken(many, tag_codes={1}) == (32, 64)
    assert taken(many, tag_codes={7}) == (0, 100)
    assert taken([(0, 0x7FFFFFFF, 0), (0, 10, 0)]) == (1, 2)


def test_every_standing_has_its_status_and_its_way_on() -> None:
    """Beyond the end goes to the end, whatever the beginning: never to 0 (P11)."""
    assert standing(3, 0, 0) == (GetStatus.NO_MESSAGE_IN_QUEUE, 0)
    assert standing(1, 2, 5) == (GetStatus.OFFSET_TOO_SMALL, 2)
    assert standing(5, 0, 5) == (GetStatus.OFFSET_OVERFLOW_ONE, 5)
    assert standing(9, 0, 5) == (GetStatus.OFFSET_OVERFLOW_BADLY, 5)
    assert standing(4, 0, 5) == (GetStatus.FOUND, 4)


async def test_offsets_by_time_and_by_tag() -> None:
    """The nearest message in time; only those whose tag fits, and how far was looked."""
    store = MessageStore(config_of(), memory_ports(MemoryDisk()))
    await store.load()
    times = []
    for number in range(6):
        tagged = MessageDraft("t", 0, b"", {"TAGS": "even" if number % 2 == 0 else "odd"})
        times.append(store.put(tagged).store_timestamp)
    assert [store.offset_by_time("t", 0, time) for time in times] == list(range(6))
    assert store.offset_by_time("t", 0, 0) == 0
    assert store.offset_by_time("t", 0, 1 << 60) == 5
    assert store.offset_by_time("nowhere", 0, 5) == 0
    assert store.store_timestamp("t", 0, 3) == times[3]
    assert store.store_timestamp("t", 0, 6) == -1

    even = store.queues.of("t", 0).entry(0).tags_code
    got = store.get("t", 0, 0, tag_codes={even})
    assert (got.status, len(got.records), got.next_offset) == (GetStatus.FOUND, 3, 6)
    got = store.get("t", 0, 0, tag_codes={1})
    assert (got.status, got.next_offset) == (GetStatus.NO_MATCHED_MESSAGE, 6)
    assert store.get("nowhere", 0, 3).status is GetStatus.NO_MATCHED_LOGIC_QUEUE
    await store.close()


async def test_only_a_topic_made_anew_begins_again() -> None:
    """Entering twice changes nothing; a number that comes twice is damage; a hole is kept."""
    queue = ConsumeQueue(Segments(MemoryDisk(), "/q", 100))
    for number in range(12):
        queue.put(number, number * 10, 10, 0)
    queue.write_out()
    queue.put(5, 50, 10, 0)
    assert queue.end == 12
    queue.put(5, 500, 10, 0)
    assert queue.end == 12
    assert queue.entry(5).physical_offset == 50
    queue.put(0, 600, 10, 0)
    assert queue.end == 1
    queue.put(3, 800, 10, 0)
    assert [entry[0] for entry in queue.entries(0, 9)] == [600, 610, 610, 800]
    assert queue.first_at(605) == 1
    assert queue.first_at(700) == 3


def test_a_brokers_settings_become_a_stores() -> None:
    """Ids name the advertised host; sizes are whole entries; hours are numbers."""
    broker = BrokerConfig.parse(
        "storePathRootDir=/data\nbrokerIP1=10.0.0.1:7000\nmappedFileSizeConsumeQueue=50\n"
        "deleteWhen=04;16\nfileReservedTime=48\nflushDiskType=SYNC_FLUSH\n"
    )
    config = StoreConfig.of(broker)
    assert config.store_host == Host("10.0.0.1", 7000)
    assert config.queue_file_size == 60
    assert config.delete_when == (4, 16)
    assert config.file_reserved_ms == 48 * 3_600_000
    assert config.sync_flush
    assert config.commit_log_path == "/data/commitlog"
