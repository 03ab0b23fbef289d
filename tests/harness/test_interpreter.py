"""Processes are Jepsen's: one thing at a time, and over when nobody knows how an op ended."""

import asyncio
from collections import defaultdict
from random import Random
from typing import Any

import pytest

from harness.interpreter import Interpreter, Pace
from harness.workloads.workload import Completion, Invocation
from histories.op import Op, OpType


class Tape:
    def __init__(self) -> None:
        self.ops: list[Op] = []

    def record(self, **fields: Any) -> Op:
        op = Op(index=len(self.ops), **fields)
        self.ops.append(op)
        return op


class Counting:
    """A plan that counts, and a client that ends each op as its rng says."""

    name = "counting"

    def __init__(self, outcomes: list[OpType]) -> None:
        self.outcomes = outcomes
        self.open: dict[int, int] = defaultdict(int)
        self.learned: list[Completion] = []

    def plan(self, place: int, process: int, rng: Random) -> "Counting.Plan":
        return Counting.Plan(self, process)

    async def client(self, place: int, process: int) -> "Counting.Session":
        self.open[process] += 1
        return Counting.Session(self, process, Random(process))

    class Plan:
        def __init__(self, workload: "Counting", process: int) -> None:
            self.workload, self.process, self.count = workload, process, 0

        def next(self) -> Invocation:
            self.count += 1
            return Invocation("send", {"value": f"{self.process}-{self.count}"})

        def on_completion(self, invocation: Invocation, completion: Completion) -> None:
            self.workload.learned.append(completion)

    class Session:
        def __init__(self, workload: "Counting", process: int, rng: Random) -> None:
            self.workload, self.process, self.rng = workload, process, rng

        async def invoke(self, invocation: Invocation) -> Completion:
            await asyncio.sleep(0)
            return Completion(self.rng.choice(self.workload.outcomes))

        async def close(self) -> None:
            self.workload.open[self.process] -= 1


def interpreter(workload: Any, tape: Tape, **options: Any) -> Interpreter:
    settings = {"concurrency": 3, "rate": 5000.0, "seed": 1, "timeout_ms": 1000} | options
    return Interpreter(workload=workload, recorder=tape, **settings)


async def test_a_process_does_one_thing_at_a_time_and_ends_with_an_info() -> None:
    workload, tape = Counting([OpType.OK, OpType.OK, OpType.FAIL, OpType.INFO]), Tape()

    await interpreter(workload, tape).run(time_limit_s=0.1)

    by_process: dict[Any, list[str]] = defaultdict(list)
    for op in tape.ops:
        by_process[op.process].append(op.type)
    assert len(by_process) > 6
    for types in by_process.values():
        assert types[0::2] == ["invoke"] * len(types[0::2])
        assert "info" not in types[:-1]
        assert "invoke" not in types[1::2]


async def test_a_new_process_takes_the_place_of_one_that_is_over() -> None:
    workload, tape = Counting([OpType.INFO]), Tape()

    await interpreter(workload, tape).run(time_limit_s=0.05)

    numbers = sorted({op.process for op in tape.ops})
    assert len(numbers) > 6
    for place in range(3):
        of_place = [number for number in numbers if number % 3 == place]
        assert of_place == list(range(place, of_place[-1] + 1, 3))


async def test_every_client_is_closed_when_the_run_is_over() -> None:
    workload, tape = Counting([OpType.OK, OpType.INFO]), Tape()

    await interpreter(workload, tape).run(time_limit_s=0.05)

    assert workload.open
    assert set(workload.open.values()) == {0}


async def test_a_plan_learns_every_completion_but_the_one_that_ends_it() -> None:
    workload, tape = Counting([OpType.OK, OpType.FAIL, OpType.INFO]), Tape()

    await interpreter(workload, tape).run(time_limit_s=0.05)

    told = [completion.type.word for completion in workload.learned]
    assert sorted(told) == sorted(op.type for op in tape.ops if op.type in ("ok", "fail"))


async def test_an_op_that_outlasts_its_time_out_is_info() -> None:
    """Cancelling does not take a request back from the wire."""

    class Silent(Counting):
        async def client(self, place: int, process: int) -> Any:
            session = await super().client(place, process)
            session.invoke = lambda _invocation: asyncio.sleep(60)
            return session

    tape = Tape()
    await interpreter(Silent([OpType.OK]), tape, timeout_ms=20).run(time_limit_s=0.1)

    completions = [op for op in tape.ops if op.type != "invoke"]
    assert {op.type for op in completions} == {"info"}
    assert "no answer within 20 ms" in completions[0].error


async def test_stopping_lets_what_is_under_way_finish() -> None:
    workload, tape = Counting([OpType.OK]), Tape()
    run = interpreter(workload, tape)

    task = asyncio.create_task(run.run())
    await asyncio.sleep(0.03)
    run.stop()
    await asyncio.wait_for(task, timeout=1)

    assert tape.ops
    assert len(tape.ops) % 2 == 0


async def test_cancelling_records_what_was_under_way_as_info() -> None:
    """A second Ctrl-C stops at once; the history must not claim to know the end."""

    class Silent(Counting):
        async def client(self, place: int, process: int) -> Any:
            session = await super().client(place, process)
            session.invoke = lambda _invocation: asyncio.sleep(60)
            return session

    tape = Tape()
    task = asyncio.create_task(interpreter(Silent([OpType.OK]), tape, timeout_ms=60_000).run())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert [op.type for op in tape.ops].count("invoke") == 3
    assert [op.type for op in tape.ops].count("info") == 3


def test_a_stall_is_not_made_up_for_in_a_burst() -> None:
    pace = Pace(rate=100.0, rng=Random(1), start=0.0)

    after_a_stall = [pace.next_start(now=60.0) for _ in range(100)]

    at_once = [start for start in after_a_stall if start <= 60.0]
    assert len(at_once) < 30


def test_the_pace_is_drawn_from_its_rng_alone() -> None:
    one, other = (Pace(rate=50.0, rng=Random(9)) for _ in range(2))

    assert [one.next_start(0.0) for _ in range(50)] == [other.next_start(0.0) for _ in range(50)]


async def test_a_process_that_crashes_leaves_its_op_in_doubt_and_its_place_to_another() -> None:
    """A client's machine that dies knows nothing of what it had asked for."""

    class Silent(Counting):
        async def client(self, place: int, process: int) -> Any:
            session = await super().client(place, process)
            session.invoke = lambda _invocation: asyncio.sleep(60)
            return session

    workload, tape = Silent([OpType.OK]), Tape()
    run = interpreter(workload, tape, timeout_ms=60_000)
    task = asyncio.create_task(run.run())
    await asyncio.sleep(0.05)

    gone = await run.crash(2)

    assert len(gone) == 2
    doubtful = [op for op in tape.ops if op.type == "info"]
    assert sorted(f"process {op.process}" for op in doubtful) == sorted(gone)
    assert {op.error for op in doubtful} == {"the process crashed"}
    assert all(workload.open[int(str(op.process))] == 0 for op in doubtful)
    await asyncio.sleep(0.05)
    assert {op.process for op in tape.ops} == {
        0,
        1,
        2,
        *(int(str(op.process)) + 3 for op in doubtful),
    }
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_no_more_processes_crash_than_there_are() -> None:
    workload, tape = Counting([OpType.OK]), Tape()
    run = interpreter(workload, tape)
    assert await run.crash(2) == []

    task = asyncio.create_task(run.run())
    await asyncio.sleep(0.03)
    assert sorted(await run.crash(9)) == ["process 0", "process 1", "process 2"]
    run.stop()
    await task

    assert set(workload.open.values()) == {0}


ON_SLAVE = {"node": "slave"}


@pytest.mark.parametrize(
    ("f", "fields", "outcomes", "served"),
    [
        ("send", {}, "ok fail ok", [{"send": 7}, {"send": -1}, {"send": 9}]),
        ("pull", {}, "info ok", [{"pull": -1}, {"pull": 8}]),
        ("pull", ON_SLAVE, "ok", [{"pull": 7}]),
        ("send", ON_SLAVE, "ok fail", [{}, {}]),  # which is to refuse it
        ("commit", {}, "ok", [{}]),
    ],
)
async def test_clients_are_served_while_the_last_call_to_end_was_ok(
    f: str, fields: dict[str, str], outcomes: str, served: list[dict[str, int]]
) -> None:
    class Clock(Tape):
        def record(self, **fields: Any) -> Op:
            return super().record(time=7 + len(self.ops) // 2, **fields)

    class Told:
        async def invoke(self, invocation: Invocation) -> Completion:
            return Completion(OpType[words.pop(0).upper()])

    words = outcomes.split()
    clients = interpreter(Counting([]), Clock())
    seen = []
    while words:
        await clients.perform(0, Told(), Invocation(f, fields))
        seen.append(dict(clients.served_ns))
    assert seen == served
