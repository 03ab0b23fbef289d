"""The simulated disk: what was synced stays, what was not may go, and in order."""

import errno
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.disk import SimulatedDisk
from simulation.hosts import Host
from simulation.loop import run_virtual


def test_a_power_cut_keeps_what_was_synced() -> None:
    """Whatever the rng says of the rest."""

    async def main(seed: int) -> bytes:
        disk = SimulatedDisk(Random(seed))
        file = disk.open("/log", create=True)
        file.write(0, b"synced")
        await file.sync()
        file.write(6, b" and not")
        disk.cut_power()
        return disk.open("/log").read(0, 100)

    seen = [run_virtual(main(seed)) for seed in range(40)]

    assert all(data.startswith(b"synced") for data in seen)
    assert b"synced" in seen, "some cut must lose everything since"
    assert len(dict.fromkeys(seen)) > 2, "and some must tear"


@given(
    writes=st.lists(st.tuples(st.integers(0, 30), st.binary(min_size=1, max_size=9)), max_size=12),
    synced=st.integers(0, 12),
    seed=st.integers(0, 1000),
)
def test_a_power_cut_leaves_a_prefix_of_the_writes(
    writes: list[tuple[int, bytes]], synced: int, seed: int
) -> None:
    """The last of them perhaps torn; never a later write without an earlier one."""

    async def main() -> None:
        disk = SimulatedDisk(Random(seed))
        file = disk.open("/f", create=True)
        images = [b""]
        for number, (position, data) in enumerate(writes, start=1):
            before = images[-1].ljust(position, b"\0")
            images += [
                before[:position] + data[:length] + before[position + length :]
                for length in range(1, len(data) + 1)
            ]
            file.write(position, data)
            if number == synced:
                await file.sync()
                images = images[-1:]
        disk.cut_power()
        assert file.read(0, 1000) in images

    run_virtual(main())


def test_a_full_disk_takes_no_byte() -> None:
    """ENOSPC before anything is written."""
    disk = SimulatedDisk(Random(1))
    file = disk.open("/f", create=True)
    disk.full = True

    with pytest.raises(OSError, match="no space") as caught:
        file.write(0, b"data")

    assert caught.value.errno == errno.ENOSPC
    assert file.size() == 0


def test_a_failing_sync_makes_nothing_durable() -> None:
    """EIO: nobody may be told that it is on the disk."""

    async def main(seed: int) -> bytes:
        disk = SimulatedDisk(Random(seed))
        file = disk.open("/f", create=True)
        file.write(0, b"data")
        disk.failing = True
        with pytest.raises(OSError, match="failed to sync"):
            await file.sync()
        disk.cut_power()
        return disk.open("/f").read(0, 10)

    assert b"" in [run_virtual(main(seed)) for seed in range(20)]


def test_what_a_failed_sync_was_to_make_durable_never_is() -> None:
    """Linux calls the pages clean: the next sync succeeds, and a power cut takes them."""

    async def main(seed: int) -> bytes:
        disk = SimulatedDisk(Random(seed))
        file = disk.open("/log", create=True)
        file.write(0, b"doubtful")
        disk.failing = True
        with pytest.raises(OSError, match="failed to sync"):
            await file.sync()
        disk.failing = False
        file.write(8, b"written anew")
        await file.sync()
        assert file.read(0, 8) == b"doubtful"
        disk.cut_power()
        return disk.open("/log").read(0, 100)

    assert {run_virtual(main(seed)) for seed in range(10)} == {bytes(8) + b"written anew"}


def test_a_torn_write_may_have_its_end_without_its_middle() -> None:
    """A disk writes sectors in any order: only a checksum over all of a record tells."""

    async def main(seed: int) -> bytes:
        disk = SimulatedDisk(Random(seed))
        file = disk.open("/log", create=True)
        file.truncate(4096)
        await file.sync()
        file.write(100, b"x" * 2000)
        disk.cut_power()
        return disk.open("/log").read(100, 2000)

    seen = [run_virtual(main(seed)) for seed in range(300)]

    assert any(data[-1:] == b"x" and b"\0" in data for data in seen)
    assert bytes(2000) in seen
    assert b"x" * 2000 in seen


def test_a_dead_process_cannot_write_on() -> None:
    """What it still holds in its hands is cut off."""

    async def main() -> None:
        disk = SimulatedDisk(Random(1))
        host = Host("master")
        opened = []

        async def node() -> None:
            opened.append(disk.open("/f", create=True))

        task = host.spawn(node(), "main")
        await task
        host.die()
        with pytest.raises(OSError, match="dead"):
            opened[0].write(0, b"late")

    run_virtual(main())


def test_a_lock_dies_with_its_holder() -> None:
    """A restarted node takes the store that its killed predecessor held."""

    async def main() -> None:
        disk = SimulatedDisk(Random(1))
        host = Host("master")

        async def node() -> None:
            disk.lock("/store/lock")

        await host.spawn(node(), "main")
        with pytest.raises(BlockingIOError):
            disk.lock("/store/lock")
        host.die()
        await host.spawn(node(), "main")

    run_virtual(main())
