"""The report of a run folder: what its files say, poured into one page.

Reads ``test.json``, ``results.json`` and the history; writes ``report.html`` in one step, so that
a reader never meets half a page. Everything is inlined: no server, no network, no font.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from checkers.anomalies import ANOMALIES
from harness.report.diagram import Diagram, diagram
from harness.report.points import dots, pack
from harness.report.rates import rates
from harness.report.windows import Window, windows
from harness.templates import template
from histories.formats import read_history
from histories.history import History
from nemesis.registry import colour_of

__all__ = ["write_report"]

HERE = Path(__file__).parent
PROOFS_MAX = 6  # an anomaly's further findings are in results.json
OPS_MAX = 12  # of one proof's diagram


def write_report(run_folder: Path) -> Path:
    """Write ``report.html`` from what the run folder holds, and return its path."""
    test = json.loads((run_folder / "test.json").read_text())
    results = json.loads((run_folder / "results.json").read_text())
    history = read_history(run_folder / "history.jsonl")

    target = run_folder / "report.html"
    partial = target.with_suffix(".html.part")
    partial.write_text(_render(test, results, history), encoding="utf-8")
    os.replace(partial, target)  # noqa: PTH105 -- Path.replace is the same call
    return target


def _render(test: Mapping[str, Any], results: Mapping[str, Any], history: History) -> str:
    end_s = float(history.time.max()) / 1e9 if len(history) else 0.0
    bands = windows(history.nemesis_ops, end_s)
    columns = dots(history)
    return template(HERE / "page.html.j2").render(
        test=test,
        results=results,
        broken=_anomalies(results, history, judged=True),
        counted=_anomalies(results, history, judged=False),
        windows=bands,
        faults={row["id"]: row for row in results.get("faults", []) if "id" in row},
        colours={band.name: colour_of(band.name) for band in bands},
        style=(HERE / "page.css").read_text(),
        script=(HERE / "page.js").read_text(),
        charts=_charts(bands, rates(history), columns, end_s),
        ops=len(history),
    )


def _charts(bands: list[Window], series: Any, columns: Any, end_s: float) -> str:
    """Everything the script draws, as JSON that is safe inside a script element."""
    data = {
        "end_s": round(end_s, 3),
        "count": len(columns.start_s),
        "dots": pack(columns),
        "rates": asdict(series),
        "windows": [asdict(band) | {"colour": colour_of(band.name)} for band in bands],
    }
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _anomalies(
    results: Mapping[str, Any], history: History, *, judged: bool
) -> list[dict[str, Any]]:
    """Broken promises with their proofs, or what is allowed and only counted."""
    rows = []
    for name, anomaly in results.get("anomalies", {}).items():
        if (anomaly.get("validity") != "valid") is not judged:
            continue
        examples = anomaly.get("examples", [])[: PROOFS_MAX if judged else 1]
        rows.append(
            {
                "name": name,
                "meaning": ANOMALIES[name].means if name in ANOMALIES else "",
                **anomaly,
                "examples": [
                    {"text": example["text"], "diagram": _drawn(history, example.get("ops", []))}
                    for example in examples
                ],
            }
        )
    return sorted(rows, key=lambda row: (row.get("validity") != "invalid", row["name"]))


def _drawn(history: History, indices: list[int]) -> Diagram | None:
    return diagram(history, indices[:OPS_MAX]) if indices else None
