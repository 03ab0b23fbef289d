"""The correct broker is never accused: each mode, ten seeds, the main nemeses and a swarm."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from checkers.verdict import Validity
from harness.local import run_local
from harness.options import MODES, NEMESES_DEFAULT, RunOptions

pytestmark = [pytest.mark.live, pytest.mark.soak]


@pytest.mark.parametrize("seed", range(1, 11))
@pytest.mark.parametrize("nemeses", [NEMESES_DEFAULT, ("swarm",)], ids=["main", "swarm"])
@pytest.mark.parametrize("mode", MODES)
def test_no_false_alarm(mode: str, nemeses: tuple[str, ...], seed: int, tmp_path: Path) -> None:
    options = RunOptions(seed=seed, mode=mode, nemeses=nemeses, time_limit_s=15, out=str(tmp_path))

    result = run_local(options, Console(file=io.StringIO()))

    assert result.judgement is not None
    assert result.validity is Validity.VALID, result.judgement.to_json()
