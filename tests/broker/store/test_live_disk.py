"""The real disk, and the one that forgets, are the same disk to whoever reads them."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.live import LiveDisk, VolatileDisk
from broker.live import disk as live_disk
from broker.live.crash import kill_at
from tests.broker.memory_disk import MemoryDisk

positions = st.one_of(st.integers(0, 9000), st.sampled_from([0, 4095, 4096, 4097, 8192]))
steps = st.one_of(
    st.tuples(st.just("write"), positions, st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("fill"), positions, st.integers(1, 9000)),
    st.tuples(st.just("truncate"), positions),
    st.tuples(st.just("sync")),
    st.tuples(st.just("reopen")),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=15))
def test_a_volatile_disk_reads_like_memory_and_syncs_all_of_it(steps: list[tuple]) -> None:
    """After any writes, cuts and syncs: the same bytes; and beneath, those of the last sync."""
    with TemporaryDirectory() as folder:
        asyncio.run(compare(folder, steps))


def beneath(path: str) -> bytes:
    return Path(path).read_bytes()


async def compare(folder: str, steps: list[tuple]) -> None:
    path = f"{folder}/file"
    disk, model = VolatileDisk(LiveDisk()), MemoryDisk()
    file, plain = disk.open(path, create=True), model.open(path, create=True)
    synced = b""
    for step in steps:
        match step:
            case ("write", position, data):
                file.write(position, data)
                plain.write(position, data)
            case ("fill", position, size):
                file.write(position, bytearray(b"f" * size))
                plain.write(position, bytearray(b"f" * size))
            case ("truncate", size):
                file.truncate(size)
                plain.truncate(size)
            case ("sync",):
                await file.sync()
                synced = bytes(plain.inode.data)
            case ("reopen",):
                file.close()
                file = disk.open(path)
        assert file.size() == plain.size()
        assert file.read(0, 20000) == plain.read(0, 20000)
        assert file.read(4090, 17) == plain.read(4090, 17)
        assert beneath(path) == synced
    file.close()


@pytest.mark.parametrize("make", [LiveDisk, lambda: VolatileDisk(LiveDisk())])
async def test_files_come_go_and_are_renamed(make: object, tmp_path: Path) -> None:
    """Folders are made as needed; missing things are said so, or passed over."""
    disk = make()  # type: ignore[operator]
    old, new = f"{tmp_path}/a/b/old", f"{tmp_path}/a/b/new"
    with pytest.raises(FileNotFoundError):
        disk.open(old)
    file = disk.open(old, create=True)
    file.write(0, b"data")
    await file.sync()
    file.close()
    file.close()
    disk.rename(old, new)
    await disk.sync_folder(f"{tmp_path}/a/b")
    await disk.sync_folder(f"{tmp_path}/nowhere")

    assert disk.list(f"{tmp_path}/a/b") == ["new"]
    assert disk.list(f"{tmp_path}/nowhere") == []
    assert (disk.exists(old), disk.exists(new), disk.exists(f"{tmp_path}/a")) == (False, True, True)
    assert disk.modified_ms(new) > 0
    assert 0 < disk.used_ratio(f"{tmp_path}/not/yet") <= 1
    disk.remove(new)
    disk.remove(new)
    assert disk.list(f"{tmp_path}/a/b") == []


async def test_a_new_folders_name_is_durable_with_the_first_file_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut could take the folder, else, and the synced file with it."""
    synced: list[str] = []
    sync_folder = live_disk._sync_folder

    def noted(path: str) -> None:
        synced.append(path)
        sync_folder(path)

    monkeypatch.setattr(live_disk, "_sync_folder", noted)
    disk = LiveDisk()
    disk.lock(f"{tmp_path}/root/lock")()
    for name in ("first", "second"):
        file = disk.open(f"{tmp_path}/root/log/{name}", create=True)
        await file.sync()
        file.close()
    log = f"{tmp_path}/root/log"
    assert synced == [log, f"{tmp_path}/root", f"{tmp_path}", log]


async def test_a_file_closed_during_its_sync_is_closed_after_it(tmp_path: Path) -> None:
    """Else the descriptor could be another file's by the time the worker thread syncs it."""
    file = LiveDisk().open(f"{tmp_path}/file", create=True)
    file.write(0, b"data")
    syncing = asyncio.ensure_future(file.sync())
    await asyncio.sleep(0)
    file.close()
    await syncing
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.size()


def test_a_crash_point_without_a_name_does_nothing() -> None:
    """And a named one only there."""
    kill_at("")("anywhere")
    kill_at("in-mid-recovery:2")("elsewhere")
    kill_at("in-mid-recovery:2")("in-mid-recovery")
