"""What a start makes of what the last run left."""

from copy import deepcopy
from pathlib import PurePosixPath
from random import Random

import pytest

from broker.errors import StoreError, StoreLockedError
from broker.store.abort import LastStop
from broker.store.checkpoint import Checkpoint, Mark, decode_checkpoint, encode_checkpoint
from broker.store.config import StoreConfig
from broker.store.recovery import choose_start, newest_older_file
from tests.broker.memory_disk import MemoryDisk
from tests.broker.store_rig import bodies, die, loaded, put

LOG = "/store/commitlog"
HOUR = 3_600_000


async def test_a_clean_stop_and_a_crash_are_told_apart() -> None:
    """By the abort file, which is there while a store runs."""
    disk = MemoryDisk()
    store = await loaded(disk)
    assert store.recovery.last_stop is LastStop.CLEAN
    assert disk.exists("/store/abort")
    await store.close()
    assert not disk.exists("/store/abort")

    store = await loaded(disk)
    store = await loaded(await die(store))
    assert store.recovery.last_stop is LastStop.CRASH
    await store.close()


async def test_a_clean_start_reads_nothing_anew() -> None:
    """The mark says that queues and index hold everything."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, "a", "b", "c")
    end = store.log.end
    await store.close()

    store = await loaded(disk)
    assert (store.recovery.records, store.recovery.entered_from, store.recovery.end) == (
        0,
        end,
        end,
    )
    assert bodies(store) == ["a", "b", "c"]
    assert len(store.query("t", "k").records) == 3
    await store.close()


async def test_two_stores_never_share_a_root() -> None:
    """The second is told what to do."""
    disk = MemoryDisk()
    store = await loaded(disk)
    with pytest.raises(StoreLockedError, match="storePathRootDir"):
        await loaded(disk)
    await store.close()
    await (await loaded(disk)).close()


async def test_a_start_that_fails_gives_the_lock_back() -> None:
    """Another attempt must be possible in the same process."""
    disk = MemoryDisk()
    disk.fail_at = 1
    with pytest.raises((OSError, StoreError)):
        await loaded(disk)
    await (await loaded(disk)).close()


def flip(disk: MemoryDisk, path: str, at: int) -> None:
    disk.names[path].data[at] ^= 0xFF
    disk.names[path].durable[at] ^= 0xFF


async def test_old_records_behind_a_bad_one_never_come_back() -> None:
    """RocketMQ's recipe for phantoms (#10666): damage one, append one as long, crash again."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, "1", "2", "3", "4", "5")
    size = store.log.end // 5
    await store.close()
    flip(disk, f"{LOG}/{0:020d}", size + 88)

    store = await loaded(disk)
    assert store.recovery.cut == "a body that does not fit its CRC"
    assert bodies(store) == ["1"]
    put(store, "x")
    store = await loaded(await die(store))
    assert bodies(store) == ["1", "x"]
    assert len(store.query("t", "k").records) == 2
    assert store.log.end == 2 * size
    await store.close()


async def test_whichever_bit_of_a_header_flips_a_start_ends_and_keeps_what_lies_before() -> None:
    """The CRC covers the body alone; a number of 2 to the 60 was once filled up to, for ever."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, "1", "2", "3", "4", "5")
    size = store.log.end // 5
    disk = await die(store)
    for bit in range(8 * 88):
        copy = deepcopy(disk)
        at, mask = 3 * size + bit // 8, 1 << bit % 8
        copy.names[f"{LOG}/{0:020d}"].data[at] ^= mask
        store = await loaded(copy)
        assert bodies(store)[:3] == ["1", "2", "3"], f"bit {bit}: {store.recovery}"
        await store.close()


async def test_a_checkpoint_from_before_a_cut_is_not_believed_later() -> None:
    """The log grows past the old mark with other bytes; its queues are not durable there."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, "1", "2", "3", "4")
    size = store.log.end // 4
    await store.close()
    flip(disk, f"{LOG}/{0:020d}", size + 88)

    store = await loaded(disk)
    put(store, "x", "y", "z")
    assert await store.wait_flushed(store.log.end, 1000)
    await store.close(clean=False)
    disk.power_cut(Random(3))
    store = await loaded(disk)
    assert bodies(store) == ["1", "x", "y", "z"]
    await store.close()


async def test_empty_and_short_files_are_stretched() -> None:
    """A crash between making a file and giving it its length stops RocketMQ (#6904), not us."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, "a")
    await die(store)
    disk.open(f"{LOG}/{1024:020d}", create=True)

    store = await loaded(disk)
    assert any("was stretched" in odd for odd in store.recovery.odd)
    assert bodies(store) == ["a"]
    put(store, *[str(n) for n in range(20)])
    assert len(bodies(store)) == 21
    await store.close()


async def test_a_cut_tail_loses_only_what_was_cut() -> None:
    """The file is shorter than it was: what is whole before the cut stays."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, "a", "b", "c")
    size = store.log.end // 3
    await store.close()
    del disk.names[f"{LOG}/{0:020d}"].data[2 * size + 10 :]

    store = await loaded(disk)
    assert bodies(store) == ["a", "b"]
    put(store, "d")
    assert bodies(store) == ["a", "b", "d"]
    await store.close()


async def test_files_of_another_size_are_refused() -> None:
    """A store is read with the file size that it was made with, or not at all."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, "a")
    await store.close()
    with pytest.raises(StoreError, match="expected files of 512 bytes"):
        await loaded(disk, StoreConfig(root="/store", log_file_size=512, index_entries=50))


async def test_without_a_log_the_queues_are_empty() -> None:
    """They point at what is gone; numbers begin at 0 again."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, "a", "b")
    await store.close()
    for path in [p for p in disk.names if p.startswith(LOG)]:
        del disk.names[path]

    store = await loaded(disk)
    assert store.queue_bounds("t", 0) == (0, 0)
    assert store.query("t", "k").records == []
    put(store, "c")
    assert bodies(store) == ["c"]
    await store.close()


@pytest.mark.parametrize("lost", ["consumequeue", "index", "checkpoint"])
async def test_what_the_log_knows_is_rebuilt_from_it(lost: str) -> None:
    """Queues, index and checkpoint may all be gone; the log alone is the truth."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, "a", "b", "c")
    put(store, "d", queue_id=1)
    await store.close()
    for path in [p for p in disk.names if p.startswith(f"/store/{lost}")]:
        del disk.names[path]
    if lost != "checkpoint":
        del disk.names["/store/checkpoint"]

    store = await loaded(disk)
    assert (bodies(store), bodies(store, 1)) == (["a", "b", "c"], ["d"])
    assert len(store.query("t", "k").records) == 4
    await store.close()


class Killed(BaseException):
    pass


@pytest.mark.parametrize(
    "place", ["in-mid-recovery", "between-queue-and-index", "after-append-before-flush"]
)
async def test_a_death_at_a_crash_point_loses_nothing(place: str) -> None:
    """Whatever had been appended by then is there after the next start, with its key."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, "a", "b")
    await die(store)

    def crash(name: str) -> None:
        if name == place:
            raise Killed

    try:
        store = await loaded(disk, crash=crash)
        put(store, "c")
        await store.close(clean=False)
    except Killed:
        pass
    disk.process_crash()

    store = await loaded(disk)
    assert bodies(store)[:2] == ["a", "b"]
    if place != "in-mid-recovery":
        assert bodies(store) == ["a", "b", "c"]
    assert len(store.query("t", "k").records) == len(bodies(store))
    await store.close()


async def test_a_topic_made_anew_begins_at_zero_even_after_a_crash() -> None:
    """Its old records are still in the log, with numbers of their own."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, "old 0", "old 1", "old 2")
    await store.remove_topic("t")
    assert store.queue_bounds("t", 0) == (0, 0)
    put(store, "new 0")
    store = await loaded(await die(store))
    assert bodies(store) == ["new 0"]

    await die(store)
    del disk.names["/store/checkpoint"]
    store = await loaded(disk)
    assert bodies(store) == ["new 0"]
    await store.close()


async def test_a_truncated_log_goes_on_from_there() -> None:
    """An operator's command: what is given up never comes back, and the rest is as it was."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, *[f"{n:03d}" for n in range(20)])
    size = len(store.record_at(0) or b"")
    await store.save()
    assert await store.truncate(4 * size + 5) == 4 * size
    assert bodies(store) == ["000", "001", "002", "003"]
    assert len(store.query("t", "k").records) == 4
    put(store, "new")
    store = await loaded(await die(store))
    assert bodies(store) == ["000", "001", "002", "003", "new"]
    await store.close()


async def test_expired_files_go_with_what_points_at_them() -> None:
    """Queues move their beginning up, and keep it over a restart; numbers go on."""
    config = StoreConfig(
        root="/store",
        log_file_size=1024,
        queue_file_size=100,
        index_slots=5,
        index_entries=50,
        delete_when=tuple(range(24)),
        file_reserved_ms=HOUR,
    )
    disk = MemoryDisk()
    store = await loaded(disk, config)
    put(store, *[f"{n:03d}" for n in range(30)])
    last = store.log.segments.files[-1]
    disk.names[last.path].modified_ms = 1 << 60
    files = len(store.log.segments.files)

    assert await store.remove_expired() == min(files - 1, config.clean_files_max)
    start, end = store.queue_bounds("t", 0)
    assert 0 < start < end == 30
    assert store.log.min_offset == last.start
    assert bodies(store)[0] == f"{start:03d}"
    got = store.get("t", 0, 0)
    assert (got.status, got.next_offset) == ("OFFSET_TOO_SMALL", start)

    await store.close()
    store = await loaded(disk, config)
    assert store.queue_bounds("t", 0) == (start, 30)
    put(store, "030")
    assert bodies(store)[-1] == "030"
    await store.close()


def test_a_checkpoint_survives_its_file_and_damage_does_not() -> None:
    """A damaged mark is no mark; RocketMQ's timestamps stand where it expects them."""
    checkpoint = Checkpoint(1, 2, 3, Mark(50, 100))
    data = encode_checkpoint(checkpoint)
    assert decode_checkpoint(data) == checkpoint
    assert len(data) == 4096
    assert data[:24] == b"".join(n.to_bytes(8, "big") for n in (1, 2, 3))
    assert decode_checkpoint(data[:1030] + b"\1" + data[1031:]).mark is None
    assert decode_checkpoint(data[:24]) == Checkpoint(1, 2, 3)


def test_a_start_reads_again_what_it_can_afford() -> None:
    """The mark's whole file if it is small, else nothing before the mark."""
    assert choose_start(None, 2048, 0, 1024, 1 << 20) == (2048, 2048)
    assert choose_start(1500, 0, 0, 1024, 1 << 20) == (1024, 1500)
    assert choose_start(1500, 0, 0, 1024, 100) == (1500, 1500)
    assert newest_older_file([(0, 5000), (1024, None)], 1000) is None


def test_paths_are_under_the_root_unless_said_otherwise() -> None:
    """The seed sets each of them; RocketMQ derives them."""
    config = StoreConfig(root="/store", index="/other/index")
    assert config.commit_log_path == "/store/commitlog"
    assert config.index_path == "/other/index"
    assert PurePosixPath(config.abort_path) == PurePosixPath("/store/abort")
