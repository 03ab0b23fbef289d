"""Our EDN is everybody's: the oracle is edn_format, and the shapes are those of real files."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import edn_format
import pytest
from edn_format import ImmutableDict, ImmutableList, Keyword, Symbol
from hypothesis import given, settings
from hypothesis import strategies as st

from histories import HistoryError, Op
from histories.formats import edn, read_history
from histories.formats.edn_text import read_forms, write_form
from tests.histories.history_strategies import VALUES

ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(alphabet='ab :"\\\n\té', max_size=5),
    st.sampled_from(["a", "n/k", "seek?", "a.b-c"]).map(Keyword),
)
HASHABLE = st.one_of(st.none(), st.integers(-9, 9), st.sampled_from(["a", ":b", "3"]))
FORMS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.frozensets(HASHABLE, max_size=3),
        st.dictionaries(st.one_of(HASHABLE, st.just(Keyword("k"))), inner, max_size=3),
    ),
    max_leaves=8,
)


def plain(form: Any) -> Any:
    """Spell what edn_format read in a way that does not depend on its classes."""
    if isinstance(form, Keyword):
        return ("keyword", form.name)
    if isinstance(form, dict | ImmutableDict):
        pairs = [(plain(key), plain(value)) for key, value in form.items()]
        return ("map", sorted(pairs, key=repr))
    if isinstance(form, frozenset | set):
        return ("set", sorted(map(plain, form), key=repr))
    if isinstance(form, list | tuple | ImmutableList):
        return [plain(item) for item in form]
    return (type(form).__name__, str(form)) if isinstance(form, Symbol | Fraction) else form


@settings(max_examples=60)
@given(form=FORMS)
def test_what_the_oracle_writes_we_read_and_write_as_it_reads(form: Any) -> None:
    written = edn_format.dumps(form)

    (ours,) = read_forms(written)

    assert plain(edn_format.loads(write_form(ours))) == plain(edn_format.loads(written))


@settings(max_examples=100)
@given(value=VALUES)
def test_a_value_in_memory_survives_edn(value: Any) -> None:
    assert list(read_forms(write_form(value))) == [value]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("nil", None),
        ("5N", 5),
        ("+5", 5),
        ("-0", 0),
        ("1.5M", {"#M": "1.5"}),
        ("2/3", {"#/": [2, 3]}),
        ("##-Inf", {"##": "-Inf"}),
        ("##NaN", {"##": "NaN"}),
        (
            r"[\a \newline \u0041 \( ]",
            [{"#\\": "a"}, {"#\\": "newline"}, {"#\\": "u0041"}, {"#\\": "("}],
        ),
        ('#inst "2026-01-01"', {"#inst": "2026-01-01"}),
        ("#object[a.B 0x1f nil]", {"#object": [{"#'": "a.B"}, 31, None]}),
        ("#{:a}", {"#{}": [":a"]}),
        ("(1, 2)", [1, 2]),
        ('{3 4, "3" 5, :k 6, [1] 7, nil 8}', {"3": 4, "'3": 5, ":k": 6, "#=[1]": 7, "#=nil": 8}),
        ("[1 #_ 2 #_ #_ 3 4 5] ; six", [1, 5]),
        ('":timeout"', "':timeout"),
        ('"a\\"b\\\\\\u00e9"', 'a"b\\é'),
        ("-", {"#'": "-"}),
    ],
)
def test_every_kind_of_form_has_a_shape_in_memory(text: str, form: Any) -> None:
    assert list(read_forms(text)) == [form]
    assert list(read_forms(write_form(form))) == [form]


@pytest.mark.parametrize(
    "text", ["007", "{1}", "[1}", "]", '"a', "{:a #_}", "[#x]", r'"\q"', "1e999", "1a"]
)
def test_what_is_not_edn_is_refused(text: str) -> None:
    with pytest.raises(HistoryError):
        list(read_forms(text))


OPS = """
{:index 0, :time 3291485, :type :invoke, :process 0, :f :enqueue, :value 17}
{:index 1, :time 8500000, :type :info, :process 1, :f :enqueue, :value 18, :error :timeout}
{:index 2, :time 8800000, :type :fail, :process 2, :f :dequeue, :value :exhausted}
{:index 3, :time 9900000, :type :ok, :process 0, :f :drain, :value [18 19]}
{:index 4, :time 200, :type :info, :process :nemesis, :f :start, :value [:isolated {"n1" #{"n2"}}]}
{:index 5, :time 4, :type :ok, :process 1, :f :read, :value #{1 2 5}}
{:index 6, :time 2, :type :ok, :process 0, :f :send, :value [[:send 3 [42 711]]]}
{:index 7, :time 3, :type :ok, :process 0, :f :send, :value [[:send 3 [nil 712]]]}
{:index 8, :time 6, :type :ok, :process 1, :f :poll, :value [[:poll {3 [[42 711] [43 713]], 5 []}]]}
{:index 9, :time 9, :type :ok, :process 2, :f :txn, :value [[:send 3 [44 714]] [:poll {5 [[0 1]]}]]}
{:index 10, :time 12, :type :ok, :process 0, :f :poll, :value [[:poll {"56" [[4 5] [5 6]]}]]}
{:index 11, :time 13, :type :ok, :process 0, :f :fetch, :value ["3-17" "4-2"]}
{:index 12, :time 14, :type :info, :process 3, :f :crash, :value nil}
""".strip().splitlines()


def test_the_messages_of_every_workload_become_rows(tmp_path: Path) -> None:
    path = tmp_path / "history.edn"
    path.write_text("\n".join(OPS) + "\n")

    history = read_history(path)

    taken, sent = history.deliveries, history.sends
    assert [
        (row, history.queues[queue] if queue >= 0 else None, offset, history.values.value(value))
        for row, queue, offset, value in zip(
            *(getattr(taken, name).tolist() for name in ("row", "queue", "offset", "value")),
            strict=True,
        )
    ] == [
        (3, None, -1, 18),
        (3, None, -1, 19),
        (5, None, -1, 1),
        (5, None, -1, 2),
        (5, None, -1, 5),
        (8, "3", 42, 711),
        (8, "3", 43, 713),
        (9, "5", 0, 1),
        (10, "56", 4, 5),
        (10, "56", 5, 6),
        (11, None, -1, "3-17"),
        (11, None, -1, "4-2"),
    ]
    assert [
        (row, offset, history.values.value(value))
        for row, offset, value in zip(
            sent.row.tolist(), sent.offset.tolist(), sent.value.tolist(), strict=True
        )
    ] == [(0, -1, 17), (1, -1, 18), (6, 42, 711), (7, -1, 712), (9, 44, 714)]
    assert [op.f for op in history.nemesis_ops] == ["start"]


WHOLE = {
    "lines": "\n".join(OPS) + "\n",
    "one vector": "[" + "\n ".join(OPS) + "]",
    "one list": "(" + "\n".join(OPS) + "\n)\n",
    "one line": "[" + " ".join(OPS) + "]\n",
    "commas": "[" + ",\n".join(OPS) + ",\n]\n; the end\n",
    "tagged": "\n".join("#jepsen.history.Op" + line for line in OPS) + "\n",
    "comments": ";; made by hand\n\n" + " ; and so on\n".join(OPS) + "\n#_ {:process 9}\n",
    "pretty": "\n".join(OPS).replace(", :process", ",\n    :process") + "\n",
    "pretty vector": "[\n" + "\n".join(OPS).replace(", :f", ",\n :f") + "\n]\n",
}


@pytest.mark.parametrize("layout", WHOLE)
def test_the_layout_of_a_file_does_not_matter(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "history.edn"
    path.write_text(WHOLE[layout])

    history = read_history(path)

    assert list(history.ops()) == [edn.parse_line(line.encode(), 0) for line in OPS]
    assert [history.op(row).index for row in range(len(history))] == list(range(len(OPS)))


def test_a_torn_vector_gives_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "history.edn"
    path.write_text(WHOLE["one line"][:-40])

    assert len(read_history(path)) == len(OPS) - 1


def test_a_missing_index_counts_and_a_missing_time_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "history.edn"
    path.write_text("{:process 0, :type :ok, :f :read}\n" * 100)

    history = read_history(path)

    assert history.index.tolist() == list(range(100))
    assert set(history.time.tolist()) == {-1}
    assert history.op(42).index == 42


def test_a_function_may_be_a_keyword_or_a_string() -> None:
    ops = [edn.parse_line(b"{:process 0 :type :ok :f %s}" % f, 0) for f in (b":read", b'"read"')]

    assert ops[0] == ops[1] == Op(index=0, process=0, type="ok", f="read")


def test_decimals_keep_their_digits() -> None:
    (form,) = read_forms("1.50M")

    assert edn_format.loads(write_form(form)) == Decimal("1.50")
    assert write_form(form) == "1.50M"
