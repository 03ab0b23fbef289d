"""What GitHub's runners show of failed runs: an annotation at the test, and a page of the job.

Both are texts of a form that GitHub Actions defines; nothing is written unless GITHUB_ACTIONS is
set. The values come from the reports' properties, which travel from pytest-xdist's workers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.wording import counted

__all__ = ["TestedRun", "annotation", "summary", "tested_run"]

PREFIX = "mqhavoc_"


@dataclass(frozen=True, slots=True)
class TestedRun:
    """One run as a test's report tells of it."""

    __test__ = False  # not a test case, though its name begins like one

    test: str  # pytest's id
    path: str
    line: int
    failed: bool
    seed: str
    verdict: str
    anomalies: str
    text: str
    reproduce: str


def tested_run(
    test: str,
    location: tuple[str, int | None],
    properties: Mapping[str, object],
    *,
    failed: bool,
) -> TestedRun | None:
    """Read the properties of a report; None if its test has no run."""
    found = {name: str(properties.get(f"{PREFIX}{name}", "")) for name in ("seed", "verdict")}
    if not found["verdict"]:
        return None
    more = {
        name: str(properties.get(f"{PREFIX}{name}", ""))
        for name in ("anomalies", "text", "reproduce")
    }
    return TestedRun(test, location[0], (location[1] or 0) + 1, failed, **found, **more)


def annotation(run: TestedRun) -> str:
    r"""Write the workflow command that puts a failure beside the test's code.

    >>> run = TestedRun("t.py::t[seed-3]", "t.py", 5, True, "3", "invalid", "lost", "a: b\nc", "")
    >>> annotation(run)
    '::error file=t.py,line=5,title=t.py%3A%3At[seed-3]%3A invalid lost::a: b%0Ac'
    """
    title = f"{run.test}: {run.verdict} {run.anomalies}".rstrip()
    place = f"file={_escaped(run.path, ':,')},line={run.line},title={_escaped(title, ':,')}"
    return f"::error {place}::{_escaped(run.text)}"


def summary(runs: Sequence[TestedRun]) -> str:
    """Write the job's page: a count of verdicts, and every failure with its proof."""
    verdicts = dict.fromkeys(run.verdict for run in runs)
    counts = ", ".join(
        f"{sum(run.verdict == verdict for run in runs)} {verdict}" for verdict in verdicts
    )
    lines = ["### mqhavoc", "", f"{counted(len(runs), 'run')}: {counts}", ""]
    failed = [run for run in runs if run.failed]
    if failed:
        lines += ["| test | seed | verdict | anomalies | reproduce |", "|---|---|---|---|---|"]
        lines += [
            f"| `{run.test}` | {run.seed} | {run.verdict} | {run.anomalies} | `{run.reproduce}` |"
            for run in failed
        ]
        lines.append("")
    for run in failed:
        lines += [f"<details><summary>{run.test}</summary>", "", "```", run.text, "```", ""]
        lines += ["</details>", ""]
    return "\n".join(lines)


def _escaped(text: str, more: str = "") -> str:
    for char in f"%\r\n{more}":
        text = text.replace(char, f"%{ord(char):02X}")
    return text
