"""What is left of a shrunk run on disk: a folder that can be replayed, and a story for tests."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.options import RunOptions
from harness.replay import Outcome
from harness.shrinking.case import Case
from harness.shrinking.story import Story
from harness.simulated.folder import write_simulated
from harness.simulated.run import simulate
from harness.store.folder import RunFolder, write_json

__all__ = ["write_shrunk", "write_story"]


def write_shrunk(original: RunFolder, case: Case, outcomes: Sequence[Outcome]) -> RunFolder:
    """Write the smallest case into ``shrunk`` of the run that it came from."""
    folder = RunFolder(original.path / "shrunk")
    if case.options.world == "simulated":
        return write_simulated(simulate(case.options, case.schedule), folder.path)
    folder.path.mkdir(exist_ok=True)
    worst = max(outcomes, key=lambda outcome: (outcome.validity, len(outcome.broken)))
    anomalies = {name: {"validity": "invalid"} for name in worst.broken}
    write_json(folder.results, {"validity": worst.validity.word, "anomalies": anomalies})
    write_json(folder.test_json, {**case.options.to_json(), "shrunk_from": str(original.path)})
    folder.plan.write_bytes(case.schedule.to_json())
    folder.schedule.write_bytes(case.schedule.to_json())
    return folder


def write_story(path: Path, case: Case, anomaly: str) -> Path:
    """Write a story that must end with the anomaly; a folder gets a file named after it."""
    file = path if path.suffix == ".json" else path / f"{anomaly}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    title = f"{anomaly}: {case.describe()}"
    # The schedule says what happens; a scenario's file or a run's folder may not be there later.
    plain = RunOptions(seed=case.options.seed)
    case = replace(case, options=replace(case.options, scenario="", out=plain.out))
    file.write_bytes(Story(title, case, "invalid", anomaly).to_json())
    return file
