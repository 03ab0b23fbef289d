"""The index survives what happens to its files, and to the records that it points at."""

import pytest

from broker.store.message import MessageDraft
from tests.broker.memory_disk import MemoryClock, MemoryDisk, MemoryFile
from tests.broker.store_rig import bodies, die, loaded, put

INDEX = "/store/index"


@pytest.mark.parametrize("time_ms", [1 << 48, 1 << 62, -(1 << 62)])
async def test_a_store_time_that_is_no_date_names_an_index_file_all_the_same(time_ms: int) -> None:
    """No CRC covers it: a flipped bit would end all checkpoints, and soon all writing."""
    store = await loaded(MemoryDisk())
    clock = store._ports.clock
    assert isinstance(clock, MemoryClock)
    clock.time_ms = time_ms
    put(store, "a")
    await store.save()
    assert len(store.query("t", "k", begin=time_ms, end=time_ms + 9).records) == 1
    await store.close()


async def test_an_index_file_that_cannot_be_made_is_not_left_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is tried again every second: each time would cost one more descriptor."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, "a")
    opened: list[MemoryFile] = []
    make = MemoryDisk.open

    def watched(disk: MemoryDisk, path: str, *, create: bool = False) -> MemoryFile:
        opened.append(make(disk, path, create=create))
        return opened[-1]

    monkeypatch.setattr(MemoryDisk, "open", watched)
    disk.fail_at = disk.effects + 1
    with pytest.raises(OSError, match="truncate"):
        await store.index.write_out()
    assert [file.closed for file in opened] == [True]
    await store.close()
    assert len(disk.list(INDEX)) == 1


@pytest.mark.parametrize("damage", ["another size", "header"])
async def test_an_index_file_that_is_no_use_is_made_again_from_the_log(damage: str) -> None:
    """With all that is newer: what is known to be in later files is not entered once more."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, *[f"{number:03d}" for number in range(120)])
    await store.close()
    path = f"{INDEX}/{disk.list(INDEX)[1]}"
    for data in (disk.names[path].data, disk.names[path].durable):
        if damage == "header":
            data[36] ^= 0x40
        else:
            data.extend(bytes(20))

    store = await loaded(disk)
    assert len(store.query("t", "k", 1000).records) == 120
    assert len(bodies(store)) == 120
    await store.close()
    store = await loaded(disk)
    assert store.recovery.records == 0
    assert len(store.query("t", "k", 1000).records) == 120
    await store.close()


async def test_an_index_that_points_into_a_record_costs_the_log_nothing() -> None:
    """The log is read again from where the index ends: from another place it is no log at all."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, *[f"{number:03d}" for number in range(120)])
    await store.close()
    first, second, *_ = (disk.names[f"{INDEX}/{name}"] for name in disk.list(INDEX))
    for data in (first.data, first.durable):
        data[31] ^= 1  # of the newest record's offset
    for data in (second.data, second.durable):
        data.extend(bytes(20))

    store = await loaded(disk)
    assert (store.recovery.cut, len(bodies(store))) == (None, 120)
    await store.close()


async def test_a_message_is_found_once_however_often_it_has_the_key() -> None:
    """Twice among its KEYS; or in memory and, while it is being written out, in its file."""
    store = await loaded(MemoryDisk())
    store.put(MessageDraft("t", 0, b"a", {"KEYS": "k k"}))
    assert len(store.query("t", "k").records) == 1
    await store.save()
    assert len(store.query("t", "k").records) == 1
    await store.close()


async def test_a_topic_made_anew_stays_so_when_the_index_is_made_again() -> None:
    """The log is read from further back then, where the old topic's records are."""
    disk = MemoryDisk()
    store = await loaded(disk)
    put(store, *[f"old {number}" for number in range(6)])
    await store.remove_topic("t")
    put(store, "new 0", "new 1")
    await store.save()
    put(store, "new 2")
    await store.index.write_out()
    store._fail("as if a sync had failed")
    store = await loaded(await die(store))

    assert bodies(store) == ["new 0", "new 1", "new 2"]
    assert store.put(MessageDraft("t", 0, b"new 3")).queue_offset == 3
    await store.close()
