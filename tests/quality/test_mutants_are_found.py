"""The tester is tested: a run against a broker with a planted bug must find it, by its name.

One bug of each kind, with real processes behind toxiproxy: durability and recovery are the
broker's, so that a node is started with the bug; the client is the suite's own process. A bug of
replication is found, and found again, by tests/live/test_run_replay.py.
"""

import io
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from rich.console import Console

from checkers.verdict import Validity
from harness.local import run_local
from harness.options import RunOptions
from tests.quality.mutants.registry import MUTANTS

pytestmark = pytest.mark.live

MUTANT_NODE = Path(__file__).parent / "mutant_node.py"
IN_THE_CLIENT = ("hidden-retry",)


@pytest.mark.parametrize(
    ("mutant", "nemeses", "volatile", "expected"),
    [
        ("skip-fsync", "power-cut-both", True, {"lost"}),
        ("lose-the-tail", "kill-both", False, {"lost"}),
        ("hidden-retry", "partition-master-to-client", False, {"duplicated"}),
    ],
    ids=["durability", "recovery", "client"],
)
def test_a_run_finds_the_planted_bug(
    mutant: str, nemeses: str, volatile: bool, expected: set[str], tmp_path: Path
) -> None:
    """Real time decides whether a fault meets the bug: there are three runs to show it."""
    in_client = mutant in IN_THE_CLIENT
    for seed in (7, 8, 9):
        options = RunOptions(
            seed=seed,
            mode="ASYNC_MASTER+SYNC_FLUSH" if volatile else "SYNC_MASTER+SYNC_FLUSH",
            nemeses=(nemeses,),
            time_limit_s=6,
            rate=150,
            volatile=volatile,
            out=str(tmp_path),
            node_command=() if in_client else (sys.executable, str(MUTANT_NODE), mutant),
        )
        with MUTANTS[mutant].planted() if in_client else nullcontext():
            result = run_local(options, Console(file=io.StringIO()))
        assert result.judgement is not None
        invalid = {
            name
            for name, anomaly in result.judgement.anomalies.items()
            if anomaly.validity is Validity.INVALID
        }
        if invalid:
            break

    assert result.validity is Validity.INVALID, result.judgement.why
    assert invalid & expected, f"expected one of {sorted(expected)}, found {sorted(invalid)}"
