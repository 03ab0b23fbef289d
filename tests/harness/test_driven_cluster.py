"""A cluster is driven by hand, and by Hypothesis: a planted bug is shrunk to a few steps."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from broker.client.message import Message
from broker.processors import send
from checkers.suite import judge
from checkers.verdict import Validity
from harness.options import RunOptions
from harness.strategies import cluster_options, faults, histories, messages, schedules
from harness.testing import machine_of
from harness.testing.driven import simulated
from harness.validation import option_problems
from histories.history import History
from nemesis.faults import Fault
from nemesis.schedules import Schedule

FEW = settings(
    max_examples=5,
    stateful_step_count=12,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def plant_double_append(monkeypatch: pytest.MonkeyPatch) -> None:
    put = send.put

    def put_twice(state: Any, drafts: Any) -> Any:
        put(state, drafts)
        return put(state, drafts)

    monkeypatch.setattr(send, "put", put_twice)


def test_an_op_of_unknown_end_retires_its_process() -> None:
    with simulated(queues=1) as cluster:
        first = cluster.send()
        number = cluster.inject("pause-master")
        unknown = cluster.send()
        assert cluster.cure(number)
        last = cluster.send()

    assert (first.type, unknown.type, last.type) == ("ok", "info", "ok")
    assert first.process == unknown.process != last.process


@pytest.mark.parametrize(
    "nemesis", ["truncate-master", "wrong-ha-address", "reload-config", "bit-flip-slave"]
)
def test_what_a_simulated_run_can_suffer_a_cluster_by_hand_can(nemesis: str) -> None:
    with simulated(queues=1) as cluster:
        cluster.send()
        cluster.suffer(nemesis)
        cluster.check()

    assert cluster.judgement is not None
    assert {fault["kind"]: fault["bit"] for fault in cluster.judgement.faults}[nemesis]


@pytest.mark.parametrize(
    ("nemesis", "reason"),
    [
        ("power-cut-master", "power-cut-master needs volatile"),
        ("crash-clients", "crash-clients needs clients"),
        (
            "kill-master,kill-slave",
            "expected the name of one nemesis, got 'kill-master,kill-slave'",
        ),
        ("none", "expected the name of one nemesis, got 'none'"),
    ],
)
def test_what_a_cluster_by_hand_cannot_suffer_is_refused(nemesis: str, reason: str) -> None:
    """On disks that forget nothing a power cut is but a kill, and would prove nothing."""
    with simulated(queues=1) as cluster, pytest.raises(ValueError, match=reason):
        cluster.inject(nemesis)


def test_positions_go_on_from_what_was_pulled_and_committed() -> None:
    with simulated(queues=1) as cluster:
        for _ in range(3):
            cluster.send()
        assert len(cluster.pull().value) == 3
        assert cluster.pull().value == []
        assert cluster.commit().type == "ok"
        cluster.send()
        assert [offset for offset, *_ in cluster.pull(client=1).value] == [3]
        cluster.check()
        assert cluster.judge().validity is Validity.VALID


def test_a_node_that_ended_by_itself_is_told_though_the_cure_starts_it() -> None:
    with simulated(queues=1) as cluster:
        cluster.send()
        cluster._run(cluster._world.targets.nodes["slave"].kill())
        judgement = cluster.judge()

    assert judgement.validity is Validity.UNKNOWN
    assert "slave ended by itself" in judgement.why[0]


def test_a_planted_bug_fails_the_check_with_its_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    plant_double_append(monkeypatch)

    with simulated(queues=1) as cluster:
        cluster.send()
        with pytest.raises(AssertionError, match=r"duplicated breaks P4(.|\n)*send 0-0"):
            cluster.check()


@pytest.mark.parametrize("volatile", [False, True])
def test_the_correct_broker_survives_the_machine(*, volatile: bool) -> None:
    run_state_machine_as_test(machine_of(volatile=volatile), settings=FEW)


def test_hypothesis_shrinks_a_planted_bug_to_a_send(monkeypatch: pytest.MonkeyPatch) -> None:
    plant_double_append(monkeypatch)
    found = settings(
        FEW, max_examples=20, stateful_step_count=4, phases=[Phase.generate, Phase.shrink]
    )

    with pytest.raises(AssertionError, match="duplicated breaks P4") as raised:
        run_state_machine_as_test(machine_of(nemeses=["kill-slave"]), settings=found)

    steps = [line for note in raised.value.__notes__ for line in note.splitlines()]
    rules = [line for line in steps if line.startswith("state.") and "teardown" not in line]
    assert len(rules) <= 2
    assert any(rule.startswith("state.send(") for rule in rules)


def test_a_machine_of_unknown_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a mode"):
        machine_of("SYNC")
    with pytest.raises(ValueError, match="no such nemeses: kill-maste"):
        machine_of(nemeses=["kill-maste"])


@given(histories())
@settings(max_examples=40)
def test_an_honest_history_has_no_broken_promise(history: History) -> None:
    judgement = judge(history, workload="ours")
    assert judgement.validity is not Validity.INVALID, judgement.anomalies


@given(cluster_options(), faults(), messages())
@settings(max_examples=40)
def test_what_is_drawn_can_be_used(options: RunOptions, fault: Fault, message: Message) -> None:
    assert option_problems(options) == []
    assert fault.targets
    assert message.topic


@given(st.data())
@settings(max_examples=20)
def test_a_drawn_schedule_has_every_nemesis(data: st.DataObject) -> None:
    nemeses = ["kill-master", "partition"]
    schedule: Schedule = data.draw(schedules(nemeses))

    assert schedule.problems() == []
    assert {step.fault.name.split("-")[0] for step in schedule.steps} >= {"kill", "partition"}
