"""A sound node's ports on an unsound machine."""

import asyncio
import errno
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from broker.live import live_ports
from broker.ports import Ports
from harness.unsound import Machine, unsound
from nemesis.control_file import FileControls
from nemesis.targets import Controls

PID = 4711


class Deaths:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


class Rig:
    """One node's ports, and the nemesis's end of its controls."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("harness.unsound.os.getpid", lambda: PID)
        self.deaths = Deaths()
        self.controls = FileControls(folder, lambda: PID)
        self.machine = Machine(folder, self.deaths)
        self.true = live_ports(Random(1))
        self.ports: Ports = unsound(self.true, self.machine)
        self.file = self.ports.disk.open(str(folder / "data" / "log"), create=True)

    async def ask(self, controls: Controls) -> None:
        watching = asyncio.create_task(self.machine.watch())
        await self.controls.set(controls)
        watching.cancel()
        assert await self.controls.applied() == controls


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(tmp_path, monkeypatch)


async def test_a_sound_machine_is_the_real_world(rig: Rig) -> None:
    rig.file.write(0, b"abc")
    await rig.file.sync()
    assert rig.file.read(1, 9) == b"bc"
    assert rig.ports.disk.list(str(Path(rig.file.path).parent)) == ["log"]
    assert abs(rig.ports.clock.now_ms() - rig.true.clock.now_ms()) < 100
    rig.ports.crash_point("after-append-before-flush")
    assert rig.deaths.count == 0
    rig.file.close()


async def test_a_full_disk_takes_no_byte_and_gives_what_it_has(rig: Rig) -> None:
    rig.file.write(0, b"abc")
    await rig.ask(Controls(disk_full=True))
    with pytest.raises(OSError) as caught:
        rig.file.write(3, b"d")
    assert caught.value.errno == errno.ENOSPC
    assert rig.file.read(0, 9) == b"abc"
    assert rig.ports.disk.used_ratio(rig.file.path) == 1.0
    await rig.ask(Controls())
    rig.file.write(3, b"d")
    assert rig.file.read(0, 9) == b"abcd"
    rig.file.close()


async def test_the_disk_that_the_suite_runs_on_counts_as_empty(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A developer's may be nine tenths full: no send would be taken, and old files would go."""
    nearly_full = SimpleNamespace(f_blocks=100, f_bfree=8, f_bavail=8)
    monkeypatch.setattr("broker.live.disk.os.statvfs", lambda _path: nearly_full)
    assert rig.true.disk.used_ratio(rig.file.path) == 0.92
    assert rig.ports.disk.used_ratio(rig.file.path) == 0.0
    rig.file.close()


async def test_an_fsync_that_fails_is_an_input_output_error(rig: Rig) -> None:
    await rig.ask(Controls(fsync_fails=True))
    with pytest.raises(OSError) as caught:
        await rig.file.sync()
    assert caught.value.errno == errno.EIO
    rig.file.close()


async def test_a_slow_fsync_is_slow(rig: Rig) -> None:
    await rig.ask(Controls(fsync_delay_ms=60))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await rig.file.sync()
    assert loop.time() - began >= 0.06
    rig.file.close()


async def test_a_clock_jumps_and_comes_back(rig: Rig) -> None:
    for offset_ms in (60_000, -60_000, 0):
        await rig.ask(Controls(clock_offset_ms=offset_ms))
        found = rig.ports.clock.now_ms() - rig.true.clock.now_ms()
        assert abs(found - offset_ms) < 1000
    rig.file.close()


async def test_a_skewed_clock_runs_away_from_the_moment_it_is_told_to(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("harness.unsound.monotonic", lambda: now)
    await rig.ask(Controls(clock_skew_ppm=100_000))
    assert rig.machine.clock_error_ms == 0
    now += 10
    assert rig.machine.clock_error_ms == 1000
    await rig.ask(Controls(clock_skew_ppm=100_000, fsync_delay_ms=1))
    assert rig.machine.clock_error_ms == 1000, "another control does not set the clock back"
    rig.file.close()


async def test_one_place_is_deadly_and_the_others_are_not(rig: Rig) -> None:
    await rig.ask(Controls(crash_point="in-mid-recovery"))
    rig.ports.crash_point("after-append-before-flush")
    assert rig.deaths.count == 0
    rig.ports.crash_point("in-mid-recovery")
    assert rig.deaths.count == 1
    rig.file.close()


async def test_a_node_comes_up_on_the_machine_that_it_died_on(rig: Rig, tmp_path: Path) -> None:
    await rig.ask(Controls(disk_full=True))
    assert Machine(tmp_path, Deaths()).controls.disk_full
    rig.file.close()


async def test_whoever_listens_is_watched(rig: Rig) -> None:
    listener = await rig.ports.network.listen(asyncio.Protocol, "127.0.0.1", 0)
    await rig.controls.set(Controls(disk_full=True))
    assert rig.machine.controls.disk_full
    listener.close()
    await listener.wait_closed()
    rig.file.close()
