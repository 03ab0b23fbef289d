"""A run that cannot be what was asked for is refused before anything starts, with every reason."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from harness.options import RunOptions
from harness.validation import problems_of


@pytest.fixture
def options(tmp_path: Path) -> RunOptions:
    return RunOptions(seed=1, out=str(tmp_path / "runs"))


def test_the_defaults_have_no_problem(options: RunOptions) -> None:
    assert problems_of(options) == []


def test_all_problems_are_said_at_once(options: RunOptions) -> None:
    wrong = replace(
        options, workload="que", mode="SYNC", nemeses=("kil-master",), rate=-1.0, world="lokal"
    )

    found = problems_of(wrong)

    assert [problem.partition(":")[0].split()[0] for problem in found] == [
        "workload",
        "mode",
        "nemesis",
        "rate",
        "world",
    ]


@pytest.mark.parametrize(
    ("field", "value", "nearest"),
    [
        ("workload", "queu", "did you mean queue?"),
        ("mode", "SYNC_MASTER+SYNC_FLUS", "did you mean SYNC_MASTER+SYNC_FLUSH?"),
        ("nemeses", ("kill-mastr",), "kill-master"),
        ("toxiproxy", "reel", "did you mean real?"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest_one(
    options: RunOptions, field: str, value: object, nearest: str
) -> None:
    (problem,) = problems_of(replace(options, **{field: value}))

    assert nearest in problem


def test_ports_in_use_are_named(options: RunOptions) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if port + 24 > 32_768:
            with socket.create_server(("127.0.0.1", 31_990)):
                (problem,) = problems_of(replace(options, ports=31_980))
            port = 31_990
        else:
            (problem,) = problems_of(replace(options, ports=port))

    assert f"in use already: {port}" in problem
    assert "leave --ports out" in problem


def test_ports_that_clients_could_connect_to_themselves_on_are_refused(options: RunOptions) -> None:
    (problem,) = problems_of(replace(options, ports=40_000))

    assert "below the ephemeral ports" in problem


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_a_problem(options: RunOptions, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        (problem,) = problems_of(options)
    finally:
        tmp_path.chmod(0o700)

    assert "cannot write" in problem


def test_a_file_in_place_of_the_folder_is_a_problem(options: RunOptions, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")

    (problem,) = problems_of(options)

    assert problem.startswith("out: cannot write")


def test_a_disk_too_small_for_the_run_is_a_problem(
    options: RunOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _path: _Usage())

    (problem,) = problems_of(options)

    assert "MB free" in problem
    assert problem.endswith("found 7 MB")


class _Usage:
    free = 7 << 20


def test_a_time_too_short_for_the_faults_is_a_problem(options: RunOptions) -> None:
    (problem,) = problems_of(replace(options, time_limit_s=1.0))

    assert "time limit" in problem
