"""The correct broker is never accused: the main nemeses, a swarm, and each package alone."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from checkers.verdict import Validity
from harness.local import run_local
from harness.options import MODES, NEMESES_DEFAULT, RunOptions
from nemesis.registry import PACKAGES

pytestmark = [pytest.mark.live, pytest.mark.soak]


@pytest.mark.parametrize("seed", range(1, 11))
@pytest.mark.parametrize("nemeses", [NEMESES_DEFAULT, ("swarm",)], ids=["main", "swarm"])
@pytest.mark.parametrize("mode", MODES)
def test_no_false_alarm(mode: str, nemeses: tuple[str, ...], seed: int, tmp_path: Path) -> None:
    options = RunOptions(seed=seed, mode=mode, nemeses=nemeses, time_limit_s=15, out=str(tmp_path))

    result = run_local(options, Console(file=io.StringIO()))

    assert result.judgement is not None
    assert result.validity is Validity.VALID, result.judgement.to_json()


@pytest.mark.parametrize("name", [name for name, package in PACKAGES.items() if package.contract])
def test_no_package_is_a_false_alarm(name: str, tmp_path: Path) -> None:
    """One run each, in a mode of its own; every mode and more seeds are simulated."""
    mode = MODES[list(PACKAGES).index(name) % len(MODES)]
    options = RunOptions(
        seed=1,
        mode=mode,
        nemeses=(name,),
        time_limit_s=15,
        volatile="volatile" in PACKAGES[name].needs,
        out=str(tmp_path),
    )

    result = run_local(options, Console(file=io.StringIO()))

    assert result.judgement is not None
    assert result.validity is not Validity.INVALID, result.judgement.to_json()
