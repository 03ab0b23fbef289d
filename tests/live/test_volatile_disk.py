"""With a volatile disk SIGKILL is a power cut: exactly what was not synced is gone."""

import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from broker.live import LiveDisk, VolatileDisk, live_ports
from broker.store.config import StoreConfig
from broker.store.message import decode_messages
from broker.store.message_store import MessageStore

pytestmark = pytest.mark.live
ROOT = Path(__file__).parent.parent.parent

FILES = """
import asyncio, sys, time
from broker.live import LiveDisk, VolatileDisk

async def main(folder):
    disk = VolatileDisk(LiveDisk())
    file = disk.open(folder + "/file", create=True)
    file.truncate(20000)
    file.write(4000, b"synced" * 100)
    await file.sync()
    file.write(4100, b"UNSYNCED" * 10)
    file.write(19990, b"UNSYNCED")
    file.truncate(30000)
    assert file.read(4100, 8) == b"UNSYNCED" and file.size() == 30000
    disk.open(folder + "/empty", create=True).write(0, b"UNSYNCED")

asyncio.run(main(sys.argv[1]))
print("ready", flush=True)
time.sleep(60)
"""

STORE = """
import asyncio, sys
from random import Random
from broker.live import live_ports
from broker.store.config import StoreConfig
from broker.store.message import MessageDraft
from broker.store.message_store import MessageStore

async def main(folder, volatile):
    config = StoreConfig(root=folder, log_file_size=4096, queue_file_size=200, index_enable=False)
    store = MessageStore(config, live_ports(Random(1), volatile=volatile))
    await store.load()
    for number in range(100):
        appended = store.put(MessageDraft("topic", 0, b"%d" % number))
        if number == 59:
            assert await store.wait_flushed(appended.end, 10_000)
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main(sys.argv[1], sys.argv[2] == "volatile"))
"""


def killed(program: str, *arguments: str) -> None:
    """Run a program until it says it is ready, then kill it as a power cut would."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, cwd=ROOT
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def test_a_killed_process_leaves_what_it_synced_and_nothing_else(tmp_path: Path) -> None:
    """Byte for byte: synced writes are there; unsynced writes and lengths are not."""
    killed(FILES, str(tmp_path))

    data = (tmp_path / "file").read_bytes()
    assert data == bytes(4000) + b"synced" * 100 + bytes(15400)
    assert (tmp_path / "empty").read_bytes() == b""


async def stored(folder: Path) -> list[int]:
    config = StoreConfig(
        root=str(folder), log_file_size=4096, queue_file_size=200, index_enable=False
    )
    store = MessageStore(config, live_ports(Random(1)))
    await store.load()
    bodies: list[int] = []
    while (got := store.get("topic", 0, len(bodies))).records:
        bodies += [int(m.body) for m in decode_messages(b"".join(got.records))]
    await store.close()
    return bodies


async def test_a_store_on_it_loses_exactly_the_unsynced_suffix(tmp_path: Path) -> None:
    """Sixty messages were synced, forty more only written."""
    killed(STORE, str(tmp_path), "volatile")
    assert await stored(tmp_path) == list(range(60))


async def test_a_store_on_a_real_disk_loses_nothing(tmp_path: Path) -> None:
    """The page cache outlives the process: the same run, and all hundred are there."""
    killed(STORE, str(tmp_path), "real")
    assert await stored(tmp_path) == list(range(100))


def test_a_locked_store_is_free_again_once_its_process_is_killed(tmp_path: Path) -> None:
    """The lock belongs to the process, not to the file."""
    killed(STORE, str(tmp_path), "real")
    release = VolatileDisk(LiveDisk()).lock(str(tmp_path / "lock"))
    with pytest.raises(OSError, match=r"unavailable|locked"):
        LiveDisk().lock(str(tmp_path / "lock"))
    release()
