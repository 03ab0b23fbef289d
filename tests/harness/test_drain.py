"""A drain is certified only if it certainly read all there was."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import drain as drain_module
from harness.drain import drain_queue, dump_all
from harness.operations import Operations
from harness.world import Pulled
from histories.op import Op


class Tape:
    def __init__(self) -> None:
        self.ops: list[Op] = []

    def record(self, **fields: Any) -> Op:
        self.ops.append(Op(index=len(self.ops), **fields))
        return self.ops[-1]


class Queue:
    """An operator on one queue that holds these offsets, and answers a few at a time."""

    def __init__(self, offsets: list[int], *, batch: int = 3, grows: bool = False) -> None:
        self.offsets, self.batch, self.grows = offsets, batch, grows
        self.min = offsets[0] if offsets else 0
        self.max = offsets[-1] + 1 if offsets else 0

    async def pull(self, topic: str, queue: int, offset: int, node: str) -> Pulled:
        if self.grows:
            self.max += 1
            self.offsets.append(self.max - 1)
        if offset < self.min:
            return Pulled([], self.min, self.max, self.min)
        found = [[at, f"0-{at}", 1] for at in self.offsets if at >= offset][: self.batch]
        return Pulled(found, self.min, self.max, found[-1][0] + 1 if found else offset)

    async def dump(self, node: str) -> Mapping[str, Any]:
        if node == "slave":
            raise ConnectionRefusedError("the slave is down")
        return {"end": 5}


class Poisoned(Queue):
    """A queue some of whose records nobody can read."""

    def __init__(self, count: int, *bad: int) -> None:
        super().__init__([at for at in range(count) if at not in bad])
        self.min, self.max, self.bad = 0, count, bad

    async def pull(self, topic: str, queue: int, offset: int, node: str) -> Pulled:
        if offset in self.bad:
            why = "expected records, got 9 bytes: no record"
            return Pulled([], self.min, self.max, offset + 1, unreadable=why)
        before_bad = min((at for at in self.bad if at > offset), default=self.max)
        pulled = await super().pull(topic, queue, offset, node)
        return replace(pulled, messages=[one for one in pulled.messages if one[0] < before_bad])


def drained(queue: Any) -> list[Op]:
    tape = Tape()
    asyncio.run(drain_queue(queue, Operations(tape, 7), "T", 0, "master"))
    return tape.ops


@given(st.integers(0, 1000), st.integers(0, 40), st.integers(1, 7))
def test_a_queue_that_stands_still_is_read_whole_and_certified(
    first: int, count: int, batch: int
) -> None:
    offsets = list(range(first, first + count)) if count else []

    *_, last = drained(Queue(offsets, batch=batch))

    assert last.certified is True
    assert [message[0] for message in last.value] == offsets
    assert (last.min_offset, last.max_offset) == (
        offsets[0] if offsets else 0,
        len(offsets) and first + count,
    )


def test_a_hole_is_not_certified() -> None:
    *_, last = drained(Queue([3, 4, 6, 7]))

    assert last.certified is False
    assert [message[0] for message in last.value] == [3, 4, 6, 7]


@pytest.mark.parametrize("bad", [0, 2, 4, 6])
def test_a_bad_record_is_an_op_that_fails_and_the_drain_goes_on_behind_it(bad: int) -> None:
    ops = drained(Poisoned(7, bad))

    (failed,) = [op for op in ops if op.type == "fail"]
    assert (failed.queue_offset, failed.error) == (bad, "expected records, got 9 bytes: no record")
    read = [message[0] for op in ops if op.type == "ok" for message in op.value]
    assert read == [at for at in range(7) if at != bad]
    assert [op.certified for op in ops if op.type == "ok"][-1] is False
    assert [op.type == "invoke" for op in ops] == [True, False] * (len(ops) // 2)


def test_a_node_that_gives_nothing_but_bad_records_is_left_alone() -> None:
    ops = drained(Poisoned(1000, *range(1000)))

    assert len([op for op in ops if op.type == "fail"]) == drain_module.UNREADABLE_MAX + 1
    assert (ops[-1].type, ops[-1].certified) == ("ok", False)


def test_a_queue_that_gives_nothing_before_its_end_is_not_certified() -> None:
    """A broker that says it has more and hands nothing out must not hang the drain either."""
    queue = Queue([0, 1, 2])
    queue.max = 9

    *_, last = drained(queue)

    assert last.certified is False
    assert last.max_offset == 9


def test_a_queue_that_still_grows_is_not_certified(monkeypatch: Any) -> None:
    queue = Queue(list(range(10)), batch=50)
    calls = 0
    still = queue.pull

    async def pull(topic: str, queue_id: int, offset: int, node: str) -> Pulled:
        nonlocal calls
        calls += 1
        if calls == 2:
            queue.offsets.append(10)
            queue.max = 11
        return await still(topic, queue_id, offset, node)

    queue.pull = pull  # type: ignore[method-assign]

    *_, last = drained(queue)

    assert last.certified is False


def test_a_long_queue_is_many_ops_of_bounded_size(monkeypatch: Any) -> None:
    """Eight hours of messages must not become one line of the history."""
    monkeypatch.setattr(drain_module, "OP_MESSAGES_MAX", 10)

    ops = drained(Queue(list(range(95)), batch=4))

    completions = [op for op in ops if op.type == "ok"]
    assert len(completions) > 5
    assert all(len(op.value) < 10 + 4 for op in completions)
    assert [op.certified for op in completions] == [False] * (len(completions) - 1) + [True]
    assert [message[0] for op in completions for message in op.value] == list(range(95))
    assert [op.type for op in ops] == ["invoke", "ok"] * len(completions)


def test_a_node_that_cannot_be_read_is_a_failed_op_and_a_problem() -> None:
    tape = Tape()
    operations = Operations(tape, 7)

    asyncio.run(dump_all(Queue([]), operations))

    assert [(op.type, op.node) for op in tape.ops] == [
        ("invoke", "master"),
        ("ok", "master"),
        ("invoke", "slave"),
        ("fail", "slave"),
    ]
    assert operations.problems == ["dump of slave: ConnectionRefusedError: the slave is down"]
