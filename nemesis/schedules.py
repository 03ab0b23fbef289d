"""A schedule is a value: which faults, when, until when. From a seed, or from a file.

    0        warm up   first pass: each package once, alone       walk: what the dice say     limit
    |---------|------------------------------------------------|-----------------------|------|
              begin                                                                  cure by

The first pass is the guarantee that every chosen package happens at least once in each run, and
once with nothing else about: a send that fails then fails by this fault. The conductor lets clients
recover in between, and goes beyond the limit for that if it must. What is left of the time is
walked (nemesis.shapes), with faults that overlap. Nothing begins in the warm-up, and everything is
cured early enough for clients to succeed again within the limit: a run whose writes never came back
proves little.

A schedule is stored as it was executed, in ``schedule.json``; read back, it can be carried out
again exactly. The same seed, packages and limit give the same schedule.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

import msgspec

from nemesis.faults import Step
from nemesis.packages import Package
from nemesis.shapes import HOLD_MS_MIN, Window, relay, walk
from nemesis.topology import Topology

__all__ = ["OVERTIME_MS", "Schedule", "ScheduleError", "plan"]

WARM_UP_MS = 1000
RESERVE_MS_MAX = 3000
RESERVE_SHARE = 5  # at most one part in so many of the time is reserve
TURN_MS_MIN = 400  # what one package needs of the first pass
OVERTIME_MS = 8000  # how long after the limit a promised fault may begin that had to wait
VERSION = 1


class ScheduleError(ValueError):
    """A schedule that cannot be made, or a file that holds none."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Steps in the order of their beginnings; a step's number, from 1, is its fault's id."""

    steps: tuple[Step, ...]
    time_limit_ms: int
    cure_by_ms: int  # nothing begins after this, and everything is cured at it
    version: int = VERSION

    def to_json(self) -> bytes:
        """Return the text of ``schedule.json``."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    @staticmethod
    def from_json(text: bytes) -> "Schedule":
        """Read what ``to_json`` wrote; ``ScheduleError`` says what was found instead."""
        try:
            schedule = msgspec.json.decode(text, type=Schedule)
        except msgspec.DecodeError as error:
            raise ScheduleError(f"schedule: expected what a run stored, found: {error}") from error
        if problems := schedule.problems():
            raise ScheduleError("; ".join(problems))
        return schedule

    def problems(self) -> list[str]:
        """Say what keeps this schedule from being carried out as it stands."""
        found = []
        if self.version != VERSION:
            found.append(f"schedule: expected version {VERSION}, found {self.version!r}")
        for number, step in enumerate(self.steps, start=1):
            what = f"step {number} ({step.fault.name})"
            if not 0 <= step.at_ms <= step.until_ms:
                times = f"{step.at_ms}..{step.until_ms}"
                found.append(f"{what}: expected 0 <= at_ms <= until_ms, found {times}")
            if not 0 <= step.after < number:
                found.append(f"{what}: expected an earlier step's number, found {step.after}")
            if step.timed and not step.alone and step.until_ms > self.time_limit_ms:
                limit = f"the limit of {self.time_limit_ms} ms"
                found.append(f"{what}: expected its cure before {limit}, found {step.until_ms}")
        return found


def plan(
    rng: Random,
    packages: Sequence[Package],
    time_limit_ms: int,
    *,
    topology: Topology | None = None,
    warm_up_ms: int = WARM_UP_MS,
    promised: bool = True,
) -> Schedule:
    """Draw a schedule in which each package happens at least once; nobody may have asked for it.

    ``ScheduleError`` if the time is too short for that.
    """
    cure_by_ms = time_limit_ms - min(RESERVE_MS_MAX, time_limit_ms // RESERVE_SHARE)
    if not packages:
        return Schedule((), time_limit_ms, cure_by_ms)

    room_ms = cure_by_ms - warm_up_ms
    if room_ms < TURN_MS_MIN * len(packages):
        needed_ms = (warm_up_ms + TURN_MS_MIN * len(packages)) * RESERVE_SHARE // 4
        raise ScheduleError(
            f"time limit of {time_limit_ms} ms: expected at least {needed_ms} ms "
            f"for {_count(packages)}; give more time or fewer packages"
        )

    sources = [package.source(topology or Topology()) for package in packages]
    rng.shuffle(sources)
    first = relay(*sources)(rng, Window(warm_up_ms, cure_by_ms))
    steps = [replace(step, alone=True, promised=promised) for step in first]
    steps += walk(*sources)(rng, Window(steps[-1].until_ms, cure_by_ms))

    assert all(step.until_ms - step.at_ms >= HOLD_MS_MIN for step in steps), "no step is a blink"
    return Schedule(tuple(sorted(steps, key=_begin)), time_limit_ms, cure_by_ms)


def _begin(step: Step) -> int:
    return step.at_ms


def _count(packages: Sequence[Package]) -> str:
    return "1 package" if len(packages) == 1 else f"{len(packages)} packages"
