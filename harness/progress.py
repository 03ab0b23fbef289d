"""What a run is doing right now: operations a second by outcome, faults that are on, time left.

``Progress`` is the state, fed with every op as it is recorded and read with the time as argument.
``show`` draws it: in place four times a second where someone is looking, else as one plain line
every five seconds, so that a CI log stays a log.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.options import RunOptions
from histories.op import NEMESIS, Op

__all__ = ["Progress", "plain_line", "show"]

OUTCOMES = ("ok", "fail", "info")
COLOURS = {"ok": "green", "fail": "yellow", "info": "magenta"}
BARS = " ▁▂▃▄▅▆▇█"
WINDOW_S = 20
WIDTH_MAX = 80
REFRESH_S = 0.25
PLAIN_S = 5.0


@dataclass(slots=True)
class Progress:
    """Counts of a run, the last seconds of them one by one, and the faults that are on."""

    options: RunOptions
    phase: str = "set up"
    phase_started_s: float = 0.0
    totals: Counter[str] = field(default_factory=Counter)
    seconds: deque[tuple[int, Counter[str]]] = field(default_factory=lambda: deque(maxlen=WINDOW_S))
    faults: dict[int, tuple[str, float]] = field(default_factory=dict)

    def enter(self, phase: str, now_s: float) -> None:
        """Begin the next phase of the run."""
        self.phase, self.phase_started_s = phase, now_s

    def on_op(self, op: Op, now_s: float) -> None:
        """Count a completion, or note that a fault went on or off."""
        if op.process == NEMESIS:
            self._on_nemesis(op, now_s)
        elif op.type != "invoke":
            self.totals[op.type] += 1
            self._second(now_s)[op.type] += 1

    def _on_nemesis(self, op: Op, now_s: float) -> None:
        if op.fault is None:
            return
        if op.fault.phase == "inject":
            where = ", ".join(op.fault.targets)
            self.faults.setdefault(op.fault.id, (f"{op.fault.name} ({where})", now_s))
        elif op.fault.bit is not None:  # the cure's completion
            self.faults.pop(op.fault.id, None)

    def _second(self, now_s: float) -> Counter[str]:
        second = int(now_s)
        if not self.seconds or self.seconds[-1][0] != second:
            self.seconds.append((second, Counter()))
        return self.seconds[-1][1]

    def rates(self, now_s: float) -> list[Counter[str]]:
        """Return the counts of the last whole seconds, the oldest first."""
        by_second = dict(self.seconds)
        last = int(now_s)
        return [by_second.get(second, Counter()) for second in range(last - WINDOW_S, last)]

    def time_left_s(self, now_s: float) -> float | None:
        """Return how long faults will go on; None in a phase that has no set length."""
        if self.phase != "safety":
            return None
        return max(0.0, self.options.time_limit_s - (now_s - self.phase_started_s))


def plain_line(progress: Progress, now_s: float) -> str:
    """Say it in one line."""
    rate = progress.rates(now_s)[-1]
    counts = " ".join(f"{name} {rate[name]}/s ({progress.totals[name]})" for name in OUTCOMES)
    left = progress.time_left_s(now_s)
    faults = "; ".join(text for text, _ in progress.faults.values()) or "no fault"
    timing = "" if left is None else f", {left:.0f} s left"
    return f"{progress.phase}{timing}: {counts}; {faults}"


def _picture(progress: Progress, now_s: float) -> RenderableType:
    options = progress.options
    left = progress.time_left_s(now_s)
    head = Text.assemble(
        ("mqhavoc ", "bold"), (f"{options.workload} {options.mode} seed {options.seed}", "dim")
    )
    phase = Text(progress.phase, style="bold cyan")
    phase.append("" if left is None else f"  {left:.0f} s left", style="default")

    table = Table.grid(padding=(0, 2))
    rates = progress.rates(now_s)
    peak = max(second[name] for second in rates for name in OUTCOMES)
    for name in OUTCOMES:
        bars = _bars([second[name] for second in rates], peak)
        now = f"{rates[-1][name]:,}/s"
        colour = COLOURS[name]
        table.add_row(
            Text(name, style=f"bold {colour}"),
            Text(f"{now:>8}"),
            Text(f"{progress.totals[name]:>10,}", style="dim"),
            Text(bars, style=colour),
        )
    return Group(head, phase, table, *_fault_lines(progress, now_s))


def _fault_lines(progress: Progress, now_s: float) -> list[Text]:
    lines = [
        Text(f"fault {text}  {now_s - since:.0f} s", style="red", overflow="ellipsis", no_wrap=True)
        for text, since in progress.faults.values()
    ]
    return lines or [Text("no fault", style="dim")]


def _bars(counts: list[int], peak: int) -> str:
    """Draw counts as a row of bars; what is not nothing can be seen.

    >>> _bars([0, 1, 200, 400, 800], 800)
    ' ▁▂▄█'
    """
    return "".join(BARS[-(-count * 8 // max(peak, 1))] for count in counts)


@contextlib.asynccontextmanager
async def show(progress: Progress, console: Console) -> AsyncIterator[None]:
    """Draw the progress while the context lasts."""
    drawing = _draw_live if console.is_terminal else _draw_lines
    task = asyncio.create_task(drawing(progress, console), name="progress")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _draw_live(progress: Progress, console: Console) -> None:
    loop = asyncio.get_running_loop()
    console.width = min(console.width, WIDTH_MAX)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            live.update(_picture(progress, loop.time()), refresh=True)
            await asyncio.sleep(REFRESH_S)


async def _draw_lines(progress: Progress, console: Console) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(PLAIN_S)
        console.print(plain_line(progress, loop.time()), highlight=False, soft_wrap=True)
