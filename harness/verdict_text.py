"""A verdict as people read it in a terminal of eighty columns.

First the word, then what was counted, then what broke with its proof, then the faults, and as the
last line of a failure the command that repeats it. Colours only where the terminal has them.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from checkers.suite import Judgement
from checkers.verdict import Anomaly, Validity

__all__ = ["STYLES", "explain_anomaly", "print_verdict", "verdict_lines"]

STYLES = {
    Validity.VALID: "bold green",
    Validity.UNKNOWN: "bold yellow",
    Validity.INVALID: "bold red",
}
FINDINGS_MAX = 3
FAULTS_MAX = 40  # more than that nobody reads line by line
SENTENCES = {
    Validity.VALID: "everything was seen, and every promise held",
    Validity.UNKNOWN: "nothing broken was seen, but not enough was seen to say that nothing is",
    Validity.INVALID: "a promise is broken, and here is the proof",
}


def print_verdict(console: Console, judgement: Judgement, reproduce: str = "") -> None:
    """Print a judgement; ``reproduce`` is the command that repeats it, shown if it failed."""
    for part in verdict_lines(judgement):
        console.print(part, highlight=False)
    if reproduce and judgement.validity is not Validity.VALID:
        console.print(f"reproduce: {reproduce}", highlight=False, soft_wrap=True, markup=False)


def explain_anomaly(console: Console, anomaly: Anomaly) -> None:
    """Print one anomaly with every proof that was kept of it."""
    console.print(_proof(anomaly, findings_max=len(anomaly.findings)), highlight=False)


def verdict_lines(judgement: Judgement) -> Iterator[RenderableType]:
    """Yield the parts of a judgement, in the order in which they matter."""
    validity = judgement.validity
    yield Text.assemble((validity.word, STYLES[validity]), f"  {SENTENCES[validity]}")
    yield from _reasons(judgement.why)
    yield Text("")
    yield _checkers(judgement)

    anomalies = [anomaly for anomaly in judgement.anomalies.values() if anomaly.count]
    broken = [anomaly for anomaly in anomalies if anomaly.validity is not Validity.VALID]
    counted = [anomaly for anomaly in anomalies if anomaly.validity is Validity.VALID]
    for anomaly in sorted(broken, key=lambda anomaly: -anomaly.validity):
        yield Text("")
        yield _proof(anomaly)
    if counted:
        counts = ", ".join(f"{anomaly.name} {anomaly.count:,}" for anomaly in counted)
        yield Text("")
        yield Text(f"allowed, and counted: {counts}", style="dim")
    if judgement.faults:
        yield Text("")
        yield _faults(judgement.faults)
    yield Text("")


def _reasons(why: Sequence[str]) -> Iterator[Table]:
    """Give each reason; what has no room in its first line goes on below it."""
    for reason in why:
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_row("  because", Text(reason), style="yellow")
        yield line


def _checkers(judgement: Judgement) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("checker")
    table.add_column("verdict")
    table.add_column("counted", overflow="fold")
    for name, verdict in judgement.verdicts.items():
        word = Text(verdict.validity.word, style=STYLES[verdict.validity])
        table.add_row(name, word, _counts(verdict.counts))
    return table


def _counts(counts: Mapping[str, Any]) -> str:
    """Spell plain figures; what is nested is in results.json.

    >>> _counts({"acknowledged": 9123, "by_queue": {"0": 1}, "rto_ms": 1.25})
    'acknowledged 9,123, rto ms 1.2'
    """
    words = []
    for name, value in counts.items():
        if isinstance(value, bool | str):
            words.append(f"{name} {value}")
        elif isinstance(value, int):
            words.append(f"{name} {value:,}")
        elif isinstance(value, float):
            words.append(f"{name} {value:,.1f}")
    return ", ".join(words).replace("_", " ")


def _proof(anomaly: Anomaly, findings_max: int = FINDINGS_MAX) -> Group:
    """Show an anomaly with the first few proofs of it."""
    head = Text.assemble(
        (anomaly.name, STYLES[anomaly.validity]),
        f" x{anomaly.count:,}",
        f"  breaks {anomaly.promise}" if anomaly.promise else "",
    )
    lines = [head]
    for finding in list(anomaly.findings)[:findings_max]:
        lines.append(Text(f"  {finding.text}"))
        if finding.ops:
            lines.append(Text(f"    ops {', '.join(map(str, finding.ops))}", style="dim"))
    return Group(*lines)


def _faults(faults: Sequence[Mapping[str, Any]]) -> Table:
    """Show every fault; of a long run one line for all of a name."""
    many = len(faults) > FAULTS_MAX
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("fault", no_wrap=True)
    if not many:
        table.add_column("target", overflow="fold")
    figures = ("bit", "for", "RTO", "max", "RPO") if many else ("from", "for", "bit", "RTO", "RPO")
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    for cells in _by_name(faults) if many else map(_fault_cells, faults):
        table.add_row(*cells)
    return table


def _by_name(faults: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    for kind in sorted({str(row["kind"]) for row in faults}):
        yield [kind, *_name_cells([row for row in faults if row["kind"] == kind])]


def _name_cells(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give how many bit (of how many, if not all), medians, and the worst of what matters."""
    bit = sum(row["bit"] is True for row in rows)
    lasted = [
        row["cure_ms"] - row["start_ms"]
        for row in rows
        if row["start_ms"] is not None and row["cure_ms"] is not None
    ]
    rto = [row["rto_ms"] for row in rows if row["rto_ms"] is not None]
    return [
        f"{bit:,}" if bit == len(rows) else f"{bit:,}/{len(rows):,}",
        _seconds(median(lasted) if lasted else None),
        _seconds(median(rto) if rto else None),
        _seconds(max(rto, default=None)),
        f"{max(row['rpo_count'] for row in rows):,}",
    ]


def _fault_cells(row: Mapping[str, Any]) -> list[str]:
    start, cure = row["start_ms"], row["cure_ms"]
    lasted = None if start is None or cure is None else cure - start
    return [
        str(row["kind"]),
        ", ".join(row["targets"]),
        _seconds(start),
        _seconds(lasted),
        {True: "yes", False: "NO", None: "?"}[row["bit"]],
        _seconds(row["rto_ms"]),
        f"{row['rpo_count']:,}",
    ]


def _seconds(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{milliseconds / 1000:.1f} s"
