"""The report: what it draws is what the history says, and it needs nothing but itself."""

import base64
import re
import zlib
from random import Random

import numpy as np
import pytest

from harness.report.__main__ import main
from harness.report.diagram import diagram, label
from harness.report.points import dots, pack
from harness.report.rates import rates
from harness.report.windows import windows
from histories.history import History
from histories.notation import parse_history
from histories.op import Op, OpType

MIXED = """
    0        invoke  send  a  @0  time=0
    1        invoke  send  b  @0  time=0
    0        ok      send  a  @0/0  time=2000000
    nemesis  info  kill-master  fault=1 phase=inject targets=["master"] time=1000000
    nemesis  info  kill-master  fault=1 phase=inject targets=["master"] bit=true time=3000000
    1        info    send  b  @0  time=500000000
    nemesis  info  kill-master  fault=1 phase=cure targets=["master"] time=600000000
    nemesis  info  kill-master  fault=1 phase=cure targets=["master"] bit=true time=700000000
    2        invoke  pull  @0  time=800000000
"""


def many(count: int) -> History:
    rng = Random(1)
    ops = []
    for number in range(count):
        begin = number * 1_000_000
        end = begin + rng.randint(100_000, 5_000_000)
        kind = "ok" if number % 100 else "fail"
        ops += [(begin, number, "invoke"), (end, number, kind)]
    ops.sort()
    return History.from_ops(
        Op(index=index, time=time, process=process, type=type, f="send", value=process)
        for index, (time, process, type) in enumerate(ops)
    )


def test_each_completed_client_op_is_a_dot() -> None:
    """Nemesis ops and ops that never completed have no latency."""
    drawn = dots(parse_history(MIXED))

    assert drawn.outcome.tolist() == [OpType.OK, OpType.INFO]
    assert drawn.latency_ms.tolist() == [2.0, 500.0]


def test_no_failure_is_thinned_away() -> None:
    """A picture that hides the one failure in a million is worse than none."""
    history = many(5_000)

    drawn = dots(history, dots_max=1_000)

    assert len(drawn.outcome) < 5_000
    assert int((drawn.outcome == OpType.FAIL).sum()) == 50
    assert int(drawn.weight.sum()) == 5_000, "every op is still counted"


def test_a_night_of_failures_still_fits_into_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each outcome keeps its shape: a dot stands for its own kind only, and for every one."""
    monkeypatch.setattr("harness.report.points.TIME_CELLS", 3)
    history = many(5_000)

    drawn = dots(history, dots_max=40)

    assert 0 < int((drawn.outcome == OpType.FAIL).sum()) < 50
    assert int(drawn.weight[drawn.outcome == OpType.FAIL].sum()) == 50
    assert int(drawn.weight.sum()) == 5_000


def test_packed_dots_read_back() -> None:
    """The script reads the planes in this order and these widths."""
    drawn = dots(many(50))

    raw = zlib.decompress(base64.b64decode(pack(drawn)))

    count = len(drawn.outcome)
    assert len(raw) == count * (4 + 4 + 2 + 1)
    assert np.array_equal(np.frombuffer(raw, "<f4", count), drawn.start_s)
    assert np.array_equal(np.frombuffer(raw, "u1", count, 10 * count), drawn.outcome)


def test_rates_count_every_completion_once() -> None:
    """Buckets fit the run: a long one has no more of them than a short one."""
    counted = rates(many(2_000), buckets=20)

    total = sum(sum(series) for series in counted.series.values()) * counted.bucket_s
    assert round(total) == 2_000
    assert len(counted.series["ok"]) <= 22


def test_a_window_runs_from_the_proven_injection_to_the_proven_cure() -> None:
    """The completion of each phase carries the proof."""
    (window,) = windows(parse_history(MIXED).nemesis_ops, end_s=1.0)

    assert (window.start_s, window.end_s) == (0.003, 0.7)
    assert (window.cured, window.bit) == (True, True)


def test_an_uncured_fault_stays_on_to_the_end() -> None:
    """And its window says so."""
    history = parse_history(
        'nemesis info pause fault=7 phase=inject targets=["slave"] bit=true time=1000000000'
    )

    (window,) = windows(history.nemesis_ops, end_s=9.0)

    assert (window.end_s, window.cured) == (9.0, False)


def test_a_diagram_keeps_before_and_after() -> None:
    """One lane a process, each op from its invocation to its completion."""
    drawn = diagram(parse_history(MIXED), [2, 1])

    assert drawn.lanes == ("process 0", "process 1")
    first, second = drawn.bars
    assert first.begin < second.begin < first.end < second.end
    assert [bar.outcome for bar in drawn.bars] == ["ok", "info"]


def test_an_op_that_never_completed_reaches_the_edge() -> None:
    """It is concurrent with all that follows."""
    (bar,) = diagram(parse_history(MIXED), [8]).bars

    assert bar.open
    assert bar.outcome == "info"


def test_a_label_says_what_where_and_how() -> None:
    """A person reads it before anything else."""
    history = parse_history("0 ok send a @2/41 node=master status=SEND_OK")
    assert label(history.op(0)) == "send a @2/41 master SEND_OK"


def test_the_page_is_one_file_that_loads_nothing() -> None:
    """It opens offline, and a hostile value stays text."""
    from harness.report.page import _render  # noqa: PLC0415 -- its rendering needs no files

    results = {
        "validity": "invalid",
        "why": ["<script>alert(1)</script>"],
        "anomalies": {
            "lost": {
                "count": 1,
                "validity": "invalid",
                "promise": "P1",
                "examples": [{"text": "a is gone </script>", "ops": [2]}],
            }
        },
        "counts": {"attempted": 2},
    }
    page = _render({"seed": 7, "reproduce": "mqhavoc run --seed 7"}, results, parse_history(MIXED))

    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    assert "<script>alert" not in page
    assert page.index("a is gone") < page.index("mqhavoc run --seed 7") < page.index("Latency")


def test_no_words_of_a_lane_run_into_the_next() -> None:
    sends = "\n".join(
        f"0 invoke send 0-{n}\n0 ok send 0-{n} @0/{n} node=master status=SLAVE_NOT_AVAILABLE"
        for n in range(3)
    )
    drawn = diagram(parse_history(sends), [0, 2, 4])
    before, after, _ = drawn.bars
    assert before.lane == after.lane
    assert (after.begin - before.begin) * drawn.step > 6.6 * len(before.text)
    assert diagram(parse_history(MIXED), [2, 1]).step <= 150


def test_lanes_are_in_the_order_of_the_processes_numbers() -> None:
    text = "\n".join(f"{n} invoke send {n}-1\n{n} ok send {n}-1 @0/{n}" for n in (10, 2, 3))
    assert diagram(parse_history(text), [0, 2, 4]).lanes == ("process 2", "process 3", "process 10")


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["none"]])
def test_a_report_of_nothing_is_refused_in_words(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 254
    assert capsys.readouterr().err.startswith("expected a run's folder")
