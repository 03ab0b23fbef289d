"""The tester is tested: a run against a broker with a planted bug must find it, by its name."""

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from checkers.verdict import Validity
from harness.local import run_local
from harness.options import RunOptions

pytestmark = pytest.mark.live

MUTANT_NODE = Path(__file__).parent / "mutant_node.py"


@pytest.mark.parametrize(
    ("mutant", "nemeses", "expected"),
    [
        ("ack-before-replicate", ("partition-replication",), {"dishonest-status"}),
        (
            "lose-the-tail@master",
            ("kill-master",),
            {"diverged", "inconsistent-offset", "offset-reused"},
        ),
        ("lose-the-tail", ("kill-both",), {"lost"}),
        ("double-append@master", ("delay-replication",), {"duplicated"}),
    ],
)
def test_a_run_finds_the_planted_bug(
    mutant: str, nemeses: tuple[str, ...], expected: set[str], tmp_path: Path
) -> None:
    options = RunOptions(
        seed=7,
        nemeses=nemeses,
        time_limit_s=8,
        rate=200,
        out=str(tmp_path),
        node_command=(sys.executable, str(MUTANT_NODE), mutant),
    )

    result = run_local(options, Console(file=io.StringIO()))

    assert result.judgement is not None
    invalid = {
        name
        for name, anomaly in result.judgement.anomalies.items()
        if anomaly.validity is Validity.INVALID
    }
    assert result.validity is Validity.INVALID, result.judgement.why
    assert invalid & expected, f"expected one of {sorted(expected)}, found {sorted(invalid)}"
