"""One story, two worlds: how it is told in each, and what of its ending must be the same.

    validity   of the run
    broken     the anomalies that it is invalid by
    lost       whether messages that were answered SEND_OK are gone, as the mode allows
    told       what is said of a scenario at its end

Everything else that is counted (redelivered, recovered, how many are lost) follows from who was
faster, and that real processes race anew each time.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from checkers.suite import Judgement
from harness.fault_plan import schedule_of
from harness.local import run_local
from harness.options import RunOptions
from harness.replay import Outcome
from harness.scenarios import SEND_OK_LOST, options_of_scenario, outcome_text
from harness.shrinking.case import Case
from harness.simulated.run import simulate

__all__ = ["Ending", "in_processes", "in_virtual_time", "told_scenario"]

MUTANT_NODE = Path(__file__).parents[1] / "quality" / "mutant_node.py"
CURE_MS = 500
"""How long before its end a run is cured: as long as a schedule that was drawn is."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What both worlds must agree on."""

    validity: str
    broken: tuple[str, ...] = ()
    lost: bool = False
    told: str = ""

    @classmethod
    def of(cls, options: RunOptions, judgement: Judgement) -> "Ending":
        """Take it from a judgement."""
        lost = judgement.verdicts["queue"].counts.get(SEND_OK_LOST, 0) > 0
        told = outcome_text(options, judgement) if options.scenario else ""
        return cls(judgement.validity.word, Outcome.of(judgement).broken, lost, told)


def told_scenario(name: str, mode: str, limit_s: float, seed: int = 1) -> Case:
    """Make the run of a shipped scenario, ended as soon as it has been told."""
    given = {**options_of_scenario(name, mode), "mode": mode}
    whole = RunOptions(seed=seed, rate=60.0, concurrency=5, queues=2, **given)
    limit_ms = int(limit_s * 1000)
    schedule = schedule_of(whole)
    return Case(
        replace(whole, time_limit_s=limit_s),
        replace(schedule, time_limit_ms=limit_ms, cure_by_ms=limit_ms - CURE_MS),
    )


def in_virtual_time(case: Case) -> Ending:
    """Tell a story in the simulated world."""
    options = replace(case.options, world="simulated")
    return Ending.of(options, simulate(options, case.schedule).judgement)


def in_processes(case: Case, out: Path) -> Ending:
    """Tell it with real processes behind toxiproxy, in a folder of its own."""
    mutant = case.options.mutant
    node = (sys.executable, str(MUTANT_NODE), mutant) if mutant else ()
    options = replace(case.options, world="local", out=str(out), mutant="", node_command=node)
    result = run_local(options, Console(quiet=True), case.schedule)
    assert result.judgement is not None, "nobody has stopped it"
    return Ending.of(options, result.judgement)
