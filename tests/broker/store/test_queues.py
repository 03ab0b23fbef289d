"""The consume queues as a store sees them: which there are, and how much of them is looked at."""

import asyncio
from errno import EROFS
from pathlib import Path
from random import Random

import pytest

from broker.errors import StoreBlockedError
from broker.live import LiveClock, LiveDisk
from broker.ports import Ports
from broker.store import reader
from broker.store.config import StoreConfig
from broker.store.consume_queue import ConsumeQueue
from broker.store.message import MessageDraft
from broker.store.message_store import MessageStore
from broker.store.segments import Segments
from tests.broker.memory_disk import MemoryDisk, MemoryFile
from tests.broker.store_rig import CONFIG, bodies, loaded, put


async def test_a_deleted_topic_is_not_found_again_by_its_empty_folder(tmp_path: Path) -> None:
    """Files go, folders stay; who looks for topics by their queues would bring it back."""
    config = StoreConfig(root=str(tmp_path), log_file_size=1024, index_slots=5, index_entries=50)

    def store_of() -> MessageStore:
        ports = Ports(None, LiveDisk(), LiveClock(), Random(0))  # type: ignore[arg-type]
        return MessageStore(config, ports)

    store = store_of()
    await store.load()
    store.put(MessageDraft("gone", 0, b"a"))
    store.put(MessageDraft("kept", 0, b"b"))
    await store.save()
    await store.remove_topic("gone")
    await store.close()

    store = store_of()
    await store.load()
    assert list(store.queues.table) == [("kept", 0)]
    await store.close()


async def test_a_pull_for_a_thousand_million_messages_looks_at_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A number from the wire must not make a list of the whole queue."""
    monkeypatch.setattr(reader, "SCAN_ENTRIES", 5)
    asked: list[int] = []
    entries = ConsumeQueue.entries

    def counted(queue: ConsumeQueue, first: int, count: int) -> list[tuple[int, int, int]]:
        asked.append(count)
        return entries(queue, first, count)

    monkeypatch.setattr(ConsumeQueue, "entries", counted)
    store = await loaded(MemoryDisk())
    put(store, *[f"{number:03d}" for number in range(60)])
    most = store.config.pull_count_in_memory
    assert len(store.get("t", 0, 0, 1 << 40).records) == most
    assert store.get("t", 0, 0, 1 << 40, (7,)).next_offset == 5
    assert asked == [most, 5]
    await store.close()


async def test_a_slave_that_cannot_enter_what_it_has_written_takes_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the next records would be entered, and these never: a hole for every reader."""
    master = await loaded(MemoryDisk())
    put(master, *[f"old {number}" for number in range(40)])
    await master.remove_topic("t")
    made_anew = master.log.end
    put(master, "new 0")
    slave_disk = MemoryDisk()
    slave = await loaded(slave_disk)
    while slave.log.end < made_anew:
        data = master.read_log(slave.log.end, made_anew - slave.log.end)
        slave.append_raw(slave.log.end, data)
    await slave.save()

    def unwilling(_disk: MemoryDisk, path: str) -> None:
        raise OSError(EROFS, "read-only file system", path)

    data = master.read_log(made_anew, 10_000)
    with monkeypatch.context() as patch:
        patch.setattr(MemoryDisk, "remove", unwilling)  # the old topic's queue cannot be cut
        with pytest.raises(OSError, match="read-only file system"):
            slave.append_raw(made_anew, data)
    with pytest.raises(StoreBlockedError, match="restart"):
        slave.append_raw(made_anew + len(data), data)
    await slave.close()

    slave_disk.process_crash()
    slave = await loaded(slave_disk)
    assert bodies(slave) == ["new 0"]
    await slave.close()
    await master.close()


async def test_a_log_without_one_of_its_files_is_read_and_written_on_either_side() -> None:
    """Someone removed it: what lies behind is there all the same."""
    disk = MemoryDisk()
    segments = Segments(disk, "/log", 100)
    for start in (0, 100, 200):
        segments.write(start, bytes([start // 100]) * 100)
    disk.remove(f"/log/{100:020d}")

    segments = Segments(disk, "/log", 100)
    assert len(segments.load()) == 1
    assert segments.read(250, 10) == b"\2" * 10
    assert (segments.read(90, 20), segments.read(150, 10)) == (b"\0" * 10, b"")
    segments.write(250, b"x")
    segments.write(300, b"y")
    assert (segments.read(250, 1), segments.read(300, 1), segments.stop) == (b"x", b"y", 400)
    segments.close()


async def test_no_sync_of_what_is_being_cut_off_counts_as_one_of_what_comes_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tick of the flusher amid the command: its sync says that the old end is durable."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, *[f"{number:03d}" for number in range(20)])
    sync = MemoryFile.sync

    async def ticking(file: MemoryFile) -> None:
        store._flusher.tick()  # as its timer does every 500 ms
        await asyncio.sleep(0)
        await sync(file)

    monkeypatch.setattr(MemoryFile, "sync", ticking)
    end = await store.truncate(0)
    monkeypatch.undo()
    for _ in range(50):
        await asyncio.sleep(0)
    assert (end, store.log.end, store.log.flushed) == (0, 0, 0)
    assert store.config is CONFIG
    await store.close()
