"""Whichever effect on the disk fails, nothing acknowledged is lost and nothing false is said.

The disk fails at its Nth effect, for N = 1, 2, 3, ... until a whole run has so few effects that
none fails. Each run appends, waits, saves and stops as far as it gets; then the process dies, or
the machine does, and what comes back is compared with what had been promised.
"""

import asyncio
from dataclasses import dataclass, field
from itertools import count
from random import Random

import pytest

from broker.config import FlushDiskType
from broker.errors import AppendError, DiskFullError, FlushError, StoreBlockedError, StoreError
from broker.store.abort import LastStop
from broker.store.config import StoreConfig
from broker.store.message import MessageDraft, decode_message
from broker.store.message_store import MessageStore
from broker.store.reading import GetStatus
from tests.broker.memory_disk import MemoryDisk, memory_ports

CONFIG = StoreConfig(
    root="/store",
    flush_disk_type=FlushDiskType.SYNC_FLUSH,
    log_file_size=1024,
    queue_file_size=100,
    index_slots=5,
    index_entries=6,
)


@dataclass
class Promises:
    stored: list[bytes] = field(default_factory=list)  # put returned
    durable: list[bytes] = field(default_factory=list)  # wait_flushed said so, too
    refused: list[bytes] = field(default_factory=list)  # surely not stored
    doubtful: list[bytes] = field(default_factory=list)


def draft(number: int) -> MessageDraft:
    body = b"message %d" % number + b"." * (number * 37 % 200)
    return MessageDraft("topic", number % 2, body, {"KEYS": "key"})


async def use(disk: MemoryDisk, promises: Promises) -> None:
    store = MessageStore(CONFIG, memory_ports(disk))
    await store.load()
    try:
        for number in range(12):
            message = draft(number)
            try:
                appended = store.put(message)
            except StoreError as error:
                (promises.refused if error.definite else promises.doubtful).append(message.body)
                continue
            promises.stored.append(message.body)
            try:
                if await store.wait_flushed(appended.end, 1000):
                    promises.durable.append(message.body)
            except FlushError:
                pass
            if number in (3, 7):
                await store.save()
    finally:
        await store.close(clean=store.failure is None)


async def reopen(disk: MemoryDisk) -> list[bytes]:
    store = MessageStore(CONFIG, memory_ports(disk))
    await store.load()
    bodies = []
    for queue_id in (0, 1):
        start, end = store.queue_bounds("topic", queue_id)
        assert start == 0
        offset = start
        while offset < end:
            got = store.get("topic", queue_id, offset)
            assert got.status is GetStatus.FOUND
            bodies += [decode_message(record).body for record in got.records]
            assert got.next_offset == offset + len(got.records)
            offset = got.next_offset
    found = [decode_message(r).body for r in store.query("topic", "key", 100).records]
    assert sorted(found) == sorted(bodies)
    await store.close()
    return bodies


@pytest.mark.parametrize("for_good", [False, True])
@pytest.mark.parametrize("power", [False, True])
async def test_the_nth_effect_may_fail(for_good: bool, power: bool) -> None:
    """For every N: what was promised is there, and what was refused is not."""
    for n in count(1):
        disk = MemoryDisk(fail_at=n, fail_for_good=for_good)
        promises = Promises()
        try:
            await use(disk, promises)
        except (OSError, StoreError):
            assert disk.failed, "without a failure nothing is raised"
        failed = disk.failed
        assert len(promises.doubtful) <= for_good, "only a write that can't be erased is in doubt"
        disk.fail_at = None
        if power:
            disk.power_cut(Random(n))
        else:
            disk.process_crash()
        bodies = await reopen(disk)

        kept = promises.durable if power else promises.stored
        assert [body for body in kept if body not in bodies] == [], f"lost after failure {n}"
        assert [body for body in promises.refused if body in bodies] == [], f"back after {n}"
        assert len(set(bodies)) == len(bodies)
        # What survived once is durable: a second cut takes nothing.
        disk.power_cut(Random(-n))
        assert await reopen(disk) == bodies
        if not failed:
            assert n > 60, "the run has many effects"
            assert bodies == sorted(promises.stored, key=lambda b: int(b.split(b".")[0][8:]) % 2)
            return


async def loaded(disk: MemoryDisk, config: StoreConfig = CONFIG) -> MessageStore:
    store = MessageStore(config, memory_ports(disk))
    await store.load()
    return store


async def test_a_failed_sync_makes_the_store_read_only_for_good() -> None:
    """No second sync is believed: it would succeed without having written anything."""
    disk = MemoryDisk()
    store = await loaded(disk)
    first = store.put(draft(0))
    disk.fail_at = disk.effects + 1

    with pytest.raises(FlushError, match="mend the disk") as raised:
        await store.wait_flushed(first.end, 1000)
    assert not raised.value.definite
    with pytest.raises(FlushError):
        await store.wait_flushed(first.end, 1000)
    with pytest.raises(StoreBlockedError, match="read-only"):
        store.put(draft(1))
    assert store.log.flushed == 0
    assert store.readable_end == 0

    await store.close()
    again = await loaded(disk)
    assert (again.queue_bounds("topic", 0)) == (0, 1)
    await again.close()


async def test_bytes_of_a_failed_sync_are_written_again_at_the_next_start() -> None:
    """They are in the page cache and count as clean; a start that believed them would lose them."""
    disk = MemoryDisk()
    store = await loaded(disk)
    appended = store.put(draft(0))
    disk.fail_at = disk.effects + 1
    with pytest.raises(FlushError):
        await store.wait_flushed(appended.end, 1000)
    await store.close()
    disk.process_crash()

    store = MessageStore(CONFIG, memory_ports(disk))
    assert (await store.load()).last_stop is LastStop.FAILED
    later = store.put(draft(2))
    assert await store.wait_flushed(later.end, 1000)
    await store.close(clean=False)
    disk.power_cut(Random(0))

    assert len(await reopen(disk)) == 2


async def test_a_full_disk_refuses_and_then_takes_again() -> None:
    """ENOSPC leaves no trace, is definite, and is over once there is room."""
    disk = MemoryDisk()
    store = await loaded(disk)
    before = store.put(draft(0))
    disk.full = True
    with pytest.raises(DiskFullError, match="no space") as raised:
        store.put(draft(2))
    assert raised.value.definite
    assert store.log.end == before.end
    assert not any(store.log.segments.read(before.end, 1024 - before.end))

    disk.full = False
    after = store.put(draft(4))
    assert after.physical_offset == before.end
    assert after.queue_offset == before.queue_offset + 1
    await store.close()


async def test_the_disk_is_full_by_ratio_until_it_is_well_below() -> None:
    """Above 90 % nothing is stored, until below 85 %."""
    disk = MemoryDisk(used=0.92)
    store = await loaded(disk)
    with pytest.raises(DiskFullError, match="92%"):
        store.put(draft(0))
    disk.used = 0.87
    await store.remove_expired()
    with pytest.raises(DiskFullError):
        store.put(draft(0))
    disk.used = 0.80
    await store.remove_expired()
    assert store.put(draft(0)).queue_offset == 0
    await store.close()


async def test_a_write_that_cannot_be_undone_stops_the_store() -> None:
    """Erasing failed, too: what the file holds is unknown, so no more is written behind it."""
    disk = MemoryDisk()
    store = await loaded(disk)
    store.put(draft(0))
    disk.fail_at, disk.fail_for_good = disk.effects + 1, True
    with pytest.raises(AppendError, match="erasing it failed too") as raised:
        store.put(draft(1))
    assert not raised.value.definite
    disk.fail_at = None
    with pytest.raises(StoreBlockedError, match="read-only"):
        store.put(draft(1))
    await store.close(clean=False)


async def test_those_who_wait_when_the_store_closes_are_left_in_doubt() -> None:
    """Nobody waits for ever, and nobody is told ok."""
    disk = MemoryDisk()
    store = await loaded(disk)
    appended = store.put(draft(0))
    store._flusher._core.syncing = True  # a sync that never ends
    waiting = asyncio.ensure_future(store.wait_flushed(appended.end))
    await asyncio.sleep(0)
    await store.close(clean=False)
    with pytest.raises(FlushError, match="closed"):
        await waiting
