"""What is shrunk still fails, and nothing more can be left out of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkers.verdict import Validity
from harness import replay
from harness.cli import EXIT_USAGE, run_command
from harness.options import RunOptions
from harness.replay import Outcome
from harness.shrinking.case import Case
from harness.shrinking.ddmin import ddmin, least
from harness.shrinking.shrinker import Shrinker
from harness.shrinking.story import Story, StoryError
from harness.shrinking.trials import Trials
from harness.simulated.folder import write_simulated
from harness.simulated.run import simulate
from harness.simulated.swarm import options_of_seed
from harness.store.folder import RunFolder, write_json
from nemesis.faults import Fault, Step
from nemesis.schedules import Schedule


@given(st.lists(st.integers(0, 30), unique=True, max_size=16), st.data())
@settings(max_examples=60)
def test_ddmin_leaves_exactly_what_is_needed(items: list[int], data: st.DataObject) -> None:
    needed = data.draw(st.lists(st.sampled_from(items), unique=True) if items else st.just([]))

    found = ddmin(items, lambda kept: all(item in kept for item in needed))

    assert found == [item for item in items if item in needed]


@given(st.sets(st.frozensets(st.integers(0, 7), min_size=1), min_size=1, max_size=4))
@settings(max_examples=60)
def test_ddmin_is_one_minimal_whatever_fails(causes: set[frozenset[int]]) -> None:
    """Several causes, and a test that is not monotone: an odd rest hides a failure."""

    def fails(kept: list[int]) -> bool:
        return any(cause <= set(kept) for cause in causes) and (len(kept) != 3)

    found = ddmin(range(8), fails)

    assert fails(found)
    assert not any(fails(found[:place] + found[place + 1 :]) for place in range(len(found)))


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
@settings(max_examples=60)
def test_least_finds_the_threshold(low: int, more: int, threshold: int) -> None:
    high = low + more
    found = least(low, high, lambda number: number >= threshold or number == high)
    assert found == min(max(low, threshold), high)


def test_the_lowest_is_asked_first() -> None:
    asked: list[int] = []
    assert least(3, 1000, lambda number: asked.append(number) is None) == 3
    assert asked == [3]


def step(name: str, at_ms: int, until_ms: int, after: int = 0) -> Step:
    return Step(at_ms, until_ms, Fault(name, "kill", (name,)), after=after)


def case_of(*steps: Step, limit_ms: int = 10_000) -> Case:
    options = RunOptions(
        seed=1, world="simulated", time_limit_s=limit_ms / 1000, rate=80, concurrency=6, queues=4
    )
    return Case(options, Schedule(steps, limit_ms, limit_ms - 1000))


def test_a_case_shrinks_to_its_cause() -> None:
    """Fails if b is on for a second or longer, with two clients or more."""
    first = case_of(step("a", 1000, 3000), step("b", 3500, 6500), step("c", 7000, 9000))

    def fails(case: Case) -> bool:
        assert case.schedule.problems() == []
        assert case.options.time_limit_s * 1000 == case.schedule.time_limit_ms
        holds = {one.fault.name: one.until_ms - one.at_ms for one in case.schedule.steps}
        return holds.get("b", 0) >= 1000 and case.options.concurrency >= 2

    smallest = Shrinker(first, fails, tries_max=500).run()

    (only,) = smallest.schedule.steps
    assert (only.fault.name, only.at_ms, only.until_ms) == ("b", 250, 1250)
    assert smallest.options.concurrency == 2
    assert smallest.options.queues == 1
    assert smallest.options.rate == 5
    assert smallest.schedule.time_limit_ms == 1750


def test_no_case_is_asked_twice_and_no_more_than_allowed() -> None:
    asked: list[Case] = []

    def fails(case: Case) -> bool:
        assert case not in asked
        asked.append(case)
        return len(case.schedule.steps) >= 2

    steps = [step(name, 1000 * place, 1000 * place + 500) for place, name in enumerate("abcdef", 1)]
    shrinker = Shrinker(case_of(*steps), fails, tries_max=7)
    shrinker.run()

    assert len(asked) == shrinker.tries == 7


def test_a_step_goes_with_its_anchor_and_numbers_follow() -> None:
    case = case_of(step("a", 1000, 2000), step("b", 2000, 3000), step("c", 100, 600, after=2))

    assert [one.after for one in case.with_steps([2, 3]).schedule.steps] == [0, 1]
    assert [one.fault.name for one in case.with_steps([1, 3]).schedule.steps] == ["a"]


def test_a_story_is_read_as_it_was_written() -> None:
    story = Story("a sentence", case_of(step("a", 1000, 2000)), "invalid", "lost")
    assert Story.from_json(story.to_json()) == story

    with pytest.raises(StoryError, match="expected a story"):
        Story.from_json(b'{"title": "no more"}')


class Played:
    """Plays that take ten seconds each and show the anomaly as told."""

    def __init__(self, *shows: bool) -> None:
        self.now, self.shows = 0.0, list(shows)

    def __call__(self, _options: RunOptions, _schedule: Schedule) -> Outcome:
        self.now += 10
        return Outcome(Validity.INVALID, ("lost",) if self.shows.pop(0) else ())

    def trials(self, repeats: int, budget_s: float = 1000) -> Trials:
        return Trials(self, "lost", repeats, budget_s, now_s=lambda: self.now)


@pytest.mark.parametrize(
    ("shows", "fails"),
    [
        ((True, True), True),
        ((True, False, True), True),
        ((False, False), False),
        ((True, False, False), False),
    ],
)
def test_a_case_fails_if_half_of_its_plays_do_and_no_more_are_played(
    shows: tuple[bool, ...], fails: bool
) -> None:
    played = Played(*shows)

    assert played.trials(repeats=3).fails(case_of()) is fails
    assert played.shows == []


def test_a_play_that_breaks_shows_nothing_and_the_search_goes_on() -> None:
    broken: list[Exception] = []

    def play(options: RunOptions, schedule: Schedule) -> Outcome:
        if not schedule.steps:
            raise OSError("no such node")
        return Outcome(Validity.INVALID, ("lost",))

    trials = Trials(play, "lost", 1, 1000, on_broken=broken.append)
    shrinker = Shrinker(case_of(step("a", 1000, 2000)), trials.fails, tries_max=50)

    assert [one.fault.name for one in shrinker.run().schedule.steps] == ["a"]
    assert str(broken[0]) == "no such node"


def test_a_search_ends_when_its_budget_is_spent() -> None:
    played = Played(*[True] * 20)
    trials = played.trials(repeats=1, budget_s=45)
    steps = [step(name, 1000 * place, 1000 * place + 500) for place, name in enumerate("abcdef", 1)]

    Shrinker(case_of(*steps), trials.fails, tries_max=500).run()

    assert played.now == 50, "what was under way is played to its end, and nothing after it"
    assert len(trials.shown) == 1


@pytest.mark.parametrize(
    ("mutant", "anomaly", "faults"),
    [
        ("double-append", "duplicated", []),  # the bug needs no fault at all
        ("recover-one-record-short", "diverged", ["kill-master"]),
    ],
)
def test_a_failure_from_the_command_line_becomes_a_story_that_a_test_can_play(
    mutant: str, anomaly: str, faults: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, story_file = tmp_path / "run", tmp_path / "stories" / "small.json"
    simulated = ["simulate", "--seed", "1", "--mutant", mutant, "--rate", "30"]
    assert run_command([*simulated, "--out", str(folder)]) == 1
    capsys.readouterr()

    arguments = ["shrink", str(folder), "--anomaly", anomaly, "--tries", "30"]
    assert run_command([*arguments, "--out", str(story_file)]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert f"{anomaly} in 1 of 1 of its replays" in lines
    assert all(len(line) <= 80 for line in lines if str(tmp_path) not in line)
    story = Story.from_json(story_file.read_bytes())
    assert (story.anomaly, story.case.options.mutant) == (anomaly, mutant)
    assert [step.fault.name for step in story.case.schedule.steps] == faults
    assert story.case.options.concurrency == 1
    assert anomaly in Outcome.of(simulate(story.case.options, story.case.schedule).judgement).broken
    assert run_command(["replay", str(folder / "shrunk")]) == 1


def test_a_signal_ends_the_search_and_leaves_the_smallest_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = case_of(step("a", 1000, 2000), step("b", 3000, 4000))
    folder = RunFolder(tmp_path)
    write_json(folder.test_json, replace(first.options, world="local").to_json())
    folder.schedule.write_bytes(first.schedule.to_json())
    anomalies = {"lost": {"validity": "invalid"}}
    write_json(folder.results, {"validity": "invalid", "anomalies": anomalies})
    plays = 0

    def play(_options: RunOptions, schedule: Schedule) -> Outcome:
        nonlocal plays
        plays += 1
        if plays == 4:
            raise KeyboardInterrupt
        broken = ("lost",) if schedule.steps else ()
        return Outcome(Validity.INVALID, broken)

    monkeypatch.setattr(replay, "player", lambda _out: play)

    assert run_command(["shrink", str(tmp_path), "--times", "1"]) == 0

    said = capsys.readouterr().out
    assert "stopped: this is the smallest so far" in said
    assert "lost in 1 of 1 of its replays" in said
    shrunk = replay.stored_run(RunFolder(tmp_path / "shrunk"))
    assert [one.fault.name for one in shrunk.schedule.steps] == ["b"]


def test_a_valid_run_cannot_be_shrunk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = replace(options_of_seed(5), nemeses=(), time_limit_s=2.0, concurrency=2, rate=20.0)
    folder = write_simulated(simulate(options), tmp_path)

    assert run_command(["shrink", str(folder.path)]) == EXIT_USAGE
    assert "expected a run that broke a promise" in capsys.readouterr().err
