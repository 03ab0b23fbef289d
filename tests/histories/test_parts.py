"""A file that is read in parts gives the history that it gives whole, whoever reads the parts."""

import os
import random
import signal
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from histories import History, HistoryError, Op
from histories.columns import MESSAGE_COLUMNS, OP_COLUMNS
from histories.formats import lines, read_history, write_ops
from histories.formats.source import Source
from histories.formats.workers import in_order
from tests.histories.history_strategies import histories
from tests.histories.test_formats import assert_same

ENOUGH = 3
PIECES = range(7)


def read_in_parts(path: Path, size: int, processes: int) -> History:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lines, "STRETCH", size)
        return read_history(path, processes=processes)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    ops=histories(),
    name=st.sampled_from(["h.jsonl", "h.edn"]),
    size=st.integers(1, 400),
    torn=st.integers(0, 30),
    blank=st.booleans(),
)
def test_however_a_file_is_cut_its_history_is_the_same(
    ops: list[Op], name: str, size: int, torn: int, *, blank: bool, tmp_path: Path
) -> None:
    path = tmp_path / name
    write_ops(ops, path)
    text = path.read_bytes()
    path.write_bytes(text + b"\n" * blank + text[:torn])

    whole, cut = read_history(path), read_in_parts(path, size, processes=1)

    assert_same(cut, whole)
    assert cut.info == whole.info
    assert [cut.op(row) for row in range(len(cut))] == list(whole.ops())


def many_ops(count: int) -> list[Op]:
    """Ops of all kinds of codes, so that parts meet names in different orders."""
    rng = random.Random(1)
    ops = []
    for row in range(count):
        name = rng.choice(["a", "b", "c", "nemesis", "helper"])
        process = name if len(name) > 1 else rng.randrange(9)
        value = rng.choice([name, f"{row}-7", row, {"x": name}, None])
        fields = {"topic": f"T{rng.randrange(9)}", "queue": rng.randrange(3), "node": name}
        ops.append(
            Op(
                index=row,
                process=process,
                type=rng.choice(["ok", "info"]),
                f=rng.choice(["send", "pull", "commit"]),
                value=value,
                status=rng.choice(["SEND_OK", "FLUSH_DISK_TIMEOUT", None]),
                **fields,
            )
        )
    return ops


@pytest.mark.parametrize("processes", [2, 3])
def test_the_number_of_processes_changes_not_even_a_code(processes: int, tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    write_ops(many_ops(600), path)
    size = path.stat().st_size // 8 + 1

    one, many = read_in_parts(path, size, 1), read_in_parts(path, size, processes)

    assert len(Source(path).stretches(size)) == 8
    for name in OP_COLUMNS:
        assert np.array_equal(getattr(one, name), getattr(many, name)), name
    for name in MESSAGE_COLUMNS:
        assert np.array_equal(getattr(one.deliveries, name), getattr(many.deliveries, name)), name
    for table in ("fs", "queues", "nodes", "statuses", "processes", "nemesis_ops"):
        assert getattr(one, table) == getattr(many, table)
    assert one.values.interned == many.values.interned
    assert_same(many, History.from_ops(many_ops(600)))


@pytest.mark.parametrize("processes", [1, 2])
def test_the_first_bad_line_is_told_by_its_number_in_the_file(
    processes: int, tmp_path: Path
) -> None:
    path = tmp_path / "h.jsonl"
    write_ops(many_ops(100), path)
    good = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*good[:70], b"{bad}\n", *good[70:90], b"{worse}\n", *good[90:]]))

    with pytest.raises(HistoryError, match=r"line 71: .*bad"):
        read_in_parts(path, 2000, processes)


def test_ops_without_an_index_are_counted_over_all_parts(tmp_path: Path) -> None:
    path = tmp_path / "h.edn"
    path.write_text("{:type :info, :process :nemesis, :f :kill}\n" * 40)

    history = read_in_parts(path, 100, processes=2)

    assert history.index.tolist() == list(range(40))
    assert [op.index for op in history.nemesis_ops] == list(range(40))


def test_results_come_in_the_order_of_the_pieces() -> None:
    assert list(in_order(lambda piece: piece**2, PIECES, ENOUGH)) == [n**2 for n in PIECES]


def test_a_piece_that_fails_has_no_result_and_the_others_have_theirs() -> None:
    assert list(in_order(lambda piece: 6 // piece, [3, 0, 2], ENOUGH)) == [2, None, 3]


def test_a_process_that_dies_has_no_results_from_then_on() -> None:
    def work(piece: int) -> int:
        if piece == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return piece

    assert list(in_order(work, PIECES, 2)) == [0, 1, 2, None, 4, None, 6]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, GeneratorExit])
def test_nobody_is_left_behind_when_the_results_are_not_wanted(
    interrupt: type[BaseException],
) -> None:
    results = in_order(lambda _: os.getpid(), PIECES, ENOUGH)
    pids = [next(results) for _ in range(ENOUGH)]

    with pytest.raises(interrupt):
        results.throw(interrupt)

    assert len(set(pids)) == ENOUGH
    assert not any(psutil.pid_exists(pid) for pid in pids if pid is not None)


def test_a_process_keeps_its_parents_signals_from_the_parents_loop() -> None:
    handled = [signal.SIGINT, signal.SIGTERM]
    before = [signal.getsignal(number) for number in handled]

    found = list(in_order(lambda _: [signal.getsignal(n) for n in handled], PIECES, 2))

    assert found[0] == [signal.SIG_IGN, signal.SIG_DFL]
    assert [signal.getsignal(number) for number in handled] == before
