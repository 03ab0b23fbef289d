"""What a person sees while a run is on: rates by outcome, faults that are on, time left."""

import io

from rich.console import Console

from harness.options import RunOptions
from harness.progress import Progress, _picture, plain_line
from histories.op import NEMESIS, FaultRecord, Op


def completion(type: str) -> Op:
    return Op(index=0, process=1, type=type, f="send")


def fault(phase: str, *, bit: bool | None = None) -> Op:
    record = FaultRecord(
        id=3, name="kill-master", fault_class="process", phase=phase, targets=["master"], bit=bit
    )
    return Op(index=0, process=NEMESIS, type="info", f="kill-master", fault=record)


def busy() -> Progress:
    progress = Progress(RunOptions(seed=7, time_limit_s=30))
    progress.enter("safety", 100.0)
    for _ in range(12):
        progress.on_op(completion("invoke"), 108.2)
        progress.on_op(completion("ok"), 108.5)
    progress.on_op(completion("info"), 108.9)
    return progress


def test_the_rate_is_that_of_the_last_whole_second() -> None:
    progress = busy()

    assert progress.rates(109.0)[-1] == {"ok": 12, "info": 1}
    assert progress.rates(110.0)[-1] == {}
    assert progress.totals == {"ok": 12, "info": 1}


def test_a_fault_is_on_from_its_injection_until_its_cure_is_proven() -> None:
    progress = busy()

    progress.on_op(fault("inject"), 108.0)
    progress.on_op(fault("inject", bit=True), 108.1)
    assert progress.faults == {3: ("kill-master (master)", 108.0)}
    progress.on_op(fault("cure"), 109.0)
    assert progress.faults
    progress.on_op(fault("cure", bit=True), 109.2)
    assert not progress.faults


def test_a_plain_line_says_it_all() -> None:
    progress = busy()
    progress.on_op(fault("inject"), 108.0)

    assert plain_line(progress, 109.0) == (
        "safety, 21 s left: ok 12/s (12) fail 0/s (0) info 1/s (1); kill-master (master)"
    )


def test_only_the_safety_phase_has_a_time_left() -> None:
    progress = busy()
    progress.enter("drain", 131.0)

    assert progress.time_left_s(131.5) is None
    assert "left" not in plain_line(progress, 131.5)


def test_the_picture_fits_in_eighty_columns() -> None:
    progress = busy()
    progress.totals["ok"] = 123_456_789
    for number in range(3):
        progress.faults[number] = (f"partition-brokers-nameserver ({'link, ' * 20})", 100.0)

    out = io.StringIO()
    Console(file=out, width=80, force_terminal=True, color_system=None).print(
        _picture(progress, 109.0)
    )

    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) == 2 + 3 + 3


def test_while_nothing_happens_no_bar_is_drawn() -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(_picture(Progress(RunOptions(seed=1)), 1.0))

    assert "█" not in console.file.getvalue()  # type: ignore[attr-defined]


def test_memory_does_not_grow_with_the_run() -> None:
    progress = Progress(RunOptions(seed=7))
    for second in range(5000):
        progress.on_op(completion("ok"), float(second))

    assert len(progress.seconds) <= 20
