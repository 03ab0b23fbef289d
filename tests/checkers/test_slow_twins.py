"""The fast checks agree with slow ones that say the same thing literally."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from checkers.case import Case
from checkers.contract import MODES, Contract
from checkers.durability import Records, fold
from checkers.messages import NEVER
from checkers.multisets import Bag
from checkers.ordering import ordering
from histories.history import NONE, History
from histories.op import FaultRecord, Op
from tests.checkers.slow_twin import gone_at, misordered

SECOND = 1_000_000_000
TARGETS = (
    ("power", ["master"]),
    ("power", ["slave"]),
    ("power", ["master", "slave"]),
    ("disk", ["master"]),
    ("disk", ["slave"]),
    ("damage", ["master"]),
    ("process", ["master"]),
    ("process", ["slave"]),
    ("link", ["slave->master-ha"]),
    ("link", ["client->master"]),
)

faults = st.lists(
    st.tuples(st.integers(1, 200), st.integers(0, 40), st.sampled_from(TARGETS)), max_size=5
)
moments = st.tuples(st.integers(1, 220), st.integers(0, 20))


def history_of(drawn: list[tuple[int, int, tuple[str, list[str]]]]) -> History:
    events = []
    for id, (begin, length, (kind, targets)) in enumerate(drawn):
        for phase, at in (("inject", begin), ("cure", begin + length)):
            fault = FaultRecord(
                id=id, name=kind, fault_class=kind, phase=phase, targets=targets, bit=True
            )
            events.append((at, id, phase == "cure", fault))
    ops = [
        Op(index=0, time=at * SECOND, process="nemesis", type="info", f=fault.name, fault=fault)
        for at, _, _, fault in sorted(events, key=lambda event: event[:3])
    ]
    return History.from_ops(ops)


@settings(max_examples=300)
@given(
    drawn=faults,
    moment=moments,
    mode=st.sampled_from(MODES),
    disk=st.booleans(),
    cache=st.booleans(),
)
def test_the_folding_rule_is_what_it_says(
    drawn: list[tuple[int, int, tuple[str, list[str]]]],
    moment: tuple[int, int],
    mode: str,
    disk: bool,
    cache: bool,
) -> None:
    case = Case(history_of(drawn), Contract.parse(mode))
    begin, ack = moment[0] * SECOND, sum(moment) * SECOND
    one = np.array([begin])
    records = Records(
        begin_ns=one,
        sure_ns=np.array([ack]),
        physical_offset=np.full(1, NONE),
        next_physical=np.full(1, NEVER),
        master_disk=np.array([disk]),
        slave_cache=np.array([cache]),
    )
    fast = int(fold(case, records).gone_at[0])
    slow = gone_at(
        list(case.windows), case.contract, begin, ack, master_disk=disk, slave_cache=cache
    )
    assert fast == (NONE if slow is None else slow)


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 6), st.integers(0, 12), st.booleans()),
        max_size=9,
    )
)
def test_suffix_minima_find_what_comparing_all_pairs_finds(
    drawn: list[tuple[int, int, int, bool]],
) -> None:
    """Each draw is queue, length of the send, offset, and whether it was acknowledged."""
    begin = list(range(0, 3 * len(drawn), 3))
    lines: list[tuple[int, dict[str, object]]] = []
    records: list[tuple[int, int, int | None, int]] = []
    for place, (queue, length, offset, ok) in enumerate(drawn):
        common = {"process": place, "f": "send", "value": f"0-{place}", "topic": "T"}
        end = begin[place] + 3 * length + 1
        records.append((queue, begin[place], end if ok else None, offset))
        lines.append((begin[place], {**common, "queue": queue, "type": "invoke"}))
        done = {"type": "ok", "queue_offset": offset} if ok else {"type": "info"}
        lines.append((end, {**common, "queue": queue, **done}))
        if not ok:
            read = {"process": 99, "f": "pull", "topic": "T", "queue": queue, "type": "ok"}
            lines.append((1000 + place, {**read, "value": [[offset, f"0-{place}", None]]}))
    lines.sort(key=lambda line: line[0])
    ops = [Op(index=n, **fields) for n, (_, fields) in enumerate(lines)]  # type: ignore[arg-type]
    verdict = ordering(Case(History.from_ops(ops), Contract()))
    assert verdict.counts["misordered-count"] == len(misordered(records))


bags = st.lists(st.integers(0, 5) | st.sampled_from([-1, 1 << 62]), max_size=12)


@given(bags, bags)
def test_bags_count_as_counters_do(one: list[int], other: list[int]) -> None:
    from collections import Counter  # noqa: PLC0415 - the slow twin

    fast, slow = (
        (Bag.of(np.array(one, np.int64)), Bag.of(np.array(other, np.int64))),
        (
            Counter(one),
            Counter(other),
        ),
    )
    assert (fast[0] - fast[1]).elements().tolist() == sorted((slow[0] - slow[1]).elements())
    assert (fast[0] & fast[1]).elements().tolist() == sorted((slow[0] & slow[1]).elements())
    strange = [value for value in one if value not in slow[1]]
    assert fast[0].without(fast[1]).elements().tolist() == sorted(strange)
