"""A slave's store takes its master's bytes, cut anywhere, and becomes its twin."""

from random import Random

import pytest

from broker.errors import AppendError, OutOfPlaceError, RecordError
from tests.broker.memory_disk import MemoryDisk
from tests.broker.store_rig import bodies, die, loaded, put


@pytest.mark.parametrize("seed", range(8))
async def test_a_slave_fed_in_any_pieces_is_its_masters_twin(seed: int) -> None:
    """Bytes cut anywhere, across records and files, restarts in between: the same store."""
    rng = Random(seed)
    master = await loaded(MemoryDisk())
    for number in range(40):
        put(master, f"{number} " + "x" * rng.randrange(300), queue_id=number % 2)
    slave_disk = MemoryDisk()
    slave = await loaded(slave_disk)
    while slave.log.end < master.log.end:
        at = slave.log.end
        data = master.read_log(at, rng.choice([1, 7, 100, 1000, 5000]))
        assert slave.append_raw(at, data) == at + len(data)
        if rng.random() < 0.1:
            slave = await loaded(await die(slave))
            # A blank stands for the rest of its file, whether that has come or not.
            assert slave.log.end <= -(-(at + len(data)) // 1024) * 1024

    assert slave.crc(0, slave.log.end) == master.crc(0, master.log.end)
    for queue_id in (0, 1):
        assert bodies(slave, queue_id) == bodies(master, queue_id)
    assert slave.query("t", "k", 100)[0] == master.query("t", "k", 100)[0]
    await slave.close()
    await master.close()


async def test_a_slave_takes_nothing_but_what_comes_next() -> None:
    """Bytes for another place, and bytes that are no log, leave no trace."""
    master = await loaded(MemoryDisk())
    put(master, "a", "b")
    slave = await loaded(MemoryDisk())
    data = master.read_log(0, 10_000)

    with pytest.raises(OutOfPlaceError):
        slave.append_raw(512, data)
    slave.append_raw(0, data)
    with pytest.raises(OutOfPlaceError):
        slave.append_raw(0, data)
    with pytest.raises(RecordError):
        slave.append_raw(len(data), b"not a record at all")
    assert slave.log.end == len(data)
    assert bodies(slave) == ["a", "b"]
    await slave.close()
    await master.close()


async def test_a_slave_whose_first_append_failed_is_still_empty() -> None:
    """It may begin anywhere, then as before: its master may have removed more files meanwhile."""
    master = await loaded(MemoryDisk())
    put(master, *[f"{n:03d}" for n in range(30)])
    disk = MemoryDisk()
    slave = await loaded(disk)
    disk.fail_at = disk.effects + 2
    with pytest.raises(AppendError):
        slave.append_raw(1024, master.read_log(1024, 10_000))
    assert (slave.log.end, slave.log.flushed, slave.log.min_offset) == (0, 0, 0)
    data = master.read_log(2048, 10_000)
    assert slave.append_raw(2048, data) == 2048 + len(data)
    assert (slave.log.min_offset, slave.log.flushed) == (2048, 2048)
    await slave.close()
    await master.close()


async def test_a_slave_may_begin_with_a_later_file() -> None:
    """Its master has removed the first ones: the queue begins where the log does."""
    master = await loaded(MemoryDisk())
    put(master, *[f"{n:03d}" for n in range(20)])
    begin = 1024
    slave_disk = MemoryDisk()
    slave = await loaded(slave_disk)
    while (at := max(begin, slave.log.end)) < master.log.end:
        slave.append_raw(at, master.read_log(at, 10_000))
    start, end = slave.queue_bounds("t", 0)
    assert (slave.log.min_offset, end) == (1024, 20)
    assert bodies(slave) == [f"{n:03d}" for n in range(start, 20)]

    await slave.close()
    slave = await loaded(slave_disk)
    assert slave.queue_bounds("t", 0) == (start, end)
    await slave.close()
    await master.close()
