"""An extract holds what its anomaly needs, drains included, and accuses of nothing else."""

from collections.abc import Callable
from functools import partial

import msgspec
import pytest

from checkers.minimal import IDENTITY, extract
from checkers.suite import Judgement, judge
from checkers.verdict import Validity
from histories.history import History
from histories.notation import parse_history
from tests.checkers.model import GENTLE, Model
from tests.checkers.test_correct_model import acknowledged, without

COUNT = 300


def log(*wrong: tuple[str, str], nodes: tuple[str, ...] = ("master", "slave")) -> History:
    """Give the history of a long queue, sound but for what is put in the place of something."""
    lines = []
    for n in range(COUNT):
        lines += [f"0 invoke send 0-{n} @0", f"0 ok send 0-{n} @0/{n} node=master attempts=1"]
        lines += [f"5 invoke send 5-{n} @1", f"5 ok send 5-{n} @1/{n} node=master attempts=1"]
    lines += ["1 invoke pull @0/0 node=master", "1 ok pull 0:0-0,1:0-1,2:0-2 @0/0 node=master"]
    for node in nodes:
        for queue, process in ((0, 0), (1, 5)):
            listed = ",".join(f"{n}:{process}-{n}" for n in range(COUNT))
            bounds = f"certified=true min_offset=0 max_offset={COUNT}"
            lines.append(f"9 invoke drain @{queue} node={node}")
            lines.append(f"9 ok drain {listed} @{queue} node={node} {bounds}")
    text = "\n".join(lines)
    for old, new in wrong:
        assert old in text, f"{old!r} is not in the history"
        text = text.replace(old, new)
    return parse_history(text)


def short_of_one() -> History:
    """Queue 0 ends one message early on both nodes."""
    last = f",{COUNT - 1}:0-{COUNT - 1} @0"
    return History.from_ops(
        msgspec.structs.replace(op, max_offset=COUNT - 1)
        if op.f == "drain" and op.type == "ok" and op.queue == 0
        else op
        for op in log((last, " @0")).ops()
    )


def broken(judgement: Judgement) -> list[str]:
    return [name for name, one in judgement.anomalies.items() if one.validity is Validity.INVALID]


def check(name: str, history: History, ops: int, listed: int) -> None:
    """Extract, and hold the extract to be small, the same, and no accusation of anything else."""
    whole, part = judge(history), extract(history, name)
    judged = judge(part)
    assert judged.anomalies[name].validity is whole.anomalies[name].validity
    facts = [one.anomalies[name].findings[0].data for one in (whole, judged)]
    assert [facts[0].get(fact) for fact in IDENTITY] == [facts[1].get(fact) for fact in IDENTITY]
    assert judged.anomalies[name].count <= whole.anomalies[name].count
    assert set(broken(judged)) <= set(broken(whole))
    assert len(part) <= ops, [*part.ops()]
    assert len(part.deliveries) <= listed, [*part.ops()]


@pytest.mark.parametrize(
    ("name", "written", "ops", "listed"),
    [
        ("lost", short_of_one, 6, 0),
        ("duplicated", partial(log, (",7:0-7,", ",7:0-5,")), 6, 4),
        ("inconsistent-offset", partial(log, (",7:0-7,", ",7:0-5,")), 8, 4),
        ("hole", partial(log, (",7:0-7,", ",")), 8, 4),
        ("corrupted", partial(log, (",7:0-7,", ",7:0-7:9,"), ("send 0-7 @0", "send 0-7 @0 crc=8")),
         4, 2),
        ("pull-skip-inside", partial(log, ("0:0-0,1:0-1,2:0-2 @0/0", "0:0-0,2:0-2 @0/0")), 8, 4),
        ("misordered", partial(log, ("send 0-7 @0/7", "send 0-7 @0/8"),
                            ("send 0-8 @0/8", "send 0-8 @0/7"),
                            ("7:0-7,8:0-8", "7:0-8,8:0-7")), 4, 0),
        ("unexpected", partial(log, (",7:0-7,", ",7:x,")), 4, 2),
    ],
)  # fmt: skip
def test_a_drain_is_cut_to_what_the_anomaly_needs(
    name: str, written: Callable[[], History], ops: int, listed: int
) -> None:
    check(name, written(), ops, listed)


def foreign(put: str, take: str, values: str) -> History:
    lines = []
    for n in range(COUNT):
        lines += [f"0 invoke {put} 0-{n}", f"0 ok {put} 0-{n}"]
    lines += [f"1 invoke {take}", f"1 ok {take} {values}"]
    return parse_history("\n".join(lines))


@pytest.mark.parametrize(
    ("put", "take"), [("enqueue", "drain"), ("add", "read"), ("publish", "fetch")]
)
@pytest.mark.parametrize("name", ["lost", "unexpected"])
def test_a_list_without_offsets_is_cut_to_the_values_it_is_about(
    put: str, take: str, name: str
) -> None:
    names = [f'"0-{n}"' for n in range(COUNT)]
    names[7] = '"0-999"'
    if name == "lost":
        del names[7]
    check(name, foreign(put, take, f"[{','.join(names)}]"), 4, 2)


def test_a_loss_that_a_fault_may_not_cause_keeps_its_fault() -> None:
    """The fault is part of what is told, so it is part of the extract if the whole blames it."""
    kill = "".join(
        f"nemesis info kill-master fault=1 phase={phase} targets=master bit=true\n"
        for phase in ("inject", "cure")
    )
    drain = "9 invoke drain @0 node=master\n9 ok drain {} @0 node=master certified=true"
    sends = "".join(
        f"0 invoke send 0-{n} @0\n0 ok send 0-{n} @0/{n} node=master\n" for n in range(COUNT)
    )
    listed = ",".join(f"{n}:0-{n}" for n in range(COUNT - 1))
    bounds = f" min_offset=0 max_offset={COUNT - 1}"
    check("lost", parse_history(sends + kill + drain.format(listed) + bounds), 6, 0)


@pytest.mark.parametrize("seed", range(6))
def test_extracts_of_a_broken_cluster_accuse_of_what_the_whole_is_guilty_of(seed: int) -> None:
    ops = Model(seed, "SYNC_MASTER+SYNC_FLUSH", GENTLE, 120).run()
    victim = acknowledged(ops)[-1].value
    check("lost", History.from_ops(without(ops, victim)), 8, 4)
