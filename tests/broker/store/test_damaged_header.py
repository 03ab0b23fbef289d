"""No CRC covers a record's header: one that names another place is not served as that message."""

import pytest

from broker.store.message import decode_message
from broker.store.reading import GetStatus
from tests.broker.memory_disk import MemoryDisk
from tests.broker.store_rig import loaded, put

QUEUE_OFFSET_LOW, PHYSICAL_OFFSET_LOW = 27, 35


@pytest.mark.parametrize("at", [QUEUE_OFFSET_LOW, PHYSICAL_OFFSET_LOW])
async def test_a_record_whose_place_was_damaged_is_left_out(at: int) -> None:
    """Served, it would be a second message at the offset that the flipped bit makes of its own."""
    store = await loaded(MemoryDisk())
    put(store, "a", "b", "c")
    second = store.queues.of("t", 0).entry(1).physical_offset
    file = store._ports.disk.open(f"{store.config.commit_log_path}/{0:020}")
    file.write(second + at, bytes([file.read(second + at, 1)[0] ^ 4]))

    whole, alone = store.get("t", 0, 0), store.get("t", 0, 1, 1)

    assert [decode_message(record).body for record in whole.records] == [b"a", b"c"]
    assert (alone.status, alone.records) == (GetStatus.MESSAGE_WAS_REMOVING, [])
    assert (whole.next_offset, alone.next_offset) == (3, 2)
    await store.close()
