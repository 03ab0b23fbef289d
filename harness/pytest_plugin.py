"""Chaos as tests: a marker, a result for each seed, clusters to drive, and proofs where one looks.

    @chaos(nemesis="kill-master", mode="SYNC_MASTER+SYNC_FLUSH", seeds=20)
    def test_no_message_is_lost(chaos_run):
        chaos_run.check()

    def test_a_send_survives_a_restart(simulated_cluster):
        simulated_cluster.send()
        simulated_cluster.suffer("kill-master", for_s=2)
        simulated_cluster.check()

pytest loads this module in every project of an environment that has mqhavoc. So it imports pytest
and nothing else, adds no argument to anybody's command line but one, and does nothing until a
test asks for it. Each seed is a test of its own: ``pytest -n 2`` spreads them, ``-k seed-7`` picks
one. A failed test shows seed, proof and the command that repeats it; JUnit files have them as
properties; on GitHub they are annotations and a page of the job.
"""

# ruff: noqa: PLC0415 - what a test needs is imported when it needs it

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.testing.driven import DrivenCluster
    from harness.testing.github import TestedRun
    from harness.testing.marker import Chaos
    from harness.testing.runs import ChaosRun

__all__ = [
    "chaos_run",
    "local_cluster",
    "pytest_addoption",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_runtest_makereport",
    "pytest_terminal_summary",
    "simulated_cluster",
]

RUN: pytest.StashKey["ChaosRun"] = pytest.StashKey()
MARKER = (
    "chaos(workload, nemesis, mode, seeds, ...): run a cluster under faults, once for each seed"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one option: more seeds than a test says, for a night."""
    group = parser.getgroup("mqhavoc", "chaos tests of message brokers")
    group.addoption(
        "--chaos-seeds",
        metavar="A..B",
        help="run tests marked with chaos for these seeds instead of their own",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each seed."""
    marker = metafunc.definition.get_closest_marker("chaos")
    if marker is None:
        return
    if "chaos_run" not in metafunc.fixturenames:
        if not marker.kwargs:
            return  # somebody else's marker of the same name
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid}: expected the argument chaos_run of a test that is "
            "marked with chaos: it has the verdict, which nobody else looks at"
        )
    asked = _asked(marker, metafunc.definition.nodeid)
    seeds = _seeds(metafunc.config.getoption("--chaos-seeds")) or asked.seed_list
    ids = [f"seed-{seed}" for seed in seeds]
    metafunc.parametrize("chaos_run", [(asked, seed) for seed in seeds], indirect=True, ids=ids)


@pytest.fixture
def chaos_run(request: pytest.FixtureRequest, tmp_path: Path) -> "ChaosRun":
    """Run a cluster under faults; the options are those of the test's marker."""
    from harness.testing.runs import run_chaos

    if not hasattr(request, "param"):
        pytest.fail("chaos_run: expected a test that is marked with @chaos(...)", pytrace=False)
    asked, seed = request.param
    try:
        run = run_chaos(asked, seed, tmp_path)
    except ValueError as error:
        pytest.fail(f"chaos: {error}", pytrace=False)
    request.node.stash[RUN] = run
    request.node.user_properties += [
        ("mqhavoc_seed", run.seed),
        ("mqhavoc_verdict", run.verdict),
        ("mqhavoc_anomalies", " ".join(run.anomalies)),
        ("mqhavoc_reproduce", run.command),
    ]
    return run


@pytest.fixture
def simulated_cluster() -> Iterator["DrivenCluster"]:
    """Start a cluster on virtual time, for a test that drives it by hand."""
    from harness.testing.driven import simulated

    with simulated() as cluster:
        yield cluster


@pytest.fixture
def local_cluster(tmp_path: Path) -> Iterator["DrivenCluster"]:
    """Start a cluster of real processes behind proxies, for a test that drives it by hand."""
    from harness.testing.driven import local

    with local(tmp_path) as cluster:
        yield cluster


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show the proof of a failed test's run, if the test did not fail with it."""
    outcome: Any = yield
    report: pytest.TestReport = outcome.get_result()
    run = item.stash.get(RUN, None)
    if run is not None and report.failed:
        headline = run.text.partition("\n")[0]
        if headline not in report.longreprtext:
            report.sections.append(("mqhavoc", run.text))
        report.user_properties = [*report.user_properties, ("mqhavoc_text", run.text)]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Tell GitHub, if it is GitHub that runs the tests."""
    if os.environ.get("GITHUB_ACTIONS") != "true" or hasattr(config, "workerinput"):
        return
    runs = list(_tested_runs(terminalreporter.stats))
    if not runs:
        return
    from harness.testing.github import annotation, summary

    for run in runs:
        if run.failed:
            terminalreporter.write_line(annotation(run))
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(page).open("a", encoding="utf-8") as file:
            file.write(summary(runs))


def _tested_runs(stats: dict[str, list[Any]]) -> Iterator["TestedRun"]:
    from harness.testing.github import tested_run

    for report in [*stats.get("failed", []), *stats.get("passed", [])]:
        if getattr(report, "when", "") != "call":
            continue
        properties = dict(report.user_properties)
        place = report.location[:2]
        run = tested_run(report.nodeid, place, properties, failed=report.failed)
        if run is not None:
            yield run


def _asked(marker: pytest.Mark, where: str) -> "Chaos":
    from harness.testing.marker import Chaos

    if marker.args:
        raise pytest.UsageError(f"{where}: chaos takes named options only, got {marker.args!r}")
    try:
        return Chaos(**marker.kwargs)
    except (TypeError, ValueError) as error:
        raise pytest.UsageError(f"{where}: {error}") from error


def _seeds(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    first, dots, last = text.partition("..")
    if not (first.isdigit() and (last or first).isdigit()) or bool(dots) != bool(last):
        raise pytest.UsageError(f"--chaos-seeds: expected A..B or one seed, got {text!r}")
    return tuple(range(int(first), int(last or first) + 1))
