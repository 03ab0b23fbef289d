"""The phases of a run on a cluster in memory, in virtual time: what they wait for and say."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checkers.verdict import Validity
from harness.convergence import converge
from harness.fault_plan import schedule_of
from harness.interpreter import Interpreter
from harness.operations import Operations
from harness.options import RunOptions
from harness.phases import Phases
from harness.quiesce import QUIESCE_MS_MAX, quiesce
from harness.safety import Safety, conductor_of
from harness.store.folder import RunFolder, read_json
from harness.store.log import open_log
from harness.timings import CONVERGENCE_MS_MAX
from harness.watch import Watch
from harness.workloads.workload import Completion, Invocation
from histories.op import NEMESIS, Op, OpType
from nemesis.targets import NodeEnds
from tests.nemesis.fake_world import World, run


class Tape:
    def __init__(self) -> None:
        self.ops: list[Op] = []

    def record(self, **fields: Any) -> Op:
        time_ns = round(asyncio.get_running_loop().time() * 1e9)
        self.ops.append(Op(index=len(self.ops), time=time_ns, **fields))
        return self.ops[-1]

    def of(self, f: str, type: str) -> list[Op]:
        return [op for op in self.ops if (op.f, op.type) == (f, type)]


class Cluster:
    """A world whose logs grow as the test says."""

    def __init__(self) -> None:
        self.targets = World()
        self.cycled = 0

    async def cycle_clients(self) -> None:
        self.cycled += 1

    def log_ends(self, node: str, end_at: Any) -> None:
        async def ends() -> NodeEnds:
            end = end_at(asyncio.get_running_loop().time())
            return NodeEnds(end, end)

        self.targets.nodes[node].ends = ends  # type: ignore[method-assign]


def test_a_still_cluster_is_found_still_after_a_second() -> None:
    cluster, tape = Cluster(), Tape()

    async def quiescing() -> tuple[str, float]:
        problem = await quiesce(cluster, Operations(tape, 9))  # type: ignore[arg-type]
        return problem, asyncio.get_running_loop().time()

    problem, seconds = run(quiescing())

    assert problem == ""
    assert cluster.cycled == 1
    assert 1.0 <= seconds < 1.3
    assert [op.node for op in tape.of("probe", "ok")] == ["master", "slave"]


def test_a_slave_that_copies_a_backlog_is_waited_for() -> None:
    cluster, tape = Cluster(), Tape()
    cluster.log_ends("slave", lambda now: min(1000, int(now * 100)))

    async def quiescing() -> float:
        assert await quiesce(cluster, Operations(tape, 9)) == ""  # type: ignore[arg-type]
        return asyncio.get_running_loop().time()

    assert 11.0 <= run(quiescing()) < 11.5


def test_a_cluster_that_never_stands_still_is_a_problem_that_is_told() -> None:
    cluster, tape = Cluster(), Tape()
    cluster.log_ends("master", lambda now: int(now * 100))

    problem = run(quiesce(cluster, Operations(tape, 9)))  # type: ignore[arg-type]

    assert f"within {QUIESCE_MS_MAX} ms" in problem
    assert "master at" in problem


class Sender:
    def __init__(self, statuses: list[Any]) -> None:
        self.statuses = statuses

    async def send(self, topic: str, body: bytes) -> str:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if isinstance(status, Exception):
            raise status
        return str(status)


def converged(cluster: Cluster, *statuses: Any) -> Any:
    sender = Sender(list(statuses))
    return run(converge(cluster, sender, Operations(Tape(), 9)))  # type: ignore[arg-type]


def test_a_send_and_equal_logs_are_convergence() -> None:
    verdict = converged(Cluster(), ConnectionRefusedError(), "SLAVE_NOT_AVAILABLE", "SEND_OK")

    assert verdict.validity is Validity.VALID
    assert verdict.counts["send_ok_after_ms"] >= 200
    assert verdict.counts["equal_after_ms"] > verdict.counts["send_ok_after_ms"]


def test_logs_that_stay_apart_break_p12() -> None:
    cluster = Cluster()
    cluster.log_ends("slave", lambda _now: 900)

    verdict = converged(cluster, "SEND_OK")

    anomaly = verdict.anomalies["unconverged"]
    assert (verdict.validity, anomaly.promise) == (Validity.INVALID, "P12")
    assert f"{CONVERGENCE_MS_MAX} ms after all cures" in anomaly.findings[0].text
    assert "slave at 900" in anomaly.findings[0].text


def test_a_cluster_that_takes_no_sends_breaks_p12() -> None:
    verdict = converged(Cluster(), "SLAVE_NOT_AVAILABLE")

    assert verdict.validity is Validity.INVALID
    assert "SLAVE_NOT_AVAILABLE" in verdict.anomalies["unconverged"].findings[0].text


class Sends:
    """A workload whose every op takes five milliseconds and is ok."""

    name = "sends"

    def plan(self, place: int, process: int, rng: Random) -> "Sends":
        return self

    async def client(self, place: int, process: int) -> "Sends":
        return self

    def next(self) -> Invocation:
        return Invocation("send", {})

    def on_completion(self, invocation: Invocation, completion: Completion) -> None: ...

    async def invoke(self, invocation: Invocation) -> Completion:
        await asyncio.sleep(0.005)
        return Completion(OpType.OK)

    async def close(self) -> None: ...


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def lived(
    folder: RunFolder,
    cluster: Cluster,
    *,
    end_after_s: float | None = None,
    at_s: tuple[float, Any] = (0.0, lambda: None),
) -> Any:
    """Live a safety phase of ten seconds; return the tape, the safety and when it was over."""
    options = RunOptions(seed=3, time_limit_s=10.0, nemeses=("kill-master",))
    tape = Tape()

    async def living() -> Any:
        loop = asyncio.get_running_loop()
        interpreter = Interpreter(Sends(), tape, 3, 100.0, options.seed, 1000)
        with open_log(folder.suite_log) as log:
            schedule = schedule_of(options)
            conductor = conductor_of(cluster, schedule, folder, tape)  # type: ignore[arg-type]
            safety = Safety(
                interpreter,
                conductor,
                Watch(cluster.targets, lambda: conductor.active),
                options.time_limit_s,
                Phases(loop.time, lambda _name, _now: None),
                log,
                lambda schedule: folder.schedule.write_bytes(schedule.to_json()) and None,
            )
            if end_after_s is not None:
                loop.call_later(end_after_s, safety.end_early)
            loop.call_later(*at_s)
            await safety.run()
        return tape, safety, loop.time()

    return run(living())


def faults(tape: Tape) -> list[Any]:
    return [op.fault for op in tape.ops if op.process == NEMESIS and op.fault is not None]


def test_clients_outlive_the_faults_by_a_moment(folder: RunFolder) -> None:
    """The last outage needs an ok send after its cure, or nobody knows that it ended."""
    cluster = Cluster()

    tape, safety, seconds = lived(folder, cluster)

    nemesis = [op for op in tape.ops if op.process == NEMESIS]
    assert 11.0 <= seconds < 12.5
    assert safety.problems == []
    assert tape.ops[-1].time > nemesis[-1].time + 0.9e9
    assert [fault.bit for fault in faults(tape) if fault.bit is not None].count(False) == 0
    assert cluster.targets.sound()


def test_clients_go_on_until_a_send_is_ok_again(folder: RunFolder) -> None:
    """Of a master without power nobody hears for a client's whole patience, cured or not."""
    for back_s, over_s in ((14.0, (14.0, 14.5)), (99.0, (21.0, 22.5))):
        cluster = Cluster()
        cluster.targets.clients.served = lambda now_ns, back_s=back_s: (
            now_ns if now_ns / 1e9 > back_s or now_ns < 1e9 else -1
        )

        tape, _, seconds = lived(folder, cluster)

        assert over_s[0] <= seconds < over_s[1]
        assert tape.of("send", "ok")[-1].time > (seconds - 0.1) * 1e9


def test_ending_early_cures_at_once_and_stores_what_was_executed(folder: RunFolder) -> None:
    cluster = Cluster()

    tape, _, seconds = lived(folder, cluster, end_after_s=3.0)

    assert 4.0 <= seconds < 6.0
    assert cluster.targets.sound()
    assert read_json(folder.journal) == {}
    executed = read_json(folder.schedule)["steps"]
    assert all(step["at_ms"] <= 3000 for step in executed)
    assert {fault.phase for fault in faults(tape)} <= {"inject", "cure"}


def test_what_cannot_be_cured_is_a_problem_and_the_run_goes_on(folder: RunFolder) -> None:
    cluster = Cluster()
    cluster.targets.failing = lambda _number, what: what == "start master"

    tape, safety, _ = lived(folder, cluster)

    assert any("start master" in problem for problem in safety.problems)
    assert len(tape.of("send", "ok")) > 500


def test_a_node_that_ends_by_itself_is_a_problem_though_the_cure_starts_it_again(
    folder: RunFolder,
) -> None:
    """A broker that crashes of its own accord must not be mended in silence."""
    cluster = Cluster()
    slave = cluster.targets.nodes["slave"]

    def crash() -> None:
        slave.number, slave.serving = None, False

    _, safety, _ = lived(folder, cluster, at_s=(2.0, crash))

    assert safety.problems == ["slave ended by itself; its log says why"]
    assert cluster.targets.sound()


def test_a_node_that_ends_just_before_its_fault_is_a_problem(folder: RunFolder) -> None:
    """Its fault must not take the blame."""
    cluster = Cluster()
    master = cluster.targets.nodes["master"]
    options = RunOptions(seed=3, time_limit_s=10.0, nemeses=("kill-master",))
    first_s = schedule_of(options).steps[0].at_ms / 1000

    def crash() -> None:
        master.number, master.serving = None, False

    _, safety, _ = lived(folder, cluster, at_s=(first_s - 0.01, crash))

    assert safety.problems == ["master ended by itself; its log says why"]


@pytest.mark.parametrize("at_s", [10.005, 10.6], ids=["before the sweep", "after it"])
def test_a_node_that_ends_while_all_is_cured_is_a_problem(folder: RunFolder, at_s: float) -> None:
    """The faults are over, and a sweep starts whatever is down: nobody else would tell."""
    cluster = Cluster()
    slave = cluster.targets.nodes["slave"]

    def crash() -> None:
        slave.number, slave.serving = None, False

    _, safety, _ = lived(folder, cluster, at_s=(at_s, crash))

    assert safety.problems == ["slave ended by itself; its log says why"]


def test_a_watch_that_breaks_is_a_problem_and_the_run_goes_on(folder: RunFolder) -> None:
    cluster = Cluster()
    slave = cluster.targets.nodes["slave"]

    def break_once() -> None:
        def pid() -> int:
            del slave.pid  # type: ignore[method-assign]
            raise PermissionError("who asks?")

        slave.pid = pid  # type: ignore[method-assign]

    tape, safety, _ = lived(folder, cluster, at_s=(8.51, break_once))

    assert safety.problems == ["the watch over the nodes broke: PermissionError('who asks?')"]
    assert len(tape.of("send", "ok")) > 500


def test_a_node_that_a_nemesis_killed_did_not_end_by_itself(folder: RunFolder) -> None:
    cluster = Cluster()

    tape, safety, _ = lived(folder, cluster)

    assert [fault.name for fault in faults(tape)].count("kill-master") >= 4
    assert safety.problems == []


@pytest.mark.parametrize(("nemeses", "promised"), [(("swarm",), False), (("partition",), True)])
def test_what_a_swarm_draws_was_promised_to_nobody(
    nemeses: tuple[str, ...], promised: bool
) -> None:
    """On a busy machine its last fault may find no time; what it proves, the others did."""
    steps = schedule_of(RunOptions(seed=3, time_limit_s=20.0, nemeses=nemeses)).steps
    alone = [step.promised for step in steps if step.alone]
    assert alone
    assert set(alone) == {promised}
