"""Where RocketMQ comes from: a distribution on this machine, or Maven, which fetches it once.

    --rocketmq HOME      a binary distribution: HOME/lib has the jars
    ROCKETMQ_HOME        the same, from the environment
    else                 the jars of 4.9.3 in the user's cache, where Maven puts them the first time

What is missing is said before anything is started (``problem_of``); fetching is ``obtain``'s.
"""

import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.rocketmq.builds import TARGET, BuildError, build_once, is_built

__all__ = [
    "JVM_OPTIONS",
    "MODULES",
    "Distribution",
    "DistributionError",
    "distribution_text",
    "java_of_machine",
    "obtain",
    "problem_of",
]

POM = Path(__file__).parent / "pom.xml"
VARIABLE = "ROCKETMQ_HOME"
BROKER_JAR = re.compile(r"rocketmq-broker-(\d[\w.]*?)\.jar$")
MAJOR = "4."

JVM_OPTIONS = (
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Dtls.server.mode=disabled",  # else each start makes two keys for nobody, and leaves them
    "-Drocketmq.broker.diskSpaceWarningLevelRatio=0.99",
    "-Drocketmq.broker.diskSpaceCleanForciblyRatio=0.98",
)
"""Small and quick to start: a node of a chaos run lives for seconds.

And a disk that is nine tenths full, as those of laptops are, is no reason to refuse every send.
"""

OPENED = ("java.nio", "jdk.internal.ref", "sun.nio.ch")
MODULES = " ".join(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED)
"""What RocketMQ 4 reaches into, and Java 9 closed. Java 8 does not read the variable it is in."""


class DistributionError(Exception):
    """RocketMQ cannot be run on this machine; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """The jars of one version, and the Java that runs them."""

    version: str
    jars: Path
    java: str

    def command(self, main: str, home: Path, arguments: Sequence[str | Path]) -> list[str | Path]:
        """Return the command that runs one of its programs, which keeps its own files in a home."""
        classes = f"{self.jars}/*"
        return [self.java, *JVM_OPTIONS, f"-Duser.home={home}", "-cp", classes, main, *arguments]

    def environment(self, home: Path) -> dict[str, str]:
        """Return what a program of it must find in its environment."""
        return {VARIABLE: str(home), "JDK_JAVA_OPTIONS": MODULES}


def problem_of(home: str) -> str:
    """Say what keeps RocketMQ from being run here; empty if nothing does."""
    if java_of_machine() is None:
        return (
            "java: expected Java 8 or later at JAVA_HOME or on PATH, found none; install a JRE, or "
            "use --world local or simulated"
        )
    where, given = _given(home)
    if given is not None:
        return _problem_of_home(where, given)
    if is_built("jars", [POM]) or shutil.which("mvn"):
        return ""
    return (
        f"rocketmq: expected a distribution of RocketMQ 4.9.3 by --rocketmq HOME or {VARIABLE}, or "
        "Maven (mvn) on PATH to fetch its jars once, found neither; unpack the binary release and "
        "say where it is, or install Maven"
    )


def obtain(home: str, say: Callable[[str], None] = lambda _text: None) -> Distribution:
    """Find the jars, or let Maven fetch them; ``DistributionError`` says what is missing."""
    if problem := problem_of(home):
        raise DistributionError(problem)
    java = java_of_machine()
    assert java is not None, "no problem was found"
    _, given = _given(home)
    jars = given / "lib" if given is not None else _fetched(say)
    return Distribution(_version(jars) or "unknown", jars, java)


def distribution_text() -> str:
    """Say which distribution a run would take, in the words of ``mqhavoc doctor``."""
    _, given = _given("")
    if given is not None:
        return f"{_version(given / 'lib')} of {given}"
    return "4.9.3" if is_built("jars", [POM]) else "4.9.3, which Maven will fetch"


def java_of_machine() -> str | None:
    """Find Java: the one of JAVA_HOME before the one on PATH."""
    chosen = os.environ.get("JAVA_HOME", "")
    return (shutil.which(f"{chosen}/bin/java") if chosen else None) or shutil.which("java")


def _given(home: str) -> tuple[str, Path | None]:
    """Return which distribution somebody named, and how; None if nobody did."""
    if home:
        return "--rocketmq", Path(home).absolute()
    named = os.environ.get(VARIABLE, "")
    return VARIABLE, Path(named).absolute() if named else None


def _problem_of_home(where: str, home: Path) -> str:
    version = _version(home / "lib")
    if version is None:
        return (
            f"rocketmq: {where}: expected the folder of a binary distribution, with "
            f"lib/rocketmq-broker-4.9.3.jar, found none in {home}"
        )
    if not version.startswith(MAJOR):
        return (
            f"rocketmq: {where}: expected RocketMQ 4.9.3 or another 4, found {version} in {home}; "
            "with 5 came other brokers and other guarantees"
        )
    return ""


def _version(jars: Path) -> str | None:
    """Read the version of a folder of jars off the broker's."""
    names = sorted(path.name for path in jars.glob("rocketmq-broker-*.jar"))
    found = [match[1] for name in names if (match := BROKER_JAR.match(name))]
    return found[0] if found else None


def _fetched(say: Callable[[str], None]) -> Path:
    """Let Maven fetch the jars, if it has not done so before."""
    if not is_built("jars", [POM]):
        say("fetching the jars of RocketMQ 4.9.3 with Maven, once for this machine")
    maven = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    try:
        return build_once("jars", [POM], [*maven, f"-DoutputDirectory={TARGET}"])
    except BuildError as error:
        raise DistributionError(
            f"rocketmq: expected Maven to fetch the jars of 4.9.3, found: {error}; unpack the "
            f"binary release and say where it is, by --rocketmq HOME or {VARIABLE}"
        ) from error
