"""What was recorded is on disk before the op goes on."""

import itertools
from pathlib import Path

import pytest

from histories.formats import read_history
from histories.op import Attempt, FaultRecord
from histories.recorder import Recorder


def test_every_line_is_on_disk_when_record_returns(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    clock = itertools.count(500, 7)
    with Recorder(path, lambda: next(clock)) as recorder:
        for count in range(1, 4):
            op = recorder.record(process=0, type="invoke", f="send", value=f"0-{count}")
            assert (op.index, op.time) == (count - 1, 7 * count)
            assert path.read_bytes().count(b"\n") == count


def test_a_recorded_history_is_read_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    fault = FaultRecord(
        id=1, name="kill-master", fault_class="process", phase="inject", targets=["master"]
    )
    attempts = [Attempt(node="master", sent=True, outcome="SEND_OK")]
    with Recorder(path, lambda: 0) as recorder:
        ops = [
            recorder.record(process=0, type="invoke", f="send", value="0-1", key="7F" * 16),
            recorder.record(process=0, type="ok", f="send", value="0-1", attempts=attempts),
            recorder.record(process="nemesis", type="info", f="kill-master", fault=fault),
            recorder.record(process=1, type="ok", f="probe", extra={"debug": [1]}),
        ]

    history = read_history(path)

    assert list(history.ops()) == ops
    assert list(history.nemesis_ops) == [ops[2]]


def test_a_history_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text("kept\n")

    with pytest.raises(FileExistsError):
        Recorder(path, lambda: 0)

    assert path.read_text() == "kept\n"


def test_watchers_see_each_op_after_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    seen: list[int] = []
    with Recorder(path, lambda: 0, lambda _: seen.append(path.stat().st_size)) as recorder:
        recorder.record(process=0, type="invoke", f="pull")
        recorder.record(process=0, type="ok", f="pull")

    assert seen == sorted(seen)
    assert seen[-1] == path.stat().st_size


def test_a_closed_recorder_refuses_the_op(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    recorder = Recorder(path, lambda: 0)
    recorder.close()

    with pytest.raises(OSError, match="Bad file descriptor"):
        recorder.record(process=0, type="invoke", f="send")

    assert path.read_bytes() == b""
