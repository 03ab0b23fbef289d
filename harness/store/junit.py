"""The judgement as JUnit XML: one case a checker, so that a CI server shows which promise broke.

invalid   a failure, with the anomalies and their first proofs
unknown   an error, with the reasons: a run that proved nothing is not a pass
"""

import xml.etree.ElementTree as ET
from pathlib import Path

from checkers.suite import Judgement
from checkers.verdict import Validity, Verdict
from harness.options import RunOptions

__all__ = ["junit_xml", "write_junit"]


def write_junit(path: Path, judgement: Judgement, options: RunOptions, seconds: float) -> None:
    """Write the file."""
    path.write_text(junit_xml(judgement, options, seconds), encoding="utf-8")


def junit_xml(judgement: Judgement, options: RunOptions, seconds: float) -> str:
    """Spell a judgement as one test suite."""
    verdicts = judgement.verdicts
    suite = ET.Element(
        "testsuite",
        name=f"mqhavoc {options.name} {options.mode}",
        tests=str(len(verdicts) + 1),
        failures=str(_count(judgement, Validity.INVALID)),
        errors=str(_count(judgement, Validity.UNKNOWN)),
        time=f"{seconds:.3f}",
    )
    whole = Verdict(judgement.validity, why=tuple(judgement.why))
    for name, verdict in [("whole run", whole), *verdicts.items()]:
        case = ET.SubElement(suite, "testcase", classname=options.name, name=name)
        _outcome(case, verdict, options)
    ET.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode")


def _count(judgement: Judgement, validity: Validity) -> int:
    every = [judgement.validity, *(verdict.validity for verdict in judgement.verdicts.values())]
    return every.count(validity)


def _outcome(case: ET.Element, verdict: Verdict, options: RunOptions) -> None:
    if verdict.validity is Validity.VALID:
        return
    kind = "failure" if verdict.validity is Validity.INVALID else "error"
    broken = [
        anomaly for anomaly in verdict.anomalies.values() if anomaly.validity > Validity.VALID
    ]
    names = [f"{anomaly.name} x{anomaly.count}" for anomaly in broken]
    message = _printable("; ".join([*names, *verdict.why]))
    outcome = ET.SubElement(case, kind, message=message)
    proofs = [finding.text for anomaly in broken for finding in anomaly.findings]
    outcome.text = _printable("\n".join([*proofs, f"reproduce: {options.command()}"]))


def _printable(text: str) -> str:
    """Leave out what XML cannot hold; a message's body may be any bytes."""
    return "".join(sign for sign in text if sign in "\n\t" or sign.isprintable())
