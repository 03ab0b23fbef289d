"""Reading by shapes gives what reading line by line gives, for every line there can be.

The slow way is the parser of the format and ``History.from_ops``; the fast way must agree with
it on files with many lines of each shape, and with a few that look alike and are not.
"""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from histories import History, HistoryError, Op
from histories.formats import read_history, write_ops
from histories.formats.read import LINES
from histories.formats.scan import PADDING, scanned
from histories.formats.shapes import COMMON, Shapes
from tests.histories.history_strategies import ops
from tests.histories.test_formats import assert_same

folded = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

NUMBERS = ["0", "7", "10", "99", "123456789", "2147483647", "2147483648", "999999", "1000000"]
NUMBERS += ["999999999999", "1000000000000", "999999999999999999", "1234567890123456789"]

TEMPLATES = [
    '{"index":#,"time":#,"process":#,"type":"ok","f":"dequeue","value":#}',
    '{"index":#,"time":#,"process":#,"type":"invoke","f":"send","value":"#-#","topic":"T#","queue":#}',
    '{"process":#,"type":"ok","f":"send","value":"#-#","topic":"T","queue":#,"queue_offset":#,"crc":#}',
    '{"process":#,"type":"ok","f":"pull","topic":"T","queue":#,"value":[[#,"#-#",#],[#,"#-#",#]]}',
    '{"process":#,"time":-#,"type":"info","f":"add","value":-#,"error":"after #.# s"}',
    '{"process":#,"type":"info","f":"add","value":"text #"}',
    '{"process":#,"type":"info","f":"add#","value":#.5,"node":"n#"}',
    '{"process":#,"type":"ok","f":"txn","value":[[":send",#,[#,#]],[":poll",{"#":[[#,#],[#,#]]}]]}',
    "{:index #, :time #, :type :ok, :process #, :f :dequeue, :value #}",
    "{:type :ok, :process #, :f :poll, :value [[:poll {# [[# #] [# #]]}]]}",
    "{:type :ok, :process #, :f :read#, :value 0x#, :error [# #N #/#]}",
    "{:type :ok, :process #, :f :drain, :value [# # #]}",
    "#\t:ok\t:enqueue\t#",
    "#\tdequeue\tRESPONSE\tSUCCESS\t#\tnull\t#\t#\tqueueId=#, queueOffset=#\t#",
]


def slowly(path: Path, format: str) -> History:
    lines = path.read_bytes().splitlines()
    written = [line for line in lines if line.strip()]
    return History.from_ops(LINES[format].parse_line(line, row) for row, line in enumerate(written))


def format_of(template: str) -> str:
    if template.startswith("{"):
        return "jsonl" if template.startswith('{"') else "edn"
    return "openchaos" if "RESPONSE" in template else "jepsen"


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_file_of_one_shape_is_read_as_line_by_line(template: str, tmp_path: Path) -> None:
    rng = random.Random(template)
    most = 10 if "RESPONSE" in template else len(NUMBERS)  # milliseconds become nanoseconds
    path = tmp_path / "h"
    with path.open("w") as file:
        for _ in range(5 * COMMON):
            line = template
            while "#" in line:
                line = line.replace("#", rng.choice(NUMBERS[: rng.choice([4, most])]), 1)
            file.write(line + "\n")

    read, made = read_history(path), slowly(path, format_of(template))

    assert_same(read, made)
    assert list(read.ops()) == list(made.ops())


def test_lines_of_all_shapes_are_read_at_their_places(tmp_path: Path) -> None:
    rng = random.Random(1)
    templates = [template for template in TEMPLATES if template.startswith('{"')]
    lines = []
    for _ in range(200 * len(templates)):
        line = rng.choice(templates)
        while "#" in line:
            line = line.replace("#", rng.choice(NUMBERS[:8]), 1)
        lines.append(line)
    lines[50:50] = ["", "  "]
    lines.append('{"process":"nemesis","type":"info","f":"kill","value":null}')
    path = tmp_path / "h"
    path.write_text("\n".join(lines) + "\n")

    read, made = read_history(path), slowly(path, "jsonl")

    assert_same(read, made)
    assert [read.op(row) for row in range(0, len(read), 7)] == list(made.ops())[::7]


@folded
@given(op=ops(), data=st.data())
def test_whatever_an_op_is_many_of_it_are_read_the_same(
    op: Op, data: st.DataObject, tmp_path: Path
) -> None:
    """Digits are changed at random, so that many lines share the shape of one drawn op."""
    path = tmp_path / data.draw(st.sampled_from(["h.jsonl", "h.edn"]))
    write_ops([op], path)
    line = path.read_bytes()
    rng = random.Random(data.draw(st.integers(0, 99)))
    varied = [
        bytes(rng.choice(b"123456789") if 48 <= byte < 58 else byte for byte in line)
        for _ in range(COMMON + 1)
    ]
    path.write_bytes(line + b"".join(varied))

    try:
        made = slowly(path, path.suffix[1:])
    except HistoryError:
        with pytest.raises(HistoryError):
            read_history(path)
    else:
        assert_same(read_history(path), made)


@pytest.mark.parametrize(
    "odd",
    [
        '{"process":007,"type":"ok","f":"read","value":1}',
        '{"process":7,"type":"ok","f":"read" "value":1}',
        '{"process":7,"type":"ok","f":"read","value":1}}',
    ],
)
def test_one_odd_line_among_many_alike_is_found(odd: str, tmp_path: Path) -> None:
    path = tmp_path / "h"
    good = '{"process":7,"type":"ok","f":"read","value":1}\n'
    path.write_text(good * 500 + odd + "\n" + good * 500)

    with pytest.raises(HistoryError) as caught:
        read_history(path)

    assert caught.value.line == 501


def test_common_lines_need_no_parser(tmp_path: Path) -> None:
    """The parser sees the marked line of the shape, and nothing else."""
    seen: list[bytes] = []

    def parse(line: bytes, row: int) -> Op | None:
        seen.append(line)
        return LINES["jsonl"].parse_line(line, row)

    from histories.columns import ColumnBuilder  # noqa: PLC0415

    text = b'{"process":7,"type":"ok","f":"read","value":1}\n' * 1000
    scan = scanned(PADDING + text + PADDING)
    builder = ColumnBuilder()

    lines = np.arange(len(scan))

    left = Shapes(parse, builder.tables).fill(scan, lines, builder.block(len(scan)))

    assert (len(left), len(seen)) == (0, 1)


@given(numbers=st.lists(st.integers(0, 10**18 - 1), min_size=1, max_size=50))
def test_digits_are_read_as_int_reads_them(numbers: list[int]) -> None:
    text = "".join(f"{number},\n" for number in numbers).encode()

    scan = scanned(PADDING + text + PADDING)

    assert scan.numbers(np.arange(len(numbers))).tolist() == numbers


@given(text=st.text(alphabet="01a\n", max_size=60))
def test_a_scan_finds_the_lines_and_runs_that_are_there(text: str) -> None:
    lines = text.split("\n")[:-1]

    scan = scanned(PADDING + "".join(line + "\n" for line in lines).encode() + PADDING)

    assert [scan.line(number).decode() for number in range(len(scan))] == lines
    assert scan.counts.tolist() == [
        len("".join(c if c in "01" else " " for c in line).split()) for line in lines
    ]
    assert scan.literals.tolist() == [line.count("a") for line in lines]
