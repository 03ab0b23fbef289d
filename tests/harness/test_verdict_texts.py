"""A verdict reads the same in a terminal, in JUnit's XML and in results.json."""

import io
import xml.etree.ElementTree as ET
from typing import Any

from rich.console import Console

from checkers.suite import Judgement
from checkers.verdict import Anomaly, Finding, Validity, Verdict
from harness.judgement import judge_run, with_verdicts
from harness.options import RunOptions
from harness.store.junit import junit_xml
from harness.verdict_text import explain_anomaly, print_verdict
from histories.notation import parse_history

FAULT: dict[str, Any] = {
    "id": 1,
    "kind": "partition-replication",
    "targets": ["slave->master-ha"],
    "start_ms": 3200.0,
    "cure_ms": 5600.0,
    "bit": True,
    "rto_ms": 1234.0,
    "rpo_count": 0,
}
LOST = Anomaly(
    "lost",
    12,
    Validity.INVALID,
    "P1",
    [Finding(f"message 3-{n} was acknowledged and is gone", (n, n + 1)) for n in range(5)],
)
INVALID = Judgement(
    Validity.INVALID,
    {
        "queue": Verdict(Validity.INVALID, {"lost": LOST}, {"acknowledged": 9123, "lost": 12}),
        "vacuity": Verdict(Validity.UNKNOWN, why=("no send was attempted while a fault was on",)),
    },
    ("no send was attempted while a fault was on",),
    [FAULT],
)


def printed(judgement: Judgement, reproduce: str = "") -> str:
    out = io.StringIO()
    print_verdict(Console(file=out, width=80, color_system=None), judgement, reproduce)
    return out.getvalue()


def test_the_verdict_is_the_first_word_and_the_reproduction_the_last_line() -> None:
    lines = printed(INVALID, "mqhavoc run --seed 7").splitlines()

    assert lines[0].startswith("invalid ")
    assert lines[-1] == "reproduce: mqhavoc run --seed 7"


def test_the_faults_of_a_long_run_are_told_by_name() -> None:
    """An overnight run has thousands; what matters are the worst."""
    faults = [{**FAULT, "rto_ms": 100.0 * n, "rpo_count": n, "bit": n > 0} for n in range(50)]
    text = printed(Judgement(Validity.INVALID, {}, (), faults))

    rows = [" ".join(line.split()) for line in text.splitlines() if "partition" in line]
    assert rows == ["partition-replication 49/50 2.4 s 2.5 s 4.9 s 49"]


def test_an_anomaly_comes_with_its_promise_and_its_first_proofs() -> None:
    text = printed(INVALID)

    assert "lost x12  breaks P1" in text
    assert "message 3-2 was acknowledged and is gone" in text
    assert "message 3-3" not in text
    assert "ops 0, 1" in text


def test_every_fault_has_its_row() -> None:
    (row,) = [line for line in printed(INVALID).splitlines() if "partition-repl" in line]

    assert row.split() == [
        "partition-replication",
        "slave->master-ha",
        "3.2",
        "s",
        "2.4",
        "s",
        "yes",
        "1.2",
        "s",
        "0",
    ]


def test_nothing_is_wider_than_the_terminal() -> None:
    assert max(map(len, printed(INVALID).splitlines())) <= 80


def test_a_valid_run_needs_no_reproduction() -> None:
    valid = Judgement(Validity.VALID, {"queue": Verdict(Validity.VALID)}, ())

    text = printed(valid, "mqhavoc run --seed 7")

    assert text.startswith("valid ")
    assert "reproduce" not in text


def test_an_anomaly_is_explained_with_every_proof_there_is() -> None:
    out = io.StringIO()
    explain_anomaly(Console(file=out, width=80), LOST)

    assert out.getvalue().count("was acknowledged and is gone") == 5


def test_junit_counts_a_broken_promise_as_a_failure_and_doubt_as_an_error() -> None:
    """A run that proved nothing must not look like a pass to a CI server."""
    suite = ET.fromstring(junit_xml(INVALID, RunOptions(seed=7), 12.5))

    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "2", "1")
    cases = {case.get("name"): case for case in suite}
    assert "lost x12" in str(cases["queue"].find("failure").get("message"))  # type: ignore[union-attr]
    assert "mqhavoc run --seed 7" in str(cases["queue"].findtext("failure"))
    assert "no send was attempted" in str(cases["vacuity"].find("error").get("message"))  # type: ignore[union-attr]


def test_junit_is_xml_whatever_a_message_holds() -> None:
    nasty = Anomaly("lost", 1, Validity.INVALID, "P1", [Finding("a \x00 <b> & \x1b[31m")])
    judgement = Judgement(
        Validity.INVALID, {"queue": Verdict(Validity.INVALID, {"lost": nasty})}, ("why \x00",)
    )

    suite = ET.fromstring(junit_xml(judgement, RunOptions(seed=7), 1.0))

    assert "<b> &" in str(suite.findtext("testcase[@name='queue']/failure"))


def test_what_the_run_saw_itself_never_hides_what_the_history_says() -> None:
    doubt = {"run": Verdict(Validity.UNKNOWN, why=("master could not be cured",))}

    assert with_verdicts(INVALID, doubt).validity is Validity.INVALID
    valid = Judgement(Validity.VALID, {}, ())
    doubted = with_verdicts(valid, doubt)
    assert doubted.validity is Validity.UNKNOWN
    assert doubted.why == ("master could not be cured",)


def test_a_run_that_should_have_had_faults_and_had_none_is_unknown() -> None:
    history = parse_history("""
        0 invoke send  a @0
        0 ok     send  a @0/0
        1 invoke drain   @0
        1 ok     drain 0:a @0
    """)

    assert judge_run(history, RunOptions(seed=1, nemeses=())).validity is Validity.VALID
    assert judge_run(history, RunOptions(seed=1)).validity is Validity.UNKNOWN
