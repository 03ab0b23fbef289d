"""A correct history stays correct however it was watched, and nothing in it is ever invalid.

Each property takes a history of the correct cluster in ``model`` and changes what the suite saw of
it, never what happened: the log ends early, an answer got lost, clients were slower, clocks were
not read. What is known can only become less, so a verdict may become unknown, and never invalid.
"""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkers.contract import MODES, Contract
from checkers.suite import judge
from checkers.verdict import Validity
from histories.history import History
from histories.op import NEMESIS, Op
from histories.wellformed import problems
from tests.checkers.model import ALL, MS, Model

seeds = st.integers(0, 2**32)
modes = st.sampled_from(MODES)

SLOWER_MS = 1_000
EXAMPLES = 25


def accusations(ops: list[Op], mode: str) -> dict[str, list[str]]:
    history = History.from_ops(numbered(ops))
    assert not problems(history), "the history itself must be sound"
    judgement = judge(history, Contract.parse(mode))
    assert not any("crashed" in reason for reason in judgement.why), judgement.why
    return {
        name: [finding.text for finding in found.findings]
        for name, found in judgement.anomalies.items()
        if found.validity is Validity.INVALID
    }


def numbered(ops: list[Op]) -> list[Op]:
    return [msgspec.structs.replace(op, index=index) for index, op in enumerate(ops)]


def in_doubt(ops: list[Op], chance: Random, share: float) -> list[Op]:
    """Lose some answers: the op is info, says nothing, and its process is another from then on."""
    names: dict[int | str, int | str] = {}
    seen: list[Op] = []
    for op in ops:
        heard = msgspec.structs.replace(op, process=names.get(op.process, op.process))
        if op.type == "ok" and op.f in ("send", "commit") and chance.random() < share:
            heard = unheard(heard)
            names[op.process] = 10_000 + len(seen)
        seen.append(heard)
    return seen


def unheard(op: Op) -> Op:
    """Give what is left of an op whose answer got lost."""
    sent = op.f == "send"
    return msgspec.structs.replace(
        op,
        type="info",
        value=op.value if sent else None,
        queue_offset=None if sent else op.queue_offset,
        physical_offset=None,
        status=None,
        min_offset=None,
        max_offset=None,
        next_offset=None,
    )


def slower(ops: list[Op], chance: Random, times: int) -> list[Op]:
    """Let ops begin earlier, or end later, than they did: what was in between may be anywhere."""
    seen = [*ops]
    for _ in range(times):
        at = chance.randrange(len(seen) - 1)
        one, other = seen[at], seen[at + 1]
        if NEMESIS in (one.process, other.process) or one.process == other.process:
            continue
        if other.time - one.time > SLOWER_MS * MS or drained(one) or drained(other):
            continue
        if other.type == "invoke":
            seen[at : at + 2] = [msgspec.structs.replace(other, time=one.time), one]
        elif one.type != "invoke":
            seen[at : at + 2] = [other, msgspec.structs.replace(one, time=other.time)]
    return seen


def drained(op: Op) -> bool:
    return op.f in ("drain", "dump")


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=seeds, mode=modes, choice=seeds)
def test_a_history_that_ends_early_accuses_nobody(seed: int, mode: str, choice: int) -> None:
    """In the middle of a fault, a send, a cure or a drain."""
    ops = Model(seed, mode, ALL, 80).run()
    assert not accusations(ops[: Random(choice).randrange(len(ops) + 1)], mode)


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=seeds, mode=modes, choice=seeds, share=st.sampled_from([0.05, 0.3, 1.0]))
def test_answers_that_got_lost_accuse_nobody(
    seed: int, mode: str, choice: int, share: float
) -> None:
    """But a cluster that, for all anyone saw, answered no send was indeed never whole again."""
    ops = in_doubt(Model(seed, mode, ALL, 80).run(), Random(choice), share)
    assert accusations(ops, mode).keys() <= {"unconverged"}


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=seeds, mode=modes, choice=seeds)
def test_clients_that_were_slower_accuse_nobody(seed: int, mode: str, choice: int) -> None:
    ops = Model(seed, mode, ALL, 80).run()
    assert not accusations(slower(ops, Random(choice), 300), mode)


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=seeds, mode=modes, choice=seeds)
def test_all_of_it_together_accuses_nobody(seed: int, mode: str, choice: int) -> None:
    ops = in_doubt(Model(seed, mode, ALL, 120).run(), Random(choice), 0.1)
    ops = slower(ops, Random(choice), 100)
    assert not accusations(ops[: len(ops) - Random(choice).randrange(30)], mode)


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(seed=seeds, mode=modes)
def test_a_history_without_times_accuses_nobody(seed: int, mode: str) -> None:
    """A line is taken for a millisecond, so that bounds on time excuse more than they should."""
    ops = [msgspec.structs.replace(op, time=-1) for op in Model(seed, mode, ALL, 80).run()]
    assert not accusations(ops, mode)


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(seed=seeds, mode=modes)
def test_a_cluster_that_nobody_disturbs_is_never_accused_or_excused(seed: int, mode: str) -> None:
    judgement = judge(History.from_ops(Model(seed, mode, (), 80).run()), Contract.parse(mode))
    assert judgement.validity is not Validity.INVALID
    assert "allowed-loss" not in judgement.anomalies


@pytest.mark.parametrize("mode", MODES)
def test_the_histories_are_as_wild_as_they_are_meant_to_be(mode: str) -> None:
    """Late arrivals, two groups, reads from the slave, an operator: all of it in forty runs."""
    seen = set[str]()
    for seed in range(40):
        ops = Model(seed, mode, ALL, 120).run()
        seen |= {op.f for op in ops}
        seen |= {f"pull from {op.node}" for op in ops if op.f == "pull" and op.type == "ok"}
        seen |= {f"group {op.group}" for op in ops if op.value and op.f == "pull"}
        seen |= {"retried" for op in ops if len(op.attempts or ()) > 1}
        seen |= set(judge(History.from_ops(ops), Contract.parse(mode)).anomalies)
    wanted = {"resynchronise", "pull from slave", "group g", "group h", "retried", "recovered"}
    assert wanted | {"duplicated", "redelivered", "diverged"} <= seen
