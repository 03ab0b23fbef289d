"""A scenario says exactly what happens when: a named way to lose a message, or to double it.

    says = "what happens, in a sentence"        needs = ["volatile"]
    loses_in = ["ASYNC_MASTER+ASYNC_FLUSH"]     safe_in = ["SYNC_MASTER+SYNC_FLUSH"]
    shows = ["lost"]                            seconds = 12

    [[step]]
    at = "2s"                                   since the faults began
    fault = "partition-replication"             a name of `mqhavoc list nemeses`
    mode = "stall+"                             any option of that fault; others are drawn
    for = "6s"

    [[step]]
    when = "slave-lag >= 10KB"                  since the step before; see nemesis.conditions
    within = "3s"                               then it happens all the same; else it never does
    fault = "disk-lost-master"

``at = "+500ms"`` counts from the injection of the step before; ``when = "crash-point NAME"`` makes
a kill happen at that place of the broker's code. Every mistake is reported with its line, all at
once, before anything starts. The result is a Schedule like any other.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from random import Random
from typing import Any

from nemesis.catalogue.crashes import CRASH, CRASH_POINTS
from nemesis.conditions import parse_condition
from nemesis.faults import Fault, Step
from nemesis.registry import PACKAGES
from nemesis.schedules import Schedule
from nemesis.targets import CutMode, Stream
from nemesis.topology import Topology

__all__ = ["Scenario", "ScenarioError", "load_scenario", "parse_scenario", "shipped_scenarios"]

FOLDER = Path(__file__).parent / "scenarios"

HOLD_MS = 2000
RESERVE_MS = 2000
WARM_UP_MS = 1000
LISTS = ("loses_in", "safe_in", "shows", "needs")
WORDS: Mapping[str, Sequence[str]] = {"mode": tuple(CutMode), "stream": tuple(Stream)}
"""Options that are words of a list."""

UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000}

_TIME = re.compile(r"(?P<plus>\+?)(?P<number>\d+(\.\d+)?)\s*(?P<unit>ms|s|m)")
_KEY = re.compile(r"\s*(?P<key>[\w-]+)\s*=")
_LINE = re.compile(r"\(at line (?P<line>\d+)")


class ScenarioError(ValueError):
    """A file that is no scenario; the message names every line that is wrong."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One such file. ``steps`` is made for each run anew, since the rest of it is drawn."""

    name: str
    says: str
    seconds: int
    steps: tuple[Step, ...]
    loses_in: tuple[str, ...] = ()
    safe_in: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def schedule(self) -> Schedule:
        """What the conductor carries out."""
        limit_ms = self.seconds * 1000
        return Schedule(self.steps, limit_ms, limit_ms - RESERVE_MS)


def shipped_scenarios() -> tuple[str, ...]:
    """Name the scenarios that come with the suite."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load_scenario(name: str, rng: Random, topology: Topology | None = None) -> Scenario:
    """Read a shipped scenario by name, or any file by path; ``ScenarioError`` or ``OSError``."""
    path = FOLDER / f"{name}.toml" if name in shipped_scenarios() else Path(name)
    if not path.is_file():
        near = get_close_matches(name, shipped_scenarios(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "see `mqhavoc list scenarios`"
        raise ScenarioError(f"expected a scenario's name or file, found {name!r}; {hint}")
    return parse_scenario(path.read_text(), str(path), rng, topology)


def parse_scenario(text: str, path: str, rng: Random, topology: Topology | None = None) -> Scenario:
    """Read a scenario; what the file leaves open is drawn from ``rng``."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        line = found["line"] if found else len(text.splitlines())
        raise ScenarioError(f"{path}:{line}: expected TOML, found: {error}") from error

    reader = _Reader(path, _lines(text), rng, topology or Topology())
    scenario = reader.scenario(table)
    if reader.problems:
        raise ScenarioError(
            "\n".join(f"{path}:{line}: {what}" for line, what in sorted(reader.problems))
        )
    return scenario


@dataclass(slots=True)
class _Reader:
    """Turns tables into values, and keeps a list of everything that is wrong with them."""

    path: str
    lines: Mapping[tuple[int, str], int]  # (step number or 0, key) -> line
    rng: Random
    topology: Topology
    problems: list[tuple[int, str]] = field(default_factory=list)
    _needs: list[str] = field(default_factory=list)

    def scenario(self, table: dict[str, Any]) -> Scenario:
        says = self._text(0, table, "says")
        seconds = table.pop("seconds", 20)
        if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 5:
            self._problem(0, "seconds", "a whole number from 5 on", seconds)
            seconds = 20
        steps = self._steps(table.pop("step", []), seconds * 1000 - RESERVE_MS)
        words = {key: self._words(table, key) for key in LISTS}
        for key in table:
            known = ("says", "seconds", "step", *words)
            self._problem(0, key, f"one of {', '.join(known)}", key)
        words["needs"] = tuple(dict.fromkeys([*words["needs"], *self._needs]))
        return Scenario(Path(self.path).stem, says, seconds, tuple(steps), **words)

    def _steps(self, tables: object, cure_by_ms: int) -> Sequence[Step]:
        if not isinstance(tables, list) or not tables:
            self._problem(0, "step", "at least one [[step]]", tables)
            return []
        steps = [self._step(number, dict(table)) for number, table in enumerate(tables, start=1)]
        for number, step in enumerate(steps, start=1):
            if step.timed and step.until_ms > cure_by_ms:
                expected = f"an end by {cure_by_ms} ms, {RESERVE_MS} ms before the scenario's"
                self._problem(number, "for", expected, f"{step.until_ms} ms")
        return steps

    def _step(self, number: int, table: dict[str, Any]) -> Step:
        hold_ms = self._time(number, "for", table.pop("for", f"{HOLD_MS}ms"))
        at, when = table.pop("at", None), table.pop("when", None)
        patience_ms = self._time(number, "within", table.pop("within", "0s"))
        if (at is None) == (when is None):
            self._problem(number, "at", "either `at` or `when`", f"at={at!r} when={when!r}")
        name = table.pop("fault", None)
        fault = self._fault(number, name, table)
        if when is not None:
            step = self._conditional(number, str(when), fault, hold_ms)
            return replace(step, patience_ms=patience_ms)
        relative = isinstance(at, str) and at.strip().startswith("+")
        if relative and number == 1:
            self._problem(number, "at", "a time since the faults began in the first step", at)
        at_ms = self._time(number, "at", at or "0ms")
        return Step(at_ms, at_ms + hold_ms, fault, after=number - 1 if relative else 0)

    def _conditional(self, number: int, when: str, fault: Fault, hold_ms: int) -> Step:
        words = when.split()
        at_ms = WARM_UP_MS if number == 1 else 0
        if words[:1] == ["crash-point"]:
            crash = self._crash(number, " ".join(words[1:]), fault)
            return Step(at_ms, at_ms + hold_ms, crash, after=number - 1)
        try:
            parse_condition(when)
        except ValueError as error:
            self.problems.append((self._line(number, "when"), f"when: {error}"))
        return Step(at_ms, at_ms + hold_ms, fault, after=number - 1, when=when)

    def _crash(self, number: int, point: str, fault: Fault) -> Fault:
        """Make a kill happen at a crash point."""
        if point not in CRASH_POINTS:
            self._problem(
                number, "when", f"crash-point and one of {', '.join(CRASH_POINTS)}", point
            )
        if fault.kind != "kill" or len(fault.targets) != 1:
            expected = "a kill or power cut of one node at a crash point"
            self._problem(number, "fault", expected, fault.name)
        self._needs.append("controls")
        holds = (*fault.targets, *(f"{node}/controls" for node in fault.targets))
        return replace(fault, kind=CRASH.name, options={"crash_point": point}, holds=holds)

    def _fault(self, number: int, name: object, options: dict[str, Any]) -> Fault:
        if not isinstance(name, str) or name not in PACKAGES:
            near = get_close_matches(str(name), PACKAGES, n=1)
            such = f", such as {near[0]!r}" if near else ""
            self._problem(number, "fault", f"a name of `mqhavoc list nemeses`{such}", name)
            return Fault("none", "kill", ())
        package = PACKAGES[name]
        self._needs += package.needs
        if whole := [link for cut in package.cuts for link in self.topology.stays_whole(cut)]:
            self._problem(number, "fault", f"what needs no proxy on {whole[0]}", name)
            return Fault("none", "kill", ())
        fault = package.draw(self.rng, self.topology)
        for key, value in options.items():
            there = fault.options.get(key)
            if there is None:
                known = ", ".join(["at", "when", "within", "for", "fault", *fault.options])
                self._problem(number, key, f"one of {known}", key)
            elif type(value) is not type(there):
                self._problem(number, key, f"a {type(there).__name__} such as {there!r}", value)
            elif key in WORDS and value not in WORDS[key]:
                self._problem(number, key, f"one of {', '.join(WORDS[key])}", value)
        return replace(fault, options={**fault.options, **options})

    def _time(self, number: int, key: str, value: object) -> int:
        match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            self._problem(number, key, "a time such as 500ms, 2s or +1.5s", value)
            return 0
        return round(float(match["number"]) * UNITS_MS[match["unit"]])

    def _text(self, number: int, table: dict[str, Any], key: str) -> str:
        value = table.pop(key, None)
        if not isinstance(value, str) or not value:
            self._problem(number, key, "a sentence", value)
        return str(value)

    def _words(self, table: dict[str, Any], key: str) -> tuple[str, ...]:
        value = table.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            self._problem(0, key, "a list of words", value)
            return ()
        return tuple(value)

    def _problem(self, number: int, key: str, expected: str, found: object) -> None:
        what = f"{key}: expected {expected}, found {found!r}"
        self.problems.append((self._line(number, key), what))

    def _line(self, number: int, key: str) -> int:
        return self.lines.get((number, key)) or self.lines.get((number, "")) or 1


def _lines(text: str) -> dict[tuple[int, str], int]:
    """Find where each key stands; tomllib does not say. A step's header has the key ''."""
    places: dict[tuple[int, str], int] = {}
    number = 0
    for line, content in enumerate(text.splitlines(), start=1):
        if content.replace(" ", "").startswith("[[step]]"):
            number += 1
            places[number, ""] = line
        elif match := _KEY.match(content):
            places.setdefault((number, match["key"]), line)
    return places
