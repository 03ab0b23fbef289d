"""Ops and values as Hypothesis draws them, for the tests of this folder."""

from typing import Any

from hypothesis import strategies as st

from histories.op import Attempt, FaultRecord, Op

WORDS = st.sampled_from(["a", "timeout", ":timeout", "':x", "'", ":", "é", "n1", 'q"\\', "x\ty"])
NUMBERS = st.one_of(st.integers(-3, 200), st.integers(-(2**62), 2**62))
COUNTS = st.one_of(st.integers(0, 12), st.integers(0, 2**50))

SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    WORDS,
    st.builds("{}-{}".format, st.integers(0, 3), COUNTS),
    st.sampled_from(["03-17", "1-2-3", "-1", "3", "#{}", "#inst"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(WORDS, st.sampled_from(["3", "'3", "#=nil", "#=[1]", "007", "#M", "#x"])),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)
MESSAGES = st.lists(
    st.tuples(COUNTS, st.builds("{}-{}".format, st.integers(0, 9), COUNTS), COUNTS).map(list),
    max_size=4,
)
TRANSACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just(":send"), st.integers(0, 3), NUMBERS).map(list),
        st.tuples(
            st.just(":send"), st.integers(0, 3), st.tuples(COUNTS, st.integers(0, 99)).map(list)
        ).map(list),
        st.tuples(
            st.just(":poll"),
            st.dictionaries(
                st.sampled_from(["3", "'56", ":k"]),
                st.lists(st.tuples(COUNTS, COUNTS).map(list), max_size=3),
                max_size=2,
            ),
        ).map(list),
    ),
    min_size=1,
    max_size=3,
)
ATTEMPTS = st.lists(
    st.builds(
        Attempt, node=st.sampled_from(["master", "slave"]), sent=st.booleans(), outcome=WORDS
    ),
    max_size=2,
)
FAULTS = st.builds(
    FaultRecord,
    id=st.integers(0, 9),
    name=st.just("kill-master"),
    fault_class=st.just("process"),
    phase=st.sampled_from(["inject", "cure"]),
    targets=st.just(["master"]),
    bit=st.sampled_from([None, True, False]),
)
EXTRAS = st.dictionaries(
    st.sampled_from(["debug", "seek-to-beginning?", "rebalance-log", "é"]), VALUES, max_size=2
)


@st.composite
def ops(draw: st.DrawFn, index: int = 0) -> Op:
    """One op of any kind, of ours or of others."""
    nemesis = draw(st.integers(0, 9)) == 0
    kind = draw(st.sampled_from(["send", "pull", "txn", "enqueue", "dequeue", "drain", "read"]))
    own = {"topic": draw(st.sampled_from(["T", "T1"])), "queue": draw(st.integers(0, 12))}
    fields: dict[str, Any] = {
        "index": index,
        "time": draw(st.one_of(st.just(-1), COUNTS)),
        "process": "nemesis" if nemesis else draw(st.one_of(st.integers(0, 9), COUNTS)),
        "type": draw(st.sampled_from(["invoke", "ok", "fail", "info"])),
        "f": kind,
    }
    if nemesis:
        return Op(**fields | {"type": "info", "f": "kill-master", "fault": draw(FAULTS)})
    if kind in {"send", "pull"}:
        fields |= own | {"node": draw(st.sampled_from([None, "master", "n1"]))}
        fields |= {"crc": draw(COUNTS), "queue_offset": draw(st.one_of(st.none(), COUNTS))}
        fields |= {"attempts": draw(st.one_of(st.none(), ATTEMPTS)), "key": "7F00"}
        fields |= {"status": draw(st.sampled_from([None, "SEND_OK", "FLUSH_DISK_TIMEOUT"]))}
    if kind == "pull":
        bounds = ("min_offset", "max_offset", "next_offset")
        fields |= {name: draw(st.one_of(st.none(), COUNTS)) for name in bounds}
        fields |= {"group": draw(st.sampled_from([None, "g", "g1"]))}
    values = {"pull": MESSAGES, "txn": TRANSACTIONS}.get(kind, VALUES)
    return Op(**fields, value=draw(values), error=draw(SCALARS), extra=draw(EXTRAS))


@st.composite
def histories(draw: st.DrawFn, size_max: int = 6) -> list[Op]:
    """A few ops with ascending indices."""
    size = draw(st.integers(1, size_max))
    return [draw(ops(index)) for index in range(size)]
