"""Offsets of a broadcast, in a file."""

import pytest

from broker.client.group_offsets import FileOffsets
from broker.errors import RemoteProtocolError
from broker.nameserver.route import MessageQueue
from tests.broker.memory_disk import MemoryDisk

FIRST, SECOND = MessageQueue("T", "broker-a", 0), MessageQueue("T", "broker-a", 1)
PATH = "/offsets/offsets.json"


async def test_offsets_are_kept_over_a_restart() -> None:
    disk = MemoryDisk()
    offsets = FileOffsets(disk, PATH)
    assert await offsets.read(FIRST) is None
    await offsets.persist({FIRST: 3, SECOND: 5})
    await offsets.persist({FIRST: 4})
    again = FileOffsets(disk, PATH)
    assert [await again.read(queue) for queue in (FIRST, SECOND)] == [4, 5]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"offsetTable":{"a":1}}'])
def test_a_file_that_is_something_else_is_refused(content: bytes) -> None:
    disk = MemoryDisk()
    disk.open(PATH, create=True).write(0, content)
    with pytest.raises(RemoteProtocolError):
        FileOffsets(disk, PATH)
