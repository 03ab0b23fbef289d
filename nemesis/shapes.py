"""Shapes of trouble: combinators from sources of faults to the steps of a schedule.

    Source    draws the next fault, how long it lasts and how long the quiet after it
    Shape     fills a window of time with steps, from a seed and nothing else

    once, relay, flip_flop, stagger, walk      from sources to a shape
    mix                                        from sources to one source
    sequence, overlap, swarm                   from shapes to one shape

Two faults that meet (Fault.meets) are never on at the same time, whatever the shape. In a
``walk`` the next move depends on the state: each fault that is on is more likely to be cured than
a new one is to begin, so that the cluster is troubled often and dead seldom.

>>> from random import Random
>>> from nemesis.faults import Fault
>>> kill = lambda rng: Turn(Fault("kill-master", "kill", ("master",)), hold_ms=500, gap_ms=100)
>>> [(step.at_ms, step.until_ms) for step in flip_flop(kill)(Random(1), Window(1000, 3000))]
[(1100, 1600), (1700, 2200), (2300, 2800)]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeAlias, TypeVar

from nemesis.faults import Fault, Step

__all__ = [
    "HOLD_MS_MIN",
    "Shape",
    "Source",
    "Turn",
    "Window",
    "draw_some",
    "flip_flop",
    "mix",
    "once",
    "overlap",
    "relay",
    "sequence",
    "stagger",
    "swarm",
    "walk",
]

HOLD_MS_MIN = 100
"""A fault shorter than this says nothing."""

HOLD_SHARE = 60
"""How much of its share a turn in a relay is on, in per cent; cures and restarts take time."""

CURE_WEIGHT = 3
"""How much likelier one active fault is to be cured than a new one is to begin."""

ACTIVE_MAX = 3
"""How many faults a walk has on at a time, at most."""

TICK_MS = (200, 1200)
"""The time between two moves of a walk."""

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Turn:
    """A fault that is about to happen, how long it is on, and how long nothing before it."""

    fault: Fault
    hold_ms: int
    gap_ms: int


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time; every step lies within."""

    begin_ms: int
    end_ms: int


Source: TypeAlias = Callable[[Random], Turn]
Shape: TypeAlias = Callable[[Random, Window], list[Step]]


def once(source: Source) -> Shape:
    """Let one fault happen, shortened to the window if need be."""
    return relay(source)


def relay(*sources: Source) -> Shape:
    """Let each source have one turn, one after another, shortened so that all find room."""

    def shape(rng: Random, window: Window) -> list[Step]:
        steps: list[Step] = []
        now_ms = window.begin_ms
        for turns_left, source in zip(range(len(sources), 0, -1), sources, strict=True):
            turn = source(rng)
            share_ms = (window.end_ms - now_ms) // turns_left
            hold_ms = min(turn.hold_ms, share_ms * HOLD_SHARE // 100)
            if hold_ms >= HOLD_MS_MIN:
                begin_ms = now_ms + min(turn.gap_ms, (share_ms - hold_ms) // 2)
                now_ms = begin_ms + hold_ms
                steps.append(Step(begin_ms, now_ms, turn.fault))
        return steps

    return shape


def flip_flop(source: Source) -> Shape:
    """Let a fault happen, cure it, wait, and so on until the window is full."""

    def shape(rng: Random, window: Window) -> list[Step]:
        steps: list[Step] = []
        now_ms = window.begin_ms
        while True:
            turn = source(rng)
            begin_ms = now_ms + turn.gap_ms
            if begin_ms + turn.hold_ms > window.end_ms:
                return steps
            now_ms = begin_ms + turn.hold_ms
            steps.append(Step(begin_ms, now_ms, turn.fault))

    return shape


def stagger(source: Source, every_ms: int) -> Shape:
    """Begin faults at random, ``every_ms`` apart on average, whether or not others are on."""

    def shape(rng: Random, window: Window) -> list[Step]:
        steps: list[Step] = []
        now_ms = window.begin_ms + rng.randint(0, 2 * every_ms)
        while now_ms + HOLD_MS_MIN <= window.end_ms:
            turn = source(rng)
            steps.append(Step(now_ms, min(now_ms + turn.hold_ms, window.end_ms), turn.fault))
            now_ms += max(1, rng.randint(0, 2 * every_ms))
        return _apart(steps)

    return shape


def mix(*sources: Source, weights: Sequence[int] | None = None) -> Source:
    """Draw each turn from one of the sources."""
    return lambda rng: rng.choices(sources, weights)[0](rng)


def sequence(*shapes: Shape) -> Shape:
    """Let the shapes follow each other, each in an equal share of the window."""

    def shape(rng: Random, window: Window) -> list[Step]:
        share_ms = (window.end_ms - window.begin_ms) // max(1, len(shapes))
        begins = [window.begin_ms + turn * share_ms for turn in range(len(shapes))]
        return [
            step
            for begin_ms, part in zip(begins, shapes, strict=True)
            for step in part(rng, Window(begin_ms, begin_ms + share_ms))
        ]

    return shape


def overlap(*shapes: Shape) -> Shape:
    """Let the shapes run side by side; where two faults meet, the later one is left out."""
    return lambda rng, window: _apart([step for part in shapes for step in part(rng, window)])


def swarm(*shapes: Shape) -> Shape:
    """Draw which of the shapes exist at all, at least one, and let those run side by side."""
    return lambda rng, window: overlap(*draw_some(rng, shapes))(rng, window)


def draw_some(rng: Random, items: Sequence[ItemT]) -> list[ItemT]:
    """Draw a subset that is not empty, in the given order; each item is in or out by a coin."""
    chosen = [item for item in items if rng.random() < 1 / 2]
    return chosen or [rng.choice(items)]


def walk(*sources: Source) -> Shape:
    """Move from state to state: begin a fault, or, more likely the more are on, cure one."""

    def shape(rng: Random, window: Window) -> list[Step]:
        steps: list[Step] = []
        active: list[int] = []  # places of the steps that are on
        now_ms = window.begin_ms + rng.randint(*TICK_MS)
        while now_ms + HOLD_MS_MIN <= window.end_ms:
            active = [place for place in active if steps[place].until_ms > now_ms]
            due = [place for place in active if now_ms - steps[place].at_ms >= HOLD_MS_MIN]
            if rng.randrange(1 + CURE_WEIGHT * len(due)):
                cured = rng.choice(due)
                active.remove(cured)
                steps[cured] = replace(steps[cured], until_ms=now_ms)
            elif len(active) < ACTIVE_MAX:
                turn = rng.choice(sources)(rng)
                if not any(turn.fault.meets(steps[place].fault) for place in active):
                    until_ms = min(now_ms + max(turn.hold_ms, HOLD_MS_MIN), window.end_ms)
                    active.append(len(steps))
                    steps.append(Step(now_ms, until_ms, turn.fault))
            now_ms += rng.randint(*TICK_MS)
        return steps

    return shape


def _apart(steps: Sequence[Step]) -> list[Step]:
    """Return the steps in time order without those that meet an earlier one."""
    kept: list[Step] = []
    for step in sorted(steps, key=lambda step: step.at_ms):
        before = (other for other in kept if other.until_ms > step.at_ms)
        if not any(other.fault.meets(step.fault) for other in before):
            kept.append(step)
    return kept
