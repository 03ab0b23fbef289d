"""Controls in a file: asked for, taken over, outliving the node, never believed of the dead."""

import asyncio
from pathlib import Path

import pytest

from nemesis.control_file import FileControls, Page, acknowledge, read_page
from nemesis.targets import Controls, TargetError
from tests.nemesis.fake_world import run

SLOW = Controls(fsync_delay_ms=100)


class Reader:
    """A node's end, as its wrapper has it."""

    def __init__(self, folder: Path, pid: int | None = 7) -> None:
        self.folder, self.pid = folder, pid

    def controls(self) -> FileControls:
        return FileControls(self.folder, lambda: self.pid)

    async def reading(self) -> None:
        seen = Page()
        while self.pid is not None:
            page = read_page(self.folder)
            if page != seen:
                acknowledge(self.folder, page, self.pid)
                seen = page
            await asyncio.sleep(0.02)


async def beside(reader: Reader, what: object) -> object:
    task = asyncio.create_task(reader.reading())
    try:
        return await what
    finally:
        task.cancel()


def test_nothing_asked_is_a_sound_machine(tmp_path: Path) -> None:
    controls = Reader(tmp_path).controls()
    run(controls.set(Controls()))
    assert run(controls.wanted()) == run(controls.applied()) == Controls()
    assert list(tmp_path.iterdir()) == []


def test_a_running_node_takes_over_what_is_asked(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    controls = reader.controls()
    run(beside(reader, controls.set(SLOW)))
    assert run(controls.applied()) == SLOW
    run(beside(reader, controls.set(Controls())))
    assert run(controls.applied()) == Controls()


def test_a_node_that_does_not_read_is_an_error_and_no_quiet_pass(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="expected the node to take page 1"):
        run(Reader(tmp_path).controls().set(SLOW))


def test_what_is_asked_of_a_dead_node_waits_for_it(tmp_path: Path) -> None:
    reader = Reader(tmp_path, pid=None)
    controls = reader.controls()
    run(controls.set(SLOW))
    assert run(controls.wanted()) == SLOW
    assert run(controls.applied()) is None
    reader.pid = 8
    assert run(controls.applied()) is None, "it runs, but has not said that it has read"
    acknowledge(tmp_path, read_page(tmp_path), 8)
    assert run(controls.applied()) == SLOW


def test_what_an_earlier_process_said_is_not_believed_of_the_next(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    controls = reader.controls()
    run(beside(reader, controls.set(SLOW)))
    reader.pid = 8
    assert run(controls.applied()) is None


def test_a_node_that_dies_of_its_controls_has_taken_them_over(tmp_path: Path) -> None:
    reader = Reader(tmp_path)

    async def dies() -> None:
        await asyncio.sleep(0.5)
        reader.pid = None

    async def armed() -> None:
        task = asyncio.create_task(dies())
        await reader.controls().set(Controls(crash_point="after-append-before-flush"))
        await task

    run(armed())


def test_a_torn_page_is_named(tmp_path: Path) -> None:
    (tmp_path / "controls.json").write_text('{"number": 1, "contr')
    with pytest.raises(TargetError, match=r"controls.json: expected a page of controls"):
        run(Reader(tmp_path).controls().wanted())
