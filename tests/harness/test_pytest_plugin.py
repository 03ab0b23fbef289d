"""The plugin, tried from an outside project: a folder of its own, its own pytest, its own tests."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROJECT = """
import pytest
from broker.processors import send
from broker.remoting.codes import SendStatus
from harness.testing import chaos

SHORT = {"time_limit_s": 4.0, "rate": 40.0, "concurrency": 3, "queues": 1}


@pytest.fixture
def early_ack(monkeypatch):
    def settle(state, end, then):
        then(SendStatus.SEND_OK)

    monkeypatch.setattr(send, "settle", settle)


@chaos(nemesis="kill-master", mode="SYNC_MASTER+SYNC_FLUSH", seeds=2, **SHORT)
def test_the_broker_keeps_its_word(chaos_run):
    assert chaos_run.valid
    assert chaos_run.options.nemeses == ("kill-master",)


@chaos(nemesis="partition-replication", mode="SYNC_MASTER+SYNC_FLUSH", seeds=[3], **SHORT)
def test_a_liar_is_found(early_ack, chaos_run):
    chaos_run.check()


def test_a_message_outlives_a_kill(simulated_cluster):
    sent = simulated_cluster.send()
    simulated_cluster.suffer("kill-master", for_s=1)
    pulled = simulated_cluster.pull()
    assert [value for _, value, _ in pulled.value] == [sent.value]
    simulated_cluster.check()
"""


def run_pytest(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run pytest in a project's folder, with our plugin and no other that is not named."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "harness.pytest_plugin",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env={
            # Where CI is set, pytest's summary repeats every message.
            **{
                key: value
                for key, value in os.environ.items()
                if key != "CI" and not key.startswith("GITHUB_")
            },
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": str(ROOT),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "test_broker.py").write_text(PROJECT)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")  # paths are told from here
    return tmp_path


def test_a_failure_shows_seed_proof_and_command(project: Path) -> None:
    code, output = run_pytest(project, "--junitxml=junit.xml", "--strict-markers")

    assert code == 1, output
    assert "1 failed, 3 passed" in output
    assert "test_a_liar_is_found[seed-3]" in output
    assert "seed 3: invalid dishonest-status" in output
    assert output.count("dishonest-status breaks P8") == 1
    assert " more\n" in output, "two examples, and how many more there are"
    assert "reproduce: mqhavoc simulate --seed 3 --mode SYNC_MASTER+SYNC_FLUSH" in output
    properties = {
        found.attrib["name"]: found.attrib["value"]
        for found in ET.parse(project / "junit.xml").iter("property")
        if "3" in found.attrib["value"] or found.attrib["name"] == "mqhavoc_verdict"
    }
    assert properties["mqhavoc_seed"] == "3"


def test_a_test_that_fails_in_its_own_words_shows_the_proof_beside_them(project: Path) -> None:
    words = PROJECT.replace("chaos_run.check()", "assert chaos_run.valid")
    (project / "test_broker.py").write_text(words)

    code, output = run_pytest(project, "-k", "liar")

    assert code == 1, output
    assert "- mqhavoc -" in output
    assert output.count("dishonest-status breaks P8") == 1


def test_workers_share_the_seeds_and_github_is_told(project: Path) -> None:
    summary = project / "summary.md"
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}

    code, output = run_pytest(project, "-p", "xdist", "-n", "2", **environment)

    assert code == 1, output
    assert "1 failed, 3 passed" in output
    annotations = [line for line in output.splitlines() if line.startswith("::error ")]
    assert len(annotations) == 1
    assert "file=test_broker.py,line=24," in annotations[0]
    assert "invalid dishonest-status" in annotations[0]
    page = summary.read_text()
    assert "3 runs: 1 invalid, 2 valid" in page
    assert "mqhavoc simulate --seed 3" in page


def test_more_seeds_are_an_option(project: Path) -> None:
    code, output = run_pytest(
        project, "--chaos-seeds", "5..9", "--collect-only", "-q", "-k", "keeps_its_word"
    )

    assert code == 0, output
    found = [line for line in output.splitlines() if "seed-" in line]
    assert [line.rpartition("[")[2] for line in found] == [f"seed-{n}]" for n in range(5, 10)]


def test_what_is_asked_wrongly_is_said_in_words(tmp_path: Path) -> None:
    complaints = {
        "@chaos(nemesis='kill-maste')\ndef test_it(chaos_run): pass": "did you mean 'kill-master'",
        "@chaos(seeds=2)\ndef test_it(): pass": "expected the argument chaos_run",
        "@pytest.mark.chaos(sede=2)\ndef test_it(chaos_run): pass": "keyword argument 'sede'",
        "@pytest.mark.chaos(seeds=0)\ndef test_it(chaos_run): pass": "at least one seed",
        "def test_it(chaos_run): pass": "expected a test that is marked",
    }
    head = "import pytest\nfrom harness.testing import chaos\n\n"
    for number, source in enumerate(complaints):
        (tmp_path / f"test_wrong_{number}.py").write_text(f"{head}{source}\n")

    code, output = run_pytest(tmp_path, "--continue-on-collection-errors")

    assert code != 0
    assert f"{len(complaints)} errors in" in output
    assert [words for words in complaints.values() if words not in output] == []


def test_a_project_that_does_not_use_it_pays_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\n\n\n"
        "def test_nothing_of_ours_is_loaded():\n"
        "    ours = {'broker', 'checkers', 'nemesis', 'simulation', 'numpy', 'harness.testing'}\n"
        "    assert not ours & sys.modules.keys()\n"
    )

    code, output = run_pytest(tmp_path, "-W", "error")

    assert code == 0, output
