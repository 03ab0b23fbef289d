"""Foreign clients and servers: found or built once a machine, or skipped with the reason."""

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from harness.leases import lease_ports
from harness.rocketmq.builds import TARGET, BuildError, build_once
from harness.rocketmq.distribution import (
    JVM_OPTIONS,
    MODULES,
    Distribution,
    DistributionError,
    obtain,
)
from tests.interop.clusters import Cluster

HERE = Path(__file__).parent

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


def distribution() -> Distribution:
    """RocketMQ's jars, or the reason why there are none."""
    try:
        return obtain("")
    except DistributionError as error:
        pytest.skip(str(error))


def java_command() -> list[str]:
    """The start of a command that runs a class of theirs or of tests/interop/java."""
    need("javac", of="a JDK 11+")
    found = distribution()
    sources = sorted((HERE / "java").glob("*.java"))
    javac = ["javac", "-nowarn", "-cp", f"{found.jars}/*", "-d", TARGET, *sources]
    classes = built("classes", sources, javac)
    return [
        found.java,
        *JVM_OPTIONS,
        *MODULES.split(),
        "-cp",
        f"{classes}:{HERE / 'java'}:{found.jars}/*",
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
    """Run a build once for each state of its sources, or skip with the reason."""
    try:
        return build_once(name, sources, command)
    except BuildError as error:
        pytest.skip(str(error))
