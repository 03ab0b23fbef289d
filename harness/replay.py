"""A stored run is played again: the same faults at the same times, the same plan of every client.

In the simulated world that is the same run, byte for byte. With real processes the clients ask
for the same things and the faults come at the same times, but what races is raced anew: so a
replay is done several times, and says how often the same anomalies came back.

    original   what the stored run was found to be
    outcome    what one replay came to
    same       the outcome has every broken anomaly of the original; of an original without any,
               it has the same verdict
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Console

from checkers.suite import Judgement
from checkers.verdict import Validity
from harness.local import run_local
from harness.options import RunOptions
from harness.simulated.run import simulate
from harness.store.folder import RunFolder, read_json
from harness.validation import stored_problems
from nemesis.schedules import Schedule, ScheduleError

__all__ = ["Outcome", "Play", "ReplayError", "StoredRun", "counts_by_name", "player", "stored_run"]


class ReplayError(ValueError):
    """A folder that holds no run which could be played again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to, as far as two runs are compared."""

    validity: Validity
    broken: tuple[str, ...]  # names of the anomalies that break a promise, sorted
    digest: str = ""  # of a simulated run
    seconds: float = 0.0

    @classmethod
    def of(cls, judgement: Judgement, digest: str = "", seconds: float = 0.0) -> "Outcome":
        """Take from a judgement what is compared."""
        broken = (
            name
            for name, anomaly in judgement.anomalies.items()
            if anomaly.validity is Validity.INVALID
        )
        return cls(judgement.validity, tuple(sorted(broken)), digest, seconds)

    def same_as(self, original: "Outcome") -> bool:
        """Whether this outcome shows again what the original showed.

        >>> lost = Outcome(Validity.INVALID, ("lost",))
        >>> Outcome(Validity.INVALID, ("diverged", "lost")).same_as(lost)
        True
        >>> Outcome(Validity.VALID, ()).same_as(lost)
        False
        """
        if original.broken:
            return all(name in self.broken for name in original.broken)
        return self.validity is original.validity


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run that can be played again."""

    options: RunOptions
    schedule: Schedule
    original: Outcome


Play: TypeAlias = Callable[[RunOptions, Schedule], Outcome]
"""Plays a plan once, in the world that its options name."""


def stored_run(folder: RunFolder) -> StoredRun:
    """Read a run's folder; ``ReplayError`` says what it lacks."""
    plan = folder.plan if folder.plan.is_file() else folder.schedule
    with _telling(folder.test_json):
        options = RunOptions.from_json(read_json(folder.test_json))
        if problems := stored_problems(options):
            raise ReplayError("; ".join(problems))
    with _telling(plan):
        schedule = Schedule.from_json(plan.read_bytes())
    with _telling(folder.results):
        original = _original(read_json(folder.results))
    return StoredRun(options, schedule, original)


def player(out: Path) -> Play:
    """Make the player of a run's replays; those of real processes get their folders in ``out``."""

    def play(options: RunOptions, schedule: Schedule) -> Outcome:
        if options.world == "simulated":
            run = simulate(options, schedule)
            return Outcome.of(run.judgement, run.digest, run.wall_s)
        result = run_local(replace(options, out=str(out), ports=0), Console(quiet=True), schedule)
        if result.judgement is None or result.cut_short:
            raise KeyboardInterrupt  # whoever stops a replay means all of them
        return Outcome.of(result.judgement, "", result.seconds)

    return play


def counts_by_name(outcomes: list[Outcome]) -> Iterator[tuple[str, int]]:
    """Count in how many outcomes each broken anomaly is, the most frequent first."""
    found = Counter(name for outcome in outcomes for name in outcome.broken)
    yield from sorted(found.items(), key=lambda item: (-item[1], item[0]))


@contextmanager
def _telling(file: Path) -> Iterator[None]:
    """Say of which file it is that it is missing, or is not what a run writes."""
    try:
        yield
    except FileNotFoundError as error:
        raise ReplayError(
            f"{file.parent}: expected a run that was judged, found no {file.name}"
        ) from error
    except ScheduleError as error:  # which says the rest itself
        raise ReplayError(f"{file}: {error}") from error
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        told = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ReplayError(f"{file}: expected what a run stored, found: {told}") from error


def _original(results: Mapping[str, Any]) -> Outcome:
    broken = [
        name for name, found in results["anomalies"].items() if found["validity"] == "invalid"
    ]
    return Outcome(Validity[results["validity"].upper()], tuple(sorted(broken)))
