"""The power to detect: which planted bugs are found, by which anomaly, in how many runs.

A hunt runs one seed after another with the mutant's options, until a run is invalid. Before each
of them the correct broker runs the same seed: if that one is accused, the seed is a false alarm,
is reported as one, and proves nothing about the mutant. A mutant that is not found is listed so.
"""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from checkers.minimal import extract
from checkers.verdict import Validity
from harness.judgement import contract_of
from harness.planting import Mutant, mutant_of
from harness.simulated.pool import workers
from harness.simulated.run import SimulatedRun, simulate
from harness.simulated.swarm import options_of_seed
from histories.history import History

__all__ = ["Hunt", "hunt", "hunt_all", "invalid_anomalies", "run_mutant"]


@dataclass(slots=True)
class Hunt:
    """How one mutant was found, or that it was not."""

    name: str
    breaks: str
    runs: int = 0
    cpu_s: float = 0.0  # of the runs with the mutant
    seed: int | None = None  # of the run that found it
    found: Mapping[str, str] = field(default_factory=dict)  # anomaly -> who said so; its own first
    expected: bool = False  # whether one of them is the mutant's own
    proof_ops: int | None = None  # how many ops the smallest history that shows it has
    correct_runs: int = 0  # of the correct broker, on the same seeds
    alarms: list[int] = field(default_factory=list)  # seeds that accuse the correct broker
    broke: str = ""  # how the last run that the mutant broke off ended


def run_mutant(name: str, seed: int, *, correct: bool = False) -> SimulatedRun:
    """Run one seed with a planted bug, or with the correct broker in the same setting."""
    options = options_of_seed(seed, mutant=name)
    if not correct:
        return simulate(options)
    with mutant_of(name).planted(correct=True):
        return simulate(replace(options, mutant=""))


def hunt(name: str, seeds: Sequence[int], on_run: Callable[[Hunt], None] | None = None) -> Hunt:
    """Run seeds until one of them finds a mutant; ``on_run`` is told before each how far it is."""
    mutant = mutant_of(name)
    result = Hunt(name, mutant.breaks)
    for seed in seeds:
        if on_run is not None:
            on_run(result)
        result.correct_runs += 1
        if invalid_anomalies(run_mutant(name, seed, correct=True)):
            result.alarms.append(seed)
            continue
        began = time.process_time()
        result.runs += 1
        try:
            run = run_mutant(name, seed)
        except Exception:  # noqa: BLE001 - a broken broker may break whatever it touches
            result.broke = traceback.format_exc().strip().splitlines()[-1]
            continue
        finally:
            result.cpu_s += time.process_time() - began
        if invalid_anomalies(run):
            _note(result, mutant, run)
            break
    return result


def hunt_all(
    names: Sequence[str],
    seeds: Sequence[int],
    jobs: int,
    on_run: Callable[[Hunt], None] | None = None,
) -> Iterator[Hunt]:
    """Hunt many mutants on several processes; results come in the order of the names.

    With more than one process nobody is told of single runs.
    """
    if jobs == 1:
        yield from (hunt(name, seeds, on_run) for name in names)
        return
    with workers(jobs) as pool:
        yield from pool.map(hunt, names, [seeds] * len(names))


def invalid_anomalies(run: SimulatedRun) -> tuple[str, ...]:
    """Name what a run is invalid by."""
    return tuple(
        name
        for name, found in run.judgement.anomalies.items()
        if found.validity is Validity.INVALID
    )


def _note(result: Hunt, mutant: Mutant, run: SimulatedRun) -> None:
    found = invalid_anomalies(run)
    own = [name for name in mutant.finds if name in found]
    result.seed, result.expected = run.options.seed, bool(own)
    names = [*own, *(name for name in found if name not in own)]
    result.found = {name: _who_said(run, name) for name in names}
    result.proof_ops = _smallest_proof(run, names)


def _who_said(run: SimulatedRun, anomaly: str) -> str:
    """Name the first checker that calls a run invalid by an anomaly."""
    for checker, verdict in run.judgement.verdicts.items():
        said = verdict.anomalies.get(anomaly)
        if said is not None and said.validity is Validity.INVALID:
            return checker
    raise AssertionError(f"an anomaly of the run, not {anomaly!r}")


def _smallest_proof(run: SimulatedRun, names: Sequence[str]) -> int | None:
    """Count the ops of the smallest history with the first anomaly that a history can show."""
    history = History.from_ops(run.ops)
    for name in names:
        try:
            return len(extract(history, name, contract_of(run.options), "ours"))
        except KeyError:  # what the run saw itself, such as a cluster that did not become whole
            continue
    return None
