"""One sync at a time, the waiters together, and never an ok after a failure."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from broker.store.group_commit import NEVER, Fail, GiveUp, GroupCommit, Release, Sync


def test_the_first_waiter_starts_a_sync_and_the_next_share_the_one_after() -> None:
    """A sync covers what was written before it began: the others need one more, and only one."""
    end = 100
    core: GroupCommit[str] = GroupCommit(log_end=lambda: end)

    assert core.on_wait("a", 100) == [Sync(100)]
    end = 300
    assert core.on_wait("b", 200) == []
    assert core.on_wait("c", 300) == []
    assert core.on_synced(100) == [Release("a"), Sync(300)]
    assert core.on_synced(300) == [Release("b"), Release("c")]
    assert core.on_wait("d", 300) == [Release("d")]


def test_after_a_failure_nobody_is_told_ok() -> None:
    """The system would call the next sync a success without having written the lost pages."""
    core: GroupCommit[str] = GroupCommit(log_end=lambda: 100)
    core.on_wait("a", 100)

    assert core.on_failed() == [Fail("a")]
    assert core.on_wait("b", 100) == [Fail("b")]
    assert core.on_tick() == []
    assert core.flushed == 0


def test_a_tick_syncs_what_nobody_waits_for() -> None:
    """And does nothing where nothing is dirty."""
    core: GroupCommit[str] = GroupCommit(log_end=lambda: 100)

    assert core.on_tick() == [Sync(100)]
    assert core.on_tick() == []
    assert core.on_synced(100) == []
    assert core.on_tick() == []


def test_a_tick_during_a_sync_is_not_forgotten() -> None:
    """Else the last bytes before a silence are on no disk; under SYNC_FLUSH nobody sees them."""
    end = 100
    core: GroupCommit[str] = GroupCommit(log_end=lambda: end)

    assert core.on_tick() == [Sync(100)]
    end = 200
    assert core.on_tick() == []
    assert core.on_synced(100) == [Sync(200)]
    assert core.on_synced(200) == []


class GroupCommitMachine(RuleBasedStateMachine):
    """Against the plainest model: how far the disk got, and who waits for how much."""

    def __init__(self) -> None:
        super().__init__()
        self.end = 0
        self.disk = 0
        self.failed = False
        self.target: int | None = None
        self.waiting: dict[int, int] = {}
        self.ticked = 0  # the log's end at the last tick
        self.names = 0
        self.now_ms = 0.0
        self.due_ms: dict[int, float] = {}
        self.core: GroupCommit[int] = GroupCommit(log_end=lambda: self.end)

    def carry_out(self, effects: list[object]) -> None:
        for effect in effects:
            match effect:
                case Sync(target):
                    assert self.target is None, "one sync at a time"
                    assert not self.failed, "no sync after a failed one"
                    assert target == self.end
                    self.target = target
                case Release(waiter):
                    assert self.waiting.pop(waiter) <= self.disk
                    assert not self.failed or self.disk > 0
                case Fail(waiter):
                    assert self.failed
                    del self.waiting[waiter]
                case GiveUp(waiter):
                    assert self.due_ms.get(waiter, NEVER) <= self.now_ms
                    del self.waiting[waiter]

    @rule(size=st.integers(1, 50))
    def append(self, size: int) -> None:
        self.end += size

    @precondition(lambda self: self.end > 0)
    @rule(data=st.data())
    def wait(self, data: st.DataObject) -> None:
        self.names += 1
        self.waiting[self.names] = data.draw(st.integers(1, self.end))
        due_ms = self.now_ms + data.draw(st.integers(0, 100) | st.just(NEVER))
        self.due_ms[self.names] = due_ms
        self.carry_out(self.core.on_wait(self.names, self.waiting[self.names], due_ms))

    @rule(ms=st.integers(0, 100))
    def time_passes(self, ms: int) -> None:
        self.now_ms += ms
        self.carry_out(self.core.on_time(self.now_ms))
        assert all(self.due_ms[name] > self.now_ms for name in self.waiting)
        nexts = [self.due_ms[name] for name in self.waiting if self.due_ms[name] < NEVER]
        assert self.core.next_due_ms() == min(nexts, default=None)

    @rule()
    def tick(self) -> None:
        self.ticked = self.end
        self.carry_out(self.core.on_tick())

    @precondition(lambda self: self.target is not None)
    @rule()
    def synced(self) -> None:
        self.disk, self.target = self.target, None
        self.carry_out(self.core.on_synced(self.disk))

    @precondition(lambda self: self.target is not None)
    @rule()
    def fail(self) -> None:
        self.target, self.failed = None, True
        self.carry_out(self.core.on_failed())

    @invariant()
    def flushed_is_what_the_disk_has(self) -> None:
        assert self.core.flushed == self.disk

    @invariant()
    def nobody_waits_in_vain(self) -> None:
        assert all(end > self.disk for end in self.waiting.values())
        assert not self.waiting or self.target is not None

    @invariant()
    def what_was_there_at_a_tick_is_synced(self) -> None:
        assert self.failed or self.ticked <= self.disk or self.target is not None


TestGroupCommit = GroupCommitMachine.TestCase
TestGroupCommit.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
