"""What the slave decides: whom it follows, what it takes, and what it says it has."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from broker.ha.frames import Batch
from broker.ha.handshake import Answer, Outcome
from broker.ha.slave import (
    Append,
    Ask,
    Dial,
    Drop,
    Effect,
    Following,
    Master,
    SendReport,
    SlaveReplication,
    SlaveTimes,
)

TIMES = SlaveTimes(reconnect_ms=5000, heartbeat_ms=5000, housekeeping_ms=20_000)
MASTER = Master("m:1", "m:2")
OTHER = Master("n:1", "n:2")
PROVEN = Answer(Outcome.PROVEN, token=7, incarnation=3)


def asking(end: int = 0) -> SlaveReplication:
    core = SlaveReplication(TIMES, end)
    assert core.on_master(MASTER, 0) == [Drop("another master"), Ask(1, "m:1", 0)]
    return core


def copying(end: int = 0) -> SlaveReplication:
    core = asking(end)
    assert core.on_answer(1, PROVEN, 0) == [Dial(1, "m:2", 7)]
    assert core.on_connected(1, 0) == [SendReport(end)]
    return core


def test_it_is_proven_before_it_dials_and_reports_at_once() -> None:
    """RocketMQ's slave says its first word after five seconds, and proves nothing."""
    core = copying(10)

    assert core.state is Following.COPYING
    assert core.incarnation == 3


def test_what_continues_the_log_is_appended_and_reported() -> None:
    core = copying(10)
    batch = Batch(10, b"abc")

    assert core.on_batch(1, batch, 1) == [Append(1, batch)]
    assert core.on_appended(1, 13, 1) == [SendReport(13)]
    assert core.on_batch(1, Batch(13, b""), 2) == []


@pytest.mark.parametrize("offset", [9, 11])
def test_what_does_not_continue_the_log_is_refused(offset: int) -> None:
    core = copying(10)

    assert core.on_batch(1, Batch(offset, b"abc"), 1) == [
        Drop(f"expected bytes from 10, found a batch at {offset}")
    ]
    assert core.state is Following.WAITING
    assert core.on_tick(5000) == []
    assert core.on_tick(5001) == [Ask(2, "m:1", 0)]


def test_an_empty_log_may_begin_where_the_masters_does() -> None:
    core = copying(0)
    batch = Batch(4096, b"abc")

    assert core.on_batch(1, batch, 1) == [Append(1, batch)]


def test_a_diverged_slave_takes_nothing_but_asks_again() -> None:
    """The master may be rebuilt from the slave's own store."""
    core = asking(10)

    assert core.on_answer(1, Answer(Outcome.DIVERGED, why="ahead"), 0) == [Drop("ahead")]
    assert (core.state, core.why) == (Following.DIVERGED, "ahead")
    assert core.on_batch(1, Batch(10, b"abc"), 1) == []
    assert core.on_tick(4999) == []
    assert core.on_tick(5000) == [Ask(2, "m:1", 0)]
    assert core.on_answer(2, PROVEN, 5000) == [Dial(2, "m:2", 7)]


def test_a_tail_that_is_too_long_is_shown_again_shortened() -> None:
    core = asking(10)

    assert core.on_answer(1, Answer(Outcome.SHORTEN, min_offset=4), 0) == [Ask(2, "m:1", 4)]


@pytest.mark.parametrize(
    "event",
    [
        lambda core: core.on_answer(1, None, 10),
        lambda core: [*core.on_answer(1, PROVEN, 10)[1:], *core.on_lost(1, "refused", 10)],
        lambda core: [
            *core.on_answer(1, PROVEN, 10)[1:],
            *core.on_connected(1, 10)[1:],
            *core.on_lost(1, "reset", 10),
        ],
    ],
    ids=["no answer", "not connected", "lost"],
)
def test_a_failure_is_waited_out(event: object) -> None:
    core = asking()

    (drop,) = event(core)  # type: ignore[operator]

    assert isinstance(drop, Drop)
    assert core.state is Following.WAITING
    assert core.next_tick_ms() == 5010
    assert core.on_tick(5010) == [Ask(2, "m:1", 0)]


def test_what_an_older_attempt_brings_is_ignored() -> None:
    core = copying(10)
    core.on_master(OTHER, 1)

    assert core.on_batch(1, Batch(10, b"abc"), 2) == []
    assert core.on_lost(1, "reset", 2) == []
    assert core.on_answer(1, PROVEN, 2) == []
    assert core.on_connected(1, 2) == []
    assert (core.state, core.attempt) == (Following.ASKING, 2)


def test_what_was_appended_counts_whatever_became_of_the_connection() -> None:
    core = copying(10)
    core.on_lost(1, "reset", 1)

    assert core.on_appended(1, 13, 2) == []
    assert core.end == 13


def test_a_name_server_that_knows_no_master_changes_nothing() -> None:
    core = copying()

    assert core.on_master(None, 1) == []
    assert core.on_master(MASTER, 1) == []
    assert core.state is Following.COPYING


def test_a_silent_master_is_given_up_by_what_was_read() -> None:
    """RocketMQ looks at what it wrote itself (guarantees, defect 5)."""
    core = copying(10)
    for now in (5000, 10_000, 15_000):
        assert core.on_tick(now) == [SendReport(10)]

    assert core.on_tick(20_000) == [Drop("nothing read for 20000 ms")]


def test_a_heartbeat_is_a_sign_of_life() -> None:
    core = copying(10)
    core.on_batch(1, Batch(10, b""), 19_000)
    core.on_tick(19_000)

    assert core.on_tick(20_000) == []
    assert core.next_tick_ms() == 24_000


def test_an_operators_resynchronisation_begins_anew() -> None:
    core = copying(10)

    assert core.on_resync() == [Drop("an operator's resynchronisation")]
    assert core.on_tick(99_999) == []
    assert core.on_master(OTHER, 0) == []
    assert core.on_resynced(4, 5) == [Ask(3, "n:1", 0)]
    assert core.end == 4


class SlaveMachine(RuleBasedStateMachine):
    """Any events in any order, and a model of what the log must hold.

    The log is only ever continued, a report never says more than the log has, and whatever goes
    wrong there is always a next step: a timer, an answer or an event that is awaited.
    """

    def __init__(self) -> None:
        super().__init__()
        self.core = SlaveReplication(TIMES)
        self.now = 0.0
        self.end = 0
        self.expected: Effect | None = None  # the one thing under way
        self.unwritable = False  # the disk does not take the next bytes

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Append() if self.unwritable:
                    self.unwritable = False
                    self.carry_out(self.core.on_lost(effect.attempt, "EIO", self.now))
                case Append():
                    assert self.end in (0, effect.batch.offset)
                    self.end = effect.batch.offset + len(effect.batch.body)
                    self.carry_out(self.core.on_appended(effect.attempt, self.end, self.now))
                case SendReport():
                    assert effect.end == self.end
                case Ask() | Dial():
                    self.expected = effect
                case Drop():
                    self.expected = None

    @rule(master=st.sampled_from([MASTER, OTHER, None]))
    def learn_master(self, master: Master | None) -> None:
        self.carry_out(self.core.on_master(master, self.now))

    @precondition(lambda self: isinstance(self.expected, Ask))
    @rule(outcome=st.sampled_from([*Outcome, None]), late=st.booleans())
    def answer(self, outcome: Outcome | None, late: bool) -> None:
        assert isinstance(self.expected, Ask)
        answer = Answer(outcome, 7) if outcome else None
        attempt = self.expected.attempt - late
        self.carry_out(self.core.on_answer(attempt, answer, self.now))

    @precondition(lambda self: isinstance(self.expected, Dial))
    @rule(succeeds=st.booleans())
    def dial(self, succeeds: bool) -> None:
        assert isinstance(self.expected, Dial)
        attempt, self.expected = self.expected.attempt, None
        if succeeds:
            self.carry_out(self.core.on_connected(attempt, self.now))
        else:
            self.carry_out(self.core.on_lost(attempt, "refused", self.now))

    @rule(shift=st.sampled_from([0, 0, 0, 0, 5, -1]), size=st.integers(0, 9))
    def receive(self, shift: int, size: int) -> None:
        batch = Batch(max(0, self.end + shift), b"x" * size)
        self.carry_out(self.core.on_batch(self.core.attempt, batch, self.now))

    @rule()
    def break_disk(self) -> None:
        self.unwritable = True

    @rule()
    def lose(self) -> None:
        self.carry_out(self.core.on_lost(self.core.attempt, "reset", self.now))

    @rule(keep=st.integers(0, 50))
    def resync(self, keep: int) -> None:
        self.carry_out(self.core.on_resync())
        self.end = min(self.end, keep)
        self.carry_out(self.core.on_resynced(self.end, self.now))

    @rule(ms=st.integers(1, 30_000))
    def pass_time(self, ms: int) -> None:
        self.now += ms
        self.carry_out(self.core.on_tick(self.now))

    @invariant()
    def it_knows_its_own_end(self) -> None:
        assert self.core.end == self.end

    @invariant()
    def there_is_always_a_next_step(self) -> None:
        match self.core.state:
            case Following.IDLE:
                assert self.core.master is None
            case Following.ASKING:
                assert isinstance(self.expected, Ask)
            case Following.DIALLING:
                assert isinstance(self.expected, Dial)
            case _:
                assert self.core.next_tick_ms() is not None


TestSlaveMachine = SlaveMachine.TestCase
TestSlaveMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
