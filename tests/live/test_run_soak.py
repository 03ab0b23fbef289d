"""The correct broker is never accused: the main nemeses, swarms, and each package alone."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from checkers.suite import Judgement
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
    judgement = judged(options)
    assert judgement.validity is Validity.VALID, judgement.to_json()


def test_half_an_hour_of_swarm_is_no_false_alarm(tmp_path: Path) -> None:
    """More than a thousand faults, each of which may follow on any other."""
    options = RunOptions(seed=4403, nemeses=("swarm",), time_limit_s=1800, out=str(tmp_path))
    judgement = judged(options)
    assert judgement.validity is Validity.VALID, judgement.to_json()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [name for name, package in PACKAGES.items() if package.contract])
def test_no_package_is_a_false_alarm(name: str, mode: str, tmp_path: Path) -> None:
    options = RunOptions(
        seed=1,
        mode=mode,
        nemeses=(name,),
        time_limit_s=15,
        volatile="volatile" in PACKAGES[name].needs,
        out=str(tmp_path),
    )
    judgement = judged(options)
    assert judgement.validity is not Validity.INVALID, judgement.to_json()


def judged(options: RunOptions) -> Judgement:
    result = run_local(options, Console(file=io.StringIO()))
    assert result.judgement is not None
    return result.judgement
