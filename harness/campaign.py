"""A campaign: one run after another until the time is up, whatever each of them shows.

    plan    the k-th run has the k-th seed, and the modes take turns
    play    each run has its own folder; one that breaks the suite is noted, and the next begins
    keep    of a valid run only what is small is kept, so that a night fits on a disk
    tell    which anomalies there were, in how many runs, and which run had each of them first

Three runs that break the suite one after another end it: what is wrong then is wrong with the
machine, and would be wrong with every run of the night.
"""

import itertools
import shutil
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from checkers.verdict import Validity
from harness.options import RunOptions
from harness.replay import Outcome
from harness.run import RunResult
from harness.store.folder import RunFolder

__all__ = ["Campaign", "Played", "keep_small", "runs_of"]

BROKEN_MAX = 3

Play: TypeAlias = Callable[[RunOptions], RunResult]


@dataclass(frozen=True, slots=True)
class Played:
    """One run of a campaign; without an outcome it broke the suite."""

    options: RunOptions
    outcome: Outcome | None
    why: tuple[str, ...] = ()  # it proves nothing, or how it broke
    folder: RunFolder | None = None
    cut_short: bool = False

    @property
    def word(self) -> str:
        """The verdict: valid, invalid, unknown, or broke."""
        return self.outcome.validity.word if self.outcome else "broke"

    @property
    def broken(self) -> tuple[str, ...]:
        """The anomalies that break a promise."""
        return self.outcome.broken if self.outcome else ()


def runs_of(first: RunOptions, modes: Sequence[str]) -> Iterator[RunOptions]:
    """Give the options of one run after another, without an end.

    >>> runs = runs_of(RunOptions(seed=7), ["ASYNC_MASTER+SYNC_FLUSH", "SYNC_MASTER+SYNC_FLUSH"])
    >>> [(one.seed, one.broker_role) for one in itertools.islice(runs, 3)]
    [(7, 'ASYNC_MASTER'), (8, 'SYNC_MASTER'), (9, 'ASYNC_MASTER')]
    """
    for number in itertools.count():
        yield replace(first, seed=first.seed + number, mode=modes[number % len(modes)])


@dataclass(slots=True)
class Campaign:
    """What came of the runs so far."""

    play: Play
    keep_all: bool = False
    clock_s: Callable[[], float] = time.monotonic
    counts: Counter[str] = field(default_factory=Counter)  # verdict -> runs
    times: Counter[str] = field(default_factory=Counter)  # anomaly -> runs
    first: dict[str, Played] = field(default_factory=dict)  # anomaly or verdict -> its first run
    _broken_in_turn: int = 0

    def go(self, runs: Iterator[RunOptions], seconds: float) -> Iterator[Played]:
        """Play runs until they or the seconds are over; one that has begun is played to its end."""
        until_s = self.clock_s() + seconds
        for options in runs:
            if self.clock_s() >= until_s:
                return
            played = self._one(options)
            self._count(played)
            yield played
            if played.cut_short or self._broken_in_turn == BROKEN_MAX:
                return

    @property
    def exit_code(self) -> int:
        """The worst of all runs; that the suite broke never hides a promise that did."""
        codes = (("invalid", 1), ("broke", 255), ("unknown", 2), ("valid", 0))
        return next((code for word, code in codes if self.counts[word]), 2)

    def _one(self, options: RunOptions) -> Played:
        try:
            result = self.play(options)
        except Exception as error:  # noqa: BLE001 - one run must not cost the night's others
            return Played(options, None, (_said(error),))
        judgement = result.judgement
        if judgement is None:
            stopped = Outcome(Validity.UNKNOWN, (), seconds=result.seconds)
            return Played(options, stopped, ("stopped before the drain",), result.folder, True)  # noqa: FBT003
        if judgement.validity is Validity.VALID and not self.keep_all:
            keep_small(result.folder)
        outcome = Outcome.of(judgement, seconds=result.seconds)
        return Played(options, outcome, judgement.why, result.folder, result.cut_short)

    def _count(self, played: Played) -> None:
        self.counts[played.word] += 1
        self._broken_in_turn = self._broken_in_turn + 1 if played.word == "broke" else 0
        for name in (played.word, *played.broken):
            self.first.setdefault(name, played)
        self.times.update(played.broken)


def _said(error: Exception) -> str:
    text = traceback.format_exception_only(error)[-1].strip()
    log = getattr(error, "suite_log", None)
    return f"{text}; the traceback is in {log}" if log else text


def keep_small(folder: RunFolder) -> None:
    """Delete what a valid run has no more use for: its history, and its nodes' logs and stores."""
    for file in (folder.history, folder.path / "trace.jsonl"):
        file.unlink(missing_ok=True)
    shutil.rmtree(folder.path / "nodes", ignore_errors=True)
