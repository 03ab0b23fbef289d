"""Foreign clients and servers: found or built once a machine, or skipped with the reason."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from harness.leases import lease_ports
from tests.interop.clusters import Cluster

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mqhavoc" / "interop"
BUILD_S_MAX = 600
TARGET = "{target}"

CPP_CLIENT = "rocketmq==0.4.4"
NODE_CLIENT = "ali-ons@3.12.0"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster without nodes: the test starts those that it wants."""
    with lease_ports() as block:
        nodes = Cluster(tmp_path, block)
        yield nodes
        nodes.end()


@pytest.fixture
def java(tmp_path: Path) -> list[str]:
    """The start of a command that runs a class: RocketMQ's 4.9.3, or one of tests/interop/java."""
    command = java_command()
    return [command[0], f"-Duser.home={tmp_path}", *command[1:]]  # its clients log below it


@pytest.fixture(scope="session")
def go_client() -> Path:
    """The Go client, built from tests/interop/go."""
    return go_program()


@pytest.fixture(scope="session")
def cpp_client() -> Path:
    """A folder from which Python imports the binding of the C++ client and its library."""
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--target", TARGET]
    return built("cpp", [CPP_CLIENT], [*pip, CPP_CLIENT])


@pytest.fixture(scope="session")
def node_client() -> Path:
    """A node_modules folder with the JavaScript client."""
    need("node", "npm", of="Node.js 20+")
    npm = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", TARGET]
    return built("node", [NODE_CLIENT], [*npm, NODE_CLIENT]) / "node_modules"


def java_command() -> list[str]:
    need("java", "javac", "mvn", of="a JDK 11+ and Maven")
    pom = HERE / "java" / "pom.xml"
    maven = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
    jars = built("jars", [pom], [*maven, f"-DoutputDirectory={TARGET}"])
    sources = sorted((HERE / "java").glob("*.java"))
    classes = built(
        "classes", sources, ["javac", "-nowarn", "-cp", f"{jars}/*", "-d", TARGET, *sources]
    )
    return [
        "java",
        "-Xmx256m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "--add-opens=java.base/java.nio=ALL-UNNAMED",
        "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
        "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
        "-cp",
        f"{classes}:{HERE / 'java'}:{jars}/*",
    ]


def go_program() -> Path:
    need("go", of="Go 1.22+")
    folder = HERE / "go"
    sources = [folder / name for name in ("go.mod", "go.sum")]
    go = ["go", "build", "-C", folder, "-o", f"{TARGET}/client", "."]
    return built("go", [*sources, *sorted(folder.glob("*.go"))], go) / "client"


def need(*tools: str, of: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not on PATH; install {of} to run this")


def built(name: str, sources: Iterable[Path | str], command: Sequence[Path | str]) -> Path:
    """Run a build once for each state of its sources; concurrent test workers wait for it."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes() if isinstance(source, Path) else source.encode())
    target = CACHE / f"{name}-{digest.hexdigest()[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / ".complete").exists():
            target.mkdir(exist_ok=True)
            _build([str(part).replace(TARGET, str(target)) for part in command], name)
            (target / ".complete").touch()
    return target


def _build(command: list[str], name: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S_MAX, check=False)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        pytest.skip(f"{name}: could not be built here: {' '.join(last)[:300]}")
