"""A slave ahead of its master after a power cut: judged, mended, and what it lost is named."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from checkers.verdict import Validity
from harness.local import run_local
from harness.options import RunOptions
from harness.store.folder import read_json
from histories.formats import read_history

pytestmark = pytest.mark.live


def test_what_a_power_cut_divides_is_made_one_again_and_what_was_given_up_is_named(
    tmp_path: Path,
) -> None:
    """Up to half a second of sends is on the slave alone: the master had not flushed it.

    A cut may come just after a flush, so there are three runs to show it.
    """
    for seed in (4, 5, 6):
        options = RunOptions(
            seed=seed,
            mode="ASYNC_MASTER+ASYNC_FLUSH",
            nemeses=("power-cut-master",),
            volatile=True,
            time_limit_s=5,
            rate=200,
            out=str(tmp_path),
        )
        result = run_local(options, Console(file=io.StringIO()))
        assert result.judgement is not None
        assert result.validity is Validity.VALID, result.judgement.to_json()
        history = read_history(result.folder.history)
        if command := [op.fault for op in history.nemesis_ops if op.f == "resynchronise"]:
            break

    assert [fault.bit for fault in command if fault] == [None, True, None, True]
    stored = read_json(result.folder.results)
    assert stored["anomalies"]["discarded"]["count"] > 0
    assert "resynchronise" in read_json(result.folder.test_json)["phases"]
