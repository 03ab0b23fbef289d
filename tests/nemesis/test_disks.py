"""The files of a stopped node, on a real folder."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemesis.disks import FolderStore, log_files, place_in_log

GIGABYTE = 1 << 30


def store(tmp_path: Path) -> FolderStore:
    root = tmp_path / "store"
    for path, data in {
        "commitlog/00000000000000000000": b"a" * 600,
        "commitlog/00000000000000000600": b"b" * 400,
        "consumequeue/T/0/00000000000000000000": b"q" * 40,
        "checkpoint": b"c",
        "commitlog/notes.txt": b"no log file",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return FolderStore(root, tmp_path / "copy")


def test_log_files_are_named_by_the_offset_of_their_first_byte(tmp_path: Path) -> None:
    assert log_files(store(tmp_path)) == [
        (0, "commitlog/00000000000000000000"),
        (600, "commitlog/00000000000000000600"),
    ]


def test_a_physical_offset_has_its_place(tmp_path: Path) -> None:
    there = store(tmp_path)
    assert place_in_log(there, 0) == ("commitlog/00000000000000000000", 0)
    assert place_in_log(there, 599) == ("commitlog/00000000000000000000", 599)
    assert place_in_log(there, 601) == ("commitlog/00000000000000000600", 1)
    with pytest.raises(ValueError, match="offset 1000, found files at: 0, 600"):
        place_in_log(there, 1000)


def test_bytes_are_read_flipped_and_cut(tmp_path: Path) -> None:
    there = store(tmp_path)
    there.write("checkpoint", 0, b"x")
    assert there.read("checkpoint", 0, 9) == b"x"
    there.truncate("commitlog/00000000000000000600", 7)
    assert there.size("commitlog/00000000000000000600") == 7
    assert there.read("commitlog/00000000000000000600", 5, 9) == b"bb"


def test_a_lost_disk_is_empty_but_mounted(tmp_path: Path) -> None:
    there = store(tmp_path)
    there.clear()
    assert there.files() == []
    assert there.root.is_dir()


def test_a_copy_comes_back_as_it_was_and_nothing_newer_survives(tmp_path: Path) -> None:
    there = store(tmp_path)
    before = {path: there.read(path, 0, 1000) for path in there.files()}
    there.snapshot()
    there.write("checkpoint", 0, b"newer")
    (there.root / "commitlog/00000000000000001000").write_bytes(b"newer")
    for _ in range(2):
        there.restore()
        assert {path: there.read(path, 0, 1000) for path in there.files()} == before


def test_a_copy_that_was_never_made_is_not_an_empty_store(tmp_path: Path) -> None:
    there = store(tmp_path)
    with pytest.raises(FileNotFoundError, match="expected a kept copy"):
        there.restore()
    assert there.files()


def test_a_copy_of_a_sparse_gigabyte_is_sparse(tmp_path: Path) -> None:
    """A commit-log file is a gigabyte of mostly nothing; copying it must take milliseconds."""
    there = store(tmp_path)
    log = there.root / "commitlog/00000000000000000000"
    os.truncate(log, GIGABYTE)
    there.write("commitlog/00000000000000000000", GIGABYTE - 3, b"end")
    there.snapshot()
    copy = there.copy / "commitlog/00000000000000000000"
    assert copy.stat().st_size == GIGABYTE
    assert copy.stat().st_blocks * 512 < 1 << 20
    with copy.open("rb") as file:
        assert file.read(602) == b"a" * 600 + b"\0\0"
        file.seek(GIGABYTE - 3)
        assert file.read() == b"end"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3_000_000), st.binary(min_size=1, max_size=50))))
def test_a_copy_is_the_same_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, bytes]]
) -> None:
    there = store(tmp_path_factory.mktemp("disks"))
    os.truncate(there.root / "checkpoint", 3_000_100)
    for position, data in writes:
        there.write("checkpoint", position, data)
    there.snapshot()
    assert (there.copy / "checkpoint").read_bytes() == (there.root / "checkpoint").read_bytes()
