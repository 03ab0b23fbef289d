"""``mqhavoc check`` judges a file alone; what is wrong with the file is told by its line."""

import json
from pathlib import Path

import pytest

from harness.cli import EXIT_USAGE, run_command
from histories.recorder import Recorder


def record(path: Path, *, lost: bool) -> Path:
    """Write the shortest history that is valid, or has lost a message."""
    delivered = [[0, "0-0", 7]] if lost else [[0, "0-0", 7], [1, "0-1", 8]]
    queue = {"topic": "T", "queue": 0}
    with Recorder(path, iter(range(0, 10**9, 1000)).__next__) as recorder:
        for offset, (value, crc) in enumerate((("0-0", 7), ("0-1", 8))):
            send = {"process": 0, "f": "send", "value": value, "crc": crc, **queue}
            recorder.record(type="invoke", **send)
            recorder.record(type="ok", node="master", status="SEND_OK", queue_offset=offset, **send)
        drain = {"process": 1, "f": "drain", "node": "master", **queue}
        recorder.record(type="invoke", **drain)
        bounds = {"min_offset": 0, "max_offset": 1 if lost else 2}
        recorder.record(type="ok", value=delivered, certified=True, **bounds, **drain)
    return path


def test_a_valid_history_is_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = record(tmp_path / "history.jsonl", lost=False)

    assert run_command(["check", str(path)]) == 0
    assert "judged as SYNC_MASTER+SYNC_FLUSH (the strictest)" in capsys.readouterr().out


def test_a_lost_message_is_1_and_is_named_with_its_proof(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / "history.jsonl", lost=True)

    assert run_command(["check", str(path)]) == 1

    text = capsys.readouterr().out
    assert "lost x1  breaks P1" in text
    assert "0-1" in text


def test_json_is_one_object_with_the_names_of_part_c(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / "history.jsonl", lost=True)

    assert run_command(["check", "--json", str(path)]) == 1

    found = json.loads(capsys.readouterr().out)
    assert found["validity"] == "invalid"
    assert found["anomalies"]["lost"]["count"] == 1
    assert found["anomalies"]["lost"]["examples"]
    assert "counts" in found


def test_the_worst_of_several_files_decides(tmp_path: Path) -> None:
    good = record(tmp_path / "good.jsonl", lost=False)
    bad = record(tmp_path / "bad.jsonl", lost=True)

    assert run_command(["check", str(bad), str(good)]) == 1
    assert run_command(["check", str(good), str(good)]) == 0


@pytest.mark.parametrize(
    ("asked", "stored", "expected"),
    [
        (["--mode", "async_master+async_flush"], "SYNC_MASTER+SYNC_FLUSH", "(--mode)"),
        ([], "ASYNC_MASTER+SYNC_FLUSH", "judged as ASYNC_MASTER+SYNC_FLUSH (test.json)"),
        ([], None, "judged as SYNC_MASTER+SYNC_FLUSH (the strictest)"),
    ],
)
def test_the_mode_is_the_one_asked_for_or_the_runs_or_the_strictest(
    asked: list[str],
    stored: str | None,
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = record(tmp_path / "history.jsonl", lost=False)
    if stored is not None:
        (tmp_path / "test.json").write_text(json.dumps({"mode": stored}))

    assert run_command(["check", *asked, str(path)]) == 0
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "missing"),
        ("", "empty"),
        ('{"index":0,"process":0,"type":"invoke","f":"send","value":1}\n[1]\n\n', "line 2"),
    ],
)
def test_a_file_that_is_no_history_is_254(
    content: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "missing.jsonl"
    if content is not None:
        path.write_text(content)

    assert run_command(["check", str(path)]) == EXIT_USAGE
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--mode", "SYNC"],
        ["--workload", "nothing"],
        ["--explain", "lots"],
        ["--extract", "x"],
        ["--extract", "lost"],
        ["--model", "stack"],
        ["-o", "small.jsonl"],
    ],
)
def test_wrong_options_are_254(arguments: list[str], tmp_path: Path) -> None:
    path = record(tmp_path / "history.jsonl", lost=False)

    assert run_command(["check", *arguments, str(path)]) == EXIT_USAGE


def test_an_anomaly_is_explained_or_said_to_be_absent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / "history.jsonl", lost=True)

    assert run_command(["check", "--explain", "lost", str(path)]) == 1
    assert "lost x1" in capsys.readouterr().out
    assert run_command(["check", "--explain", "misordered", str(path)]) == 1
    assert "no misordered here; found lost" in capsys.readouterr().out


def test_a_history_is_converted_and_judged_the_same(tmp_path: Path) -> None:
    path = record(tmp_path / "history.jsonl", lost=True)
    target = tmp_path / "history.edn"

    assert run_command(["convert", str(path), str(target)]) == 0
    assert run_command(["check", str(target)]) == 1
    assert run_command(["convert", str(path), str(target)]) == EXIT_USAGE


@pytest.mark.parametrize("name", ["history.foo", "nowhere/history.edn"])
def test_a_file_that_cannot_be_written_is_refused_in_words(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, target = record(tmp_path / "history.jsonl", lost=True), tmp_path / name
    for command in (
        ["convert", str(path), str(target)],
        ["check", "--extract", "lost", "-o", str(target), str(path)],
    ):
        assert run_command(command) == EXIT_USAGE
        said = capsys.readouterr().err
        assert said.startswith(f"Error: {target}: ")
        assert said.count(str(target)) == 1
        assert "Errno" not in said


def test_a_run_is_converted_by_its_folder(tmp_path: Path) -> None:
    record(tmp_path / "history.jsonl", lost=True)

    assert run_command(["convert", str(tmp_path), str(tmp_path / "history.edn")]) == 0


def test_an_explanation_shows_the_ops_that_prove_the_anomaly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / "history.jsonl", lost=True)

    assert run_command(["check", "--explain", "lost", str(path)]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert "invalid: lost x1  breaks P1" in lines
    assert any(line.endswith("0 invoke send 0-1 @0") for line in lines)
    assert any("1 ok drain 0:0-0:7 @0" in line for line in lines)


@pytest.mark.parametrize("suffix", ["jsonl", "edn", "parquet", "jsonl.zst"])
def test_an_extract_is_a_smaller_history_that_check_judges_the_same(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, small = record(tmp_path / "history.jsonl", lost=True), tmp_path / f"small.{suffix}"

    assert run_command(["check", "--extract", "lost", "-o", str(small), str(path)]) == 1
    assert f"{small}: 4 ops that still show lost" in capsys.readouterr().out
    assert run_command(["check", "--json", str(small)]) == 1

    found = json.loads(capsys.readouterr().out)
    assert found["validity"] == "invalid"
    assert found["anomalies"]["lost"]["count"] == 1


def test_nothing_is_extracted_that_is_not_there_or_over_a_file_that_is(tmp_path: Path) -> None:
    path, small = record(tmp_path / "history.jsonl", lost=True), tmp_path / "small.jsonl"
    command = ["check", "--extract", "misordered", "-o", str(small), str(path)]

    assert run_command(command) == EXIT_USAGE
    assert not small.exists()
    command[2], command[4] = "lost", str(path)
    assert run_command(command) == EXIT_USAGE


def record_queue(path: Path, taken: tuple[int, ...]) -> Path:
    """Write two enqueues, and dequeues that return these values."""
    with Recorder(path, iter(range(0, 10**9, 1000)).__next__) as recorder:
        for value in (1, 2):
            recorder.record(process=0, type="invoke", f="enqueue", value=value)
            recorder.record(process=0, type="ok", f="enqueue", value=value)
        for value in taken:
            recorder.record(process=1, type="invoke", f="dequeue")
            recorder.record(process=1, type="ok", f="dequeue", value=value)
    return path


@pytest.mark.parametrize(
    ("model", "taken", "code"),
    [
        ("fifo-queue", (1, 2), 0),
        ("fifo-queue", (2, 1), 1),
        ("unordered-queue", (2, 1), 0),
        ("unordered-queue", (2, 2), 1),
        ("register", (1,), 2),
    ],
)
def test_a_model_is_what_a_history_is_linearizable_as(
    model: str, taken: tuple[int, ...], code: int, tmp_path: Path
) -> None:
    path = record_queue(tmp_path / "history.jsonl", taken)

    assert run_command(["check", "--model", model, str(path)]) == code


def test_what_is_not_linearizable_is_explained_and_extracted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, small = record_queue(tmp_path / "history.jsonl", (2, 1)), tmp_path / "small.edn"
    command = ["check", "--model", "fifo-queue", "--explain", "nonlinearizable", str(path)]

    assert run_command([*command, "--extract", "nonlinearizable", "-o", str(small)]) == 1

    text = capsys.readouterr().out
    assert "judged as a linearizable fifo-queue" in text
    assert "1 was enqueued before 2, and was dequeued after it" in text
    assert f"judge it: mqhavoc check --model fifo-queue {small}" in text
    assert run_command(["check", "--model", "fifo-queue", str(small)]) == 1
