"""Transactions of any length, in every spelling, are read as the parser reads them one by one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from histories import History, HistoryError, Op
from histories.columns import ColumnBuilder
from histories.formats import read_history
from histories.formats.grammar import SPELLINGS
from histories.formats.read import LINES
from histories.formats.scan import PADDING, scanned
from histories.formats.transactions import Transactions
from tests.histories.test_formats import assert_same

SENTENCES_MAX = 40


@dataclass(frozen=True)
class Way:
    """One way to write a transaction; written out here once more, to be compared."""

    format: str
    op: str
    micro: str
    key: str
    polled: str
    gap: str
    between_keys: str
    after_key: str
    nil: str


EDN_LAST = "{{:value {value}{rest}, :f {f}, :process {p}, :type {type}, :time {n}5, :index {n}}}"
JSON_LAST = (
    '{{"value":{value}{rest},"f":"{f}","process":{p},"type":"{type}","time":{n},"index":{n}}}'
)
EDN_OP = "{{:index {n}, :time {n}5, :type {type}, :process {p}, :f {f}, :value {value}{rest}}}"
JSON_OP = (
    '{{"index":{n},"time":{n}5,"type":"{type}","process":{p},"f":"{f}","value":{value}{rest}}}'
)
WAYS = {
    "edn": Way("edn", EDN_OP, ":{}", "{}", "{}", " ", ", ", " ", "nil"),
    "edn-strings": Way("edn", EDN_OP, ":{}", '"{}"', '"{}"', " ", ", ", " ", "nil"),
    "json": Way("jsonl", JSON_OP, '":{}"', "{}", '"{}"', ",", ",", ":", "null"),
    "json-strings": Way("jsonl", JSON_OP, '":{}"', '"{}"', '"{}"', ",", ",", ":", "null"),
    "spaced": Way("jsonl", JSON_OP, '":{}"', "{}", '"{}"', ", ", ", ", ": ", "null"),
    "edn-first": Way("edn", EDN_LAST, ":{}", "{}", "{}", " ", ", ", " ", "nil"),
    "json-first": Way("jsonl", JSON_LAST, '":{}"', "{}", '"{}"', ",", ",", ":", "null"),
    "spaced-strings": Way("jsonl", JSON_OP, '":{}"', '"{}"', '"{}"', ", ", ", ", ": ", "null"),
}


def spelled(way: Way, value: Any) -> str:
    return "[" + way.gap.join(micro_spelled(way, micro) for micro in value) + "]"


def micro_spelled(way: Way, micro: list[Any]) -> str:
    name = way.micro.format(micro[0])
    if micro[0] == "send":
        return f"[{name}{way.gap}{way.key.format(micro[1])}{way.gap}{thing(way, micro[2])}]"
    groups = way.between_keys.join(
        way.polled.format(key) + way.after_key + thing(way, messages)
        for key, messages in micro[1].items()
    )
    return f"[{name}{way.gap}{{{groups}}}]"


def thing(way: Way, value: Any) -> str:
    if isinstance(value, list):
        return "[" + way.gap.join(thing(way, item) for item in value) + "]"
    return way.nil if value is None else str(value)


PLAIN = st.one_of(st.integers(0, 20), st.sampled_from([10**18 - 1, 999_999_999]))
NUMBERS = st.one_of(PLAIN, PLAIN, st.sampled_from([-1, 10**18, 2**61, None]))
PAIRS = st.lists(PLAIN, min_size=2, max_size=2)
MESSAGES = st.lists(st.one_of(PAIRS, PAIRS, st.lists(NUMBERS, min_size=1, max_size=3)), max_size=5)
MICROS = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 3), st.one_of(NUMBERS, PAIRS)),
    st.tuples(st.just("send"), st.integers(0, 3), st.tuples(st.none(), PLAIN).map(list)),
    st.tuples(st.just("poll"), st.dictionaries(st.integers(0, 12), MESSAGES, max_size=4)),
)
SENTENCES = st.lists(st.lists(MICROS, min_size=1, max_size=3), min_size=1, max_size=SENTENCES_MAX)


def written(way: Way, sentences: list[Any], rest: str, path: Path) -> Path:
    types = ["ok", "invoke", "info", "fail"]
    fs = ["txn", "poll", "send", "pull", "other"]
    with path.open("w") as file:
        for n, value in enumerate(sentences):
            type = types[n * n % 7 % 4]
            file.write(
                way.op.format(
                    n=n + 1,
                    p=n % 5,
                    type=f":{type}" if way.format == "edn" else type,
                    f=("" if way.format == "jsonl" else ":") + fs[n * n % 11 % 5],
                    value=spelled(way, value),
                    rest=rest.format(n) if n % 7 > 3 else "",
                )
                + "\n"
            )
    return path


def slowly(path: Path, format: str) -> History:
    lines = path.read_bytes().splitlines()
    return History.from_ops(LINES[format].parse_line(line, row) for row, line in enumerate(lines))


@pytest.mark.parametrize("name", WAYS)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sentences=SENTENCES, rest=st.sampled_from(["timeout", "after {0} of 5", "{0}"]))
def test_whatever_a_transaction_is_it_is_read_as_by_the_parser(
    name: str, sentences: list[Any], rest: str, tmp_path: Path
) -> None:
    way = WAYS[name]
    rest = (
        f', :error "{rest}", :ms {{0}}' if way.format == "edn" else f',"error":"{rest}","ms":{{0}}'
    )
    path = written(way, sentences, rest, tmp_path / "h")

    assert_same(read_history(path), slowly(path, way.format))


def of_many_lengths(count: int) -> list[Any]:
    """Sends and polls no two of which have one shape, as a long run has them."""
    sentences: list[Any] = []
    for n in range(count):
        messages = {key: [[n + m, n * m] for m in range(n % 11)] for key in range(n % 4 + 1)}
        sentences.append([["poll", messages], ["send", n % 3, [n, n]], ["send", 2, [None, n]]])
        sentences.append([["send", n % 4, n], ["poll", {1: [[n, n]], 2: []}]])
    return sentences


@pytest.mark.parametrize("name", WAYS)
def test_the_parser_sees_one_line_of_each_frame(name: str, tmp_path: Path) -> None:
    """Two openings, four types, three functions, and a rest or none make four dozen frames."""
    way = WAYS[name]
    rest = ", :ms {0}" if way.format == "edn" else ',"ms":{0}'
    text = written(way, of_many_lengths(200), rest, tmp_path / "h").read_bytes()
    seen: list[bytes] = []

    def parse(line: bytes, row: int) -> Op | None:
        seen.append(line)
        return LINES[way.format].parse_line(line, row)

    lines = [line for line in text.splitlines() if b"pull" not in line and b"other" not in line]
    scan = scanned(PADDING + b"".join(line + b"\n" for line in lines) + PADDING)
    builder = ColumnBuilder()
    transactions = Transactions(parse, builder.tables)
    for _ in range(8):  # as many chunks as it takes to see all frames
        left = transactions.fill(scan, builder.block(len(scan)))

    acknowledged = b":type :invoke" if way.format == "edn" else b'"type":"invoke"'
    assert len(seen) <= 2 * 2 * 4 * 3
    assert all(acknowledged in scan.line(line) for line in left.tolist())


def test_a_pair_that_an_invocation_sends_is_a_value(tmp_path: Path) -> None:
    line = '{"process":0,"type":"invoke","f":"send","value":[[":send",3,[4,5]]]}\n'
    path = tmp_path / "h"
    path.write_text(line * 50)

    history = read_history(path)

    assert np.unique(history.sends.offset).tolist() == [-1]
    assert history.values.value(int(history.sends.value[0])) == [4, 5]


@pytest.mark.parametrize(
    ("good", "bad"), [("5]]", "5]}"), ("5]]", "5)]"), ('"ms":7}', '"ms":7]'), ('"ms"', '"ms ')]
)
def test_a_transaction_that_is_not_closed_as_it_should_be_is_an_error(
    good: str, bad: str, tmp_path: Path
) -> None:
    line = '{"process":0,"type":"ok","f":"send","value":[[":send",3,5]],"ms":7}\n'
    path = tmp_path / "h"
    path.write_text(line * 50 + line.replace(good, bad) + line)

    with pytest.raises(HistoryError, match="line 51"):
        read_history(path)


def test_no_spelling_opens_as_another_does() -> None:
    """A frame tells its spelling by what opens it."""
    assert len({spelling.send for spelling in SPELLINGS}) == len(SPELLINGS)
