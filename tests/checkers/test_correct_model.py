"""Histories of a correct cluster are never invalid, and no damage to them goes unnoticed."""

import dataclasses
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from checkers.contract import MODES, Contract
from checkers.suite import Judgement, judge
from checkers.verdict import Validity
from histories.history import History
from histories.op import NEMESIS, Op
from tests.checkers.model import ALL, GENTLE, Model

seeds = st.integers(0, 2**32)
modes = st.sampled_from(MODES)


def judged(ops: list[Op], mode: str) -> Judgement:
    judgement = judge(History.from_ops(ops), Contract.parse(mode))
    assert not any("crashed" in reason for reason in judgement.why), judgement.why
    return judgement


def names(judgement: Judgement) -> dict[str, tuple[int, Validity]]:
    return {name: (item.count, item.validity) for name, item in judgement.anomalies.items()}


def without(ops: list[Op], value: str) -> list[Op]:
    """Take a message out of everything that was ever read."""
    return [
        msgspec.structs.replace(op, value=[entry for entry in op.value if entry[1] != value])
        if op.f in ("pull", "drain") and isinstance(op.value, list)
        else op
        for op in ops
    ]


def acknowledged(ops: list[Op]) -> list[Op]:
    return [op for op in ops if op.f == "send" and op.type == "ok"]


@settings(max_examples=60)
@given(seed=seeds, mode=modes, steps=st.integers(5, 120))
def test_a_correct_cluster_under_any_faults_is_never_invalid(
    seed: int, mode: str, steps: int
) -> None:
    judgement = judged(Model(seed, mode, ALL, steps).run(), mode)
    broken = {
        name: [finding.text for finding in item.findings]
        for name, item in judgement.anomalies.items()
        if item.validity is not Validity.VALID
    }
    assert not broken


@pytest.mark.parametrize("mode", MODES)
def test_the_model_takes_what_it_may_and_nothing_else(mode: str) -> None:
    """The property above would be empty if the model never lost anything."""
    seen: dict[str, int] = {}
    for seed in range(40):
        for name in judged(Model(seed, mode, ALL, 80).run(), mode).anomalies:
            seen[name] = seen.get(name, 0) + 1
    assert {"recovered", "duplicated", "redelivered", "diverged", "allowed-loss"} <= set(seen)


@settings(max_examples=40)
@given(seed=seeds, mode=modes, choice=st.randoms(use_true_random=False))
def test_removing_one_acknowledged_message_everywhere_is_always_a_loss(
    seed: int, mode: str, choice: Random
) -> None:
    ops = Model(seed, mode, GENTLE).run()
    sent = acknowledged(ops)
    assume(sent)
    victim = choice.choice(sent)
    found = judged(without(ops, victim.value), mode).anomalies
    assert found["lost"].validity is Validity.INVALID
    assert [finding.data["value"] for finding in found["lost"].findings] == [victim.value]


@settings(max_examples=40)
@given(seed=seeds, mode=modes, choice=st.randoms(use_true_random=False))
def test_a_second_record_of_a_message_is_always_found(seed: int, mode: str, choice: Random) -> None:
    ops = Model(seed, mode, GENTLE).run()
    drains = [op for op in ops if op.f == "drain" and op.type == "ok" and op.value]
    assume(drains)
    drain = choice.choice(drains)
    offset, value, crc = choice.choice(drain.value)
    longer = msgspec.structs.replace(
        drain,
        value=[*drain.value, [drain.max_offset, value, crc]],
        max_offset=drain.max_offset + 1,
    )
    found = judged([longer if op is drain else op for op in ops], mode).anomalies
    assert found["duplicated"].count >= 1
    assert offset < drain.max_offset


@settings(max_examples=30)
@given(seed=seeds, mode=modes, shift=st.integers(0, 10**15), step=st.integers(1, 1000))
def test_names_of_processes_and_the_origin_of_time_do_not_matter(
    seed: int, mode: str, shift: int, step: int
) -> None:
    ops = Model(seed, mode, ALL).run()

    def renamed(op: Op) -> Op:
        process = op.process if op.process == NEMESIS else int(op.process) * step + 7
        return msgspec.structs.replace(op, process=process, time=op.time + shift)

    assert names(judged([renamed(op) for op in ops], mode)) == names(judged(ops, mode))


@settings(max_examples=30)
@given(seed=seeds)
def test_what_a_weaker_mode_wrote_may_be_judged_more_strictly_but_not_the_reverse(
    seed: int,
) -> None:
    """A cluster that keeps the strictest promises keeps all others too."""
    ops = Model(seed, "SYNC_MASTER+SYNC_FLUSH", ALL).run()
    for mode in MODES:
        broken = [n for n, (_, v) in names(judged(ops, mode)).items() if v is Validity.INVALID]
        assert broken == []


def test_a_checker_that_raises_is_unknown_and_hides_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from checkers import suite  # noqa: PLC0415 - patched here alone

    def crash(_case: Any) -> Any:
        raise ZeroDivisionError("of no use")

    table = {"ours": {**suite.CHECKERS["ours"], "ordering": crash}}
    monkeypatch.setattr(suite, "CHECKERS", table)
    ops = Model(5, MODES[0], GENTLE).run()
    judgement = judge(History.from_ops(without(ops, acknowledged(ops)[0].value)), Contract())
    assert judgement.validity is Validity.INVALID
    assert judgement.verdicts["ordering"].validity is Validity.UNKNOWN
    assert any("ZeroDivisionError: of no use" in reason for reason in judgement.why)


def test_judgements_are_values() -> None:
    ops = Model(5, MODES[0], GENTLE).run()
    one, other = (judge(History.from_ops(ops), Contract()) for _ in range(2))
    assert dataclasses.asdict(one) == dataclasses.asdict(other)
