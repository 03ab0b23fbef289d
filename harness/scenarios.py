"""A scenario that is chosen for a run decides its faults, their length, and what its disks forget.

    mode       the user's, else the first in which the scenario loses a message, else the default
    volatile   if a step of it cuts the power
    shows      what the verdict counts in a mode that loses, and never in one that is safe

That a loss is allowed does not make it invisible: in a mode that loses, the run is valid and says
that the loss happened. In a mode that is safe the same faults take nothing that was answered
SEND_OK; what was answered with less, while the slave could not be reached, was no promise.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

from checkers.suite import Judgement
from harness.options import RunOptions
from nemesis.scenario import load_scenario

__all__ = ["options_of_scenario", "outcome_text"]

SEND_OK_LOST = "allowed-loss-of-send-ok-count"


def options_of_scenario(name: str, mode: str | None) -> Mapping[str, Any]:
    """Return the options that a scenario decides; ``ScenarioError`` or ``OSError``."""
    scenario = load_scenario(name, Random(0))  # noqa: S311 - what is drawn here is not kept
    given: dict[str, Any] = {
        "scenario": name,
        "nemeses": (),
        "time_limit_s": float(scenario.seconds),
    }
    if "volatile" in scenario.needs:
        given["volatile"] = True
    if mode is None and scenario.loses_in:
        given["mode"] = scenario.loses_in[0]
    return given


def outcome_text(options: RunOptions, judgement: Judgement) -> str:
    """Say whether a run showed what its scenario is about."""
    scenario = load_scenario(options.scenario, Random(0))  # noqa: S311 - as above
    anomalies = judgement.anomalies
    counts = {name: anomalies[name].count for name in scenario.shows if name in anomalies}
    found = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
    promised = judgement.verdicts["queue"].counts.get(SEND_OK_LOST, 0)
    if options.mode in scenario.safe_in:
        ending = f"prevented, but for {promised:,}" if promised else "prevented"
        ending += f" ({found}, none of it answered SEND_OK)" if found and not promised else ""
    else:
        ending = f"shown: {found}" if found else f"not shown this time: {', '.join(scenario.shows)}"
    return f"{scenario.name}: {ending}\n  {scenario.says}"
