"""A run that cannot be what was asked for is refused before anything starts, with every reason."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from harness.options import RunOptions, nemeses_of
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

    assert problem.startswith("out: expected a folder, found the file")


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


@pytest.mark.parametrize("limit", [float("nan"), float("inf"), 1e300, -1.0, 0.0])
def test_a_time_that_is_none_is_one_problem_and_quickly_found(
    options: RunOptions, limit: float
) -> None:
    """Its faults cannot be drawn, nor its disk space be counted; or that would take for ever."""
    (problem,) = problems_of(replace(options, time_limit_s=limit))

    assert problem.startswith("time-limit: expected 0.1 to 2,592,000, got")


def test_faults_that_are_asked_for_and_not_named_are_a_problem(options: RunOptions) -> None:
    (problem,) = problems_of(replace(options, nemeses=nemeses_of(" , ")))

    assert problem == (
        "nemesis: expected names with commas between them, swarm or none, got nothing"
    )


@pytest.mark.parametrize("word", ["none", "swarm"])
def test_a_word_that_stands_alone_is_told_apart_from_an_unknown_one(
    options: RunOptions, word: str
) -> None:
    (problem,) = problems_of(replace(options, nemeses=("kill-master", word)))

    assert problem == f"nemesis {word!r} goes with no other"


def test_a_real_toxiproxy_that_is_not_there_is_a_problem(
    options: RunOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded one is no answer to who asks for the real one."""
    monkeypatch.setattr("harness.validation.find_executable", lambda: None)

    (problem,) = problems_of(replace(options, toxiproxy="real"))

    assert "`make toxiproxy` installs it" in problem
    assert problems_of(options) == []


def test_a_toxiproxy_that_is_named_and_is_no_program_is_a_problem(
    options: RunOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOXIPROXY_SERVER", "/nowhere/toxiproxy-server")

    (problem,) = problems_of(options)

    assert problem.startswith("toxiproxy: expected TOXIPROXY_SERVER to be a program")
    assert problems_of(replace(options, toxiproxy="embedded")) == []


def test_a_folder_in_the_place_of_the_link_to_the_newest_run_is_a_problem(
    options: RunOptions, tmp_path: Path
) -> None:
    """A copy that follows links makes one, and then no run could be created."""
    (tmp_path / "runs" / "latest").mkdir(parents=True)

    (problem,) = problems_of(options)

    assert problem.startswith("out: expected a link to the newest run at ")
