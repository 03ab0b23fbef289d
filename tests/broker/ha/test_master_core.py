"""What the master decides: whom it feeds, what it counts, and when a producer is told."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from broker.ha.frames import Report, Token
from broker.ha.master import (
    Close,
    Effect,
    Heartbeat,
    MasterReplication,
    Release,
    ReplicationTimes,
    Ship,
)
from broker.remoting.codes import SendStatus

TIMES = ReplicationTimes(
    slave_timeout_ms=3000,
    heartbeat_ms=5000,
    housekeeping_ms=20_000,
    batch_size=100,
    fallbehind_max=1000,
)
OK, TIMEOUT, ALONE = (
    SendStatus.SEND_OK,
    SendStatus.FLUSH_SLAVE_TIMEOUT,
    SendStatus.SLAVE_NOT_AVAILABLE,
)


def master(end: int = 250, min_offset: int = 0) -> MasterReplication:
    core = MasterReplication(TIMES)
    assert core.on_written(end, min_offset) == []
    return core


def fed(end: int = 250, slave_end: int = 250) -> MasterReplication:
    """A master with one proven slave on connection 1."""
    core = master(end)
    core.on_proven("slave", slave_end, token=7)
    core.on_connected(1, 0)
    assert core.on_word(1, Token(7), 0) == []
    core.on_word(1, Report(slave_end), 0)
    return core


def reasons(effects: list[Effect]) -> list[str]:
    return [effect.why for effect in effects if isinstance(effect, Close)]


def test_a_proven_slave_gets_the_log_from_its_end_in_batches() -> None:
    core = master(250)
    core.on_proven("slave", 10, token=7)
    core.on_connected(1, 0)

    assert core.on_word(1, Token(7), 0) == []
    assert core.on_word(1, Report(10), 0) == [Ship(1, 10, 100)]
    assert core.on_shipped(1, 100, 1) == [Ship(1, 110, 100)]
    assert core.on_shipped(1, 40, 1) == [Ship(1, 150, 100)]  # cut at a file's end
    assert core.on_shipped(1, 100, 1) == []
    assert core.on_written(260, 0) == [Ship(1, 250, 10)]


def test_an_empty_slave_gets_the_whole_log() -> None:
    """RocketMQ begins with the file that holds the end (guarantees, defect 3)."""
    core = master(250, min_offset=60)
    core.on_proven("slave", 0, token=7)
    core.on_connected(1, 0)
    core.on_word(1, Token(7), 0)

    assert core.on_word(1, Report(0), 0) == [Ship(1, 60, 100)]


def test_bytes_from_anyone_else_count_for_nothing() -> None:
    """A port scanner's eight bytes make RocketMQ answer SEND_OK (guarantees, defect 10)."""
    core = master(250)
    core.on_connected(1, 0)

    assert reasons(core.on_word(1, Report(250), 0)) == ["a report (250) without a token"]
    assert core.mark is None
    assert core.on_waiting(1, 250, 0) == [Release(1, ALONE)]


@pytest.mark.parametrize(
    ("word", "why"),
    [
        (Token(8), "a token that was not given out, or was used before"),
        (Report(11), "a report (11) without a token"),
    ],
)
def test_a_stranger_is_shown_the_door(word: Token | Report, why: str) -> None:
    core = master()
    core.on_proven("slave", 10, token=7)
    core.on_connected(1, 0)

    assert reasons(core.on_word(1, word, 0)) == [why]
    assert core.on_word(1, Report(10), 0) == []


def test_a_token_opens_one_stream_from_one_offset() -> None:
    core = master()
    core.on_proven("slave", 10, token=7)
    core.on_connected(1, 0)
    core.on_word(1, Token(7), 0)
    core.on_connected(2, 0)

    assert reasons(core.on_word(2, Token(7), 0)) == [
        "a token that was not given out, or was used before"
    ]
    assert reasons(core.on_word(1, Report(11), 0)) == ["expected 10 as proven, found 11"]
    assert core.mark is None


def test_a_plain_slave_is_accepted_only_where_that_was_asked_for() -> None:
    core = MasterReplication(ReplicationTimes(accept_plain_slave=True, batch_size=100))
    core.on_written(250, 0)
    core.on_connected(1, 0)
    core.on_connected(2, 0)

    assert core.on_word(1, Report(200), 0) == [Ship(1, 200, 50)]
    assert reasons(core.on_word(2, Report(251), 0)) == ["reported 251, beyond our end 250"]
    assert core.mark == 200


def test_a_slaves_newer_connection_ends_its_older_one() -> None:
    core = fed()
    core.on_proven("slave", 250, token=9)
    core.on_connected(2, 5)

    assert core.on_word(2, Token(9), 5) == [Close(1, "the slave has a newer connection")]
    assert core.mark is None


@pytest.mark.parametrize("offset", [9, 111])
def test_a_report_that_cannot_be_true_ends_the_connection(offset: int) -> None:
    core = fed(250, slave_end=10)
    core.on_shipped(1, 100, 0)

    assert reasons(core.on_word(1, Report(offset), 0)) == [
        f"expected a report from 10 to 110, found {offset}"
    ]
    assert core.mark is None


def test_a_producer_is_told_when_the_slave_has_its_record() -> None:
    core = fed()
    core.on_written(300, 0)

    assert core.on_waiting(1, 280, 0) == []
    assert core.on_waiting(2, 300, 0) == []
    core.on_shipped(1, 50, 1)
    assert core.on_word(1, Report(290), 2) == [Release(1, OK)]
    assert core.on_word(1, Report(300), 3) == [Release(2, OK)]
    assert core.on_waiting(3, 300, 4) == [Release(3, OK)]


def test_a_producer_is_told_when_time_is_up_and_not_before() -> None:
    core = fed()
    core.on_waiting(1, 300, 1000)

    assert core.next_tick_ms() == 4000
    assert core.on_tick(3999) == []
    assert core.on_tick(4000) == [Release(1, TIMEOUT)]
    assert core.next_tick_ms() == 5000


def test_one_late_producer_does_not_hold_up_another() -> None:
    """RocketMQ serves its waiters one by one (guarantees, defect 4)."""
    core = fed()
    core.on_written(400, 0)
    core.on_waiting(1, 400, 0)
    core.on_waiting(2, 300, 0)
    core.on_shipped(1, 100, 0)

    assert core.on_word(1, Report(300), 1) == [Release(2, OK)]


def test_nobody_waits_for_a_slave_that_is_too_far_behind() -> None:
    core = fed(5000, slave_end=10)

    assert core.on_waiting(1, 1009, 0) == []
    assert core.on_waiting(2, 1010, 0) == [Release(2, ALONE)]


def test_the_mark_goes_with_its_connection() -> None:
    """RocketMQ keeps it, and acknowledges what a slave that came back empty has lost."""
    core = fed()
    assert core.mark == 250

    core.on_disconnected(1)

    assert core.mark is None
    assert core.on_waiting(1, 100, 0) == [Release(1, ALONE)]


def test_a_producer_may_still_be_served_by_the_slaves_next_connection() -> None:
    core = fed()
    core.on_written(300, 0)
    core.on_waiting(1, 300, 0)
    core.on_disconnected(1)
    core.on_proven("slave", 300, token=9)
    core.on_connected(2, 5)
    core.on_word(2, Token(9), 5)

    assert core.on_word(2, Report(300), 5) == [Release(1, OK)]


def test_silence_is_broken_and_punished() -> None:
    core = fed()

    assert core.on_tick(5000) == [Heartbeat(1, 250)]
    core.on_heartbeat_sent(1, 5000)
    assert core.next_tick_ms() == 10_000
    core.on_word(1, Report(250), 9000)
    assert core.on_tick(28_999) == [Heartbeat(1, 250)]
    assert reasons(core.on_tick(29_000)) == ["nothing read for 20000 ms"]
    assert core.next_tick_ms() is None


def test_a_diverged_slave_is_cut_off_and_its_tokens_are_void() -> None:
    core = fed()
    core.on_proven("slave", 250, token=9)

    assert core.on_diverged("slave", "ahead") == [Close(1, "diverged: ahead")]
    assert core.diverged == {"slave": "ahead"}
    core.on_connected(2, 0)
    assert len(reasons(core.on_word(2, Token(9), 0))) == 1
    core.on_proven("slave", 10, token=10)
    assert core.diverged == {}


def test_bytes_that_have_expired_end_the_connection() -> None:
    core = fed(250, slave_end=10)

    assert reasons(core.on_shipped(1, 0, 0)) == ["nothing to send at 10: it has expired"]


def test_bytes_that_cannot_be_read_end_the_connection_and_may_be_asked_for_again() -> None:
    """Else the slave would wait for a batch that never comes, and get no heartbeat either."""
    core = fed(250, slave_end=10)

    (why,) = reasons(core.on_unreadable(1, "EIO"))
    assert "EIO" in why
    assert core.on_unreadable(1, "EIO") == []


class MasterMachine(RuleBasedStateMachine):
    """Any mix of slaves, producers and silence, against a model that only keeps the truth.

    The model knows what each slave really has. Whatever happens, a producer that was told SEND_OK
    had its record on a slave, each is told once, and nobody waits beyond slaveTimeout.
    """

    def __init__(self) -> None:
        super().__init__()
        self.core = MasterReplication(TIMES)
        self.now = 0.0
        self.end = 0
        self.connections = 0
        self.tickets = 0
        self.has: dict[int, int] = {}  # connection -> what its slave really has
        self.wire: dict[int, int] = {}  # connection -> what was shipped to it
        self.told: dict[int, SendStatus] = {}
        self.waits: dict[int, tuple[int, float]] = {}  # ticket -> (end, deadline)
        self.unreadable = False  # the disk does not give the next bytes

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Ship() if self.unreadable:
                    self.unreadable = False
                    self.carry_out(self.core.on_unreadable(effect.connection, "EIO"))
                case Ship():
                    assert effect.offset == self.wire[effect.connection]
                    size = min(effect.size, 60)
                    assert effect.offset + size <= self.end
                    self.wire[effect.connection] += size
                    self.carry_out(self.core.on_shipped(effect.connection, size, self.now))
                case Heartbeat():
                    self.core.on_heartbeat_sent(effect.connection, self.now)
                case Close():
                    self.has.pop(effect.connection, None)
                    self.wire.pop(effect.connection, None)
                case Release():
                    end, _ = self.waits.pop(effect.ticket)
                    if effect.status is OK:
                        assert max(self.has.values()) >= end
                    self.told[effect.ticket] = effect.status

    @rule(size=st.integers(1, 300))
    def write(self, size: int) -> None:
        self.end += size
        self.carry_out(self.core.on_written(self.end, 0))

    @rule()
    def break_disk(self) -> None:
        self.unreadable = True

    @rule(back=st.integers(0, 200))
    def wait(self, back: int) -> None:
        self.tickets += 1
        end = max(0, self.end - back)
        self.waits[self.tickets] = (end, self.now + TIMES.slave_timeout_ms)
        self.carry_out(self.core.on_waiting(self.tickets, end, self.now))

    @rule(slave=st.sampled_from("ab"), behind=st.integers(0, 300))
    def connect(self, slave: str, behind: int) -> None:
        self.connections += 1
        connection, end = self.connections, max(0, self.end - behind)
        self.core.on_proven(slave, end, connection)
        self.core.on_connected(connection, self.now)
        self.carry_out(self.core.on_word(connection, Token(connection), self.now))
        self.has[connection] = self.wire[connection] = end
        self.carry_out(self.core.on_word(connection, Report(end), self.now))

    @rule(word=st.one_of(st.builds(Token, st.integers(0, 5)), st.builds(Report, st.integers(0))))
    def scan_port(self, word: Token | Report) -> None:
        self.connections += 1
        self.core.on_connected(self.connections, self.now)
        assert self.core.on_word(self.connections, word, self.now) != []

    @precondition(lambda self: self.has)
    @rule(data=st.data())
    def report(self, data: st.DataObject) -> None:
        connection = data.draw(st.sampled_from(sorted(self.has)))
        self.has[connection] = data.draw(
            st.integers(self.has[connection], self.wire[connection]), label="has"
        )
        word = Report(self.has[connection])
        self.carry_out(self.core.on_word(connection, word, self.now))

    @precondition(lambda self: self.has)
    @rule(data=st.data())
    def disconnect(self, data: st.DataObject) -> None:
        connection = data.draw(st.sampled_from(sorted(self.has)))
        del self.has[connection], self.wire[connection]
        self.core.on_disconnected(connection)

    @rule(ms=st.integers(1, 8000))
    def pass_time(self, ms: int) -> None:
        due = self.core.next_tick_ms()
        self.now = self.now + ms if due is None else min(self.now + ms, max(due, self.now))
        self.carry_out(self.core.on_tick(self.now))

    @invariant()
    def the_mark_is_true(self) -> None:
        assert self.core.mark == max(self.has.values(), default=None)

    @invariant()
    def nobody_waits_too_long_or_for_what_is_there(self) -> None:
        assert all(deadline > self.now for _, deadline in self.waits.values())
        mark = self.core.mark
        assert mark is None or all(end > mark for end, _ in self.waits.values())


TestMasterMachine = MasterMachine.TestCase
TestMasterMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
