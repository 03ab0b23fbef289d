"""A story ends the same in both worlds: the same verdict, the same promises broken, the same loss.

Every shipped scenario, in every mode that it names, and the stories of planted bugs. All of them
are told in virtual time; of those told with real processes a few belong to ``make test``, and the
others, some minutes of them, to ``make soak``. Each half is held to the same ending.

Whether a power cut takes a message that could be lost is chance, in virtual time by what the disk
had kept, in real time by when it was flushed. So where a mode may lose, one of a few tries must.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from harness.options import MODES
from harness.shrinking.story import Story
from nemesis.scenario import load_scenario, shipped_scenarios
from tests.conformance.two_worlds import (
    Ending,
    in_processes,
    in_virtual_time,
    told_scenario,
)
from tests.quality.mutants.registry import MUTANTS

SCENARIOS = {name: load_scenario(name, Random(0)) for name in shipped_scenarios()}
TOLD = [
    (name, mode)
    for name, scenario in SCENARIOS.items()
    for mode in scenario.loses_in + scenario.safe_in or (MODES[0],)
]
SECONDS = {
    "both-lose-power": 7.0,
    "crash-before-flush": 9.0,
    "damaged-before-replicated": 7.0,
    "doubled-by-lost-reply": 11.0,
    "power-cut-before-flush": 8.0,
    "unreplicated-disk-lost": 6.0,
}
"""After how long a scenario has been told; what it still holds is cured then."""

STORIES = {
    file.stem: file
    for file in sorted((Path(__file__).parents[1] / "stories").glob("*.json"))
    if file.stem in MUTANTS
}
TRIES = 5
SOON = [
    ("unreplicated-disk-lost", "ASYNC_MASTER+SYNC_FLUSH"),
    ("unreplicated-disk-lost", "SYNC_MASTER+SYNC_FLUSH"),
    "double-append",
]
"""What is told with real processes whenever the tests run."""

SAID = {"doubled-by-lost-reply": "shown: duplicated"}
"""What is said of a scenario that loses nothing; of the others it depends on the mode."""


def _real(cases: list[Any]) -> list[Any]:
    """Mark what takes too long for every day."""
    return [case if case in SOON else pytest.param(case, marks=pytest.mark.soak) for case in cases]


def _ending_of_scenario(name: str, mode: str, tell: Callable[[int], Ending]) -> Ending:
    """Tell a scenario until it has lost what the mode may lose; in a safe mode, once."""
    tries = TRIES if mode in SCENARIOS[name].loses_in else 1
    for seed in range(1, tries + 1):
        ending = tell(seed)
        assert (ending.validity, ending.broken) == ("valid", ())
        if ending.lost:
            break
    return ending


@pytest.mark.parametrize(("name", "mode"), TOLD)
def test_a_scenario_told_in_virtual_time(name: str, mode: str) -> None:
    ending = _ending_of_scenario(
        name, mode, lambda seed: in_virtual_time(told_scenario(name, mode, SECONDS[name], seed))
    )
    loses = mode in SCENARIOS[name].loses_in
    said = SAID.get(name, "shown: allowed-loss" if loses else "prevented")
    assert ending.lost is loses
    assert ending.told.startswith(f"{name}: {said}")
    assert "but for" not in ending.told


@pytest.mark.live
@pytest.mark.timeout(300)
@pytest.mark.parametrize("told", _real(TOLD), ids="-".join)
def test_the_same_scenario_told_with_real_processes(told: tuple[str, str], tmp_path: Path) -> None:
    name, mode = told
    ending = _ending_of_scenario(
        name,
        mode,
        lambda seed: in_processes(told_scenario(name, mode, SECONDS[name], seed), tmp_path),
    )
    assert ending.lost is (mode in SCENARIOS[name].loses_in)


@pytest.mark.live
@pytest.mark.parametrize("mutant", _real(list(STORIES)))
def test_a_planted_bug_is_found_by_the_same_name_in_both_worlds(
    mutant: str, tmp_path: Path
) -> None:
    story = Story.from_json(STORIES[mutant].read_bytes())
    endings = [in_virtual_time(story.case), in_processes(story.case, tmp_path)]

    assert [ending.validity for ending in endings] == ["invalid", "invalid"]
    shared = set(endings[0].broken) & set(endings[1].broken) & set(MUTANTS[mutant].finds)
    assert story.anomaly in endings[0].broken
    assert shared, endings


def test_every_scenario_and_both_kinds_of_ending_are_told_with_real_processes() -> None:
    """Else the soak could be about nothing."""
    assert {name for name, _ in TOLD} == set(SCENARIOS) == set(SECONDS)
    assert len(STORIES) >= 4
    assert all(case in TOLD or case in STORIES for case in SOON)
    endings = {mode in SCENARIOS[name].loses_in for name, mode in TOLD}
    assert endings == {True, False}
