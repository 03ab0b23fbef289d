"""Foreign clients and servers: found or built once a machine, or skipped with the reason."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mqhavoc" / "interop"
BUILD_S_MAX = 600


@pytest.fixture(scope="session")
def java() -> list[str]:
    """The command that runs a Java source file against RocketMQ 4.9.3's jars."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not on PATH; install a JDK 11+ and Maven to run this")
    jars = _built(
        HERE / "java" / "pom.xml",
        lambda target: ["mvn", "-q", "-B", "-f", str(HERE / "java" / "pom.xml"),
                        "dependency:copy-dependencies", f"-DoutputDirectory={target}"],
    )  # fmt: skip
    return [
        "java",
        "-Xmx256m",
        "-XX:+UseSerialGC",
        "--add-opens=java.base/java.nio=ALL-UNNAMED",
        "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
        "-cp",
        f"{jars}/*",
    ]


@pytest.fixture(scope="session")
def go_client() -> Path:
    """The Go client, built from tests/interop/go."""
    if shutil.which("go") is None:
        pytest.skip("go is not on PATH; install Go 1.22+ to run this")
    sources = HERE / "go"
    folder = _built(
        sources / "main.go",
        lambda target: ["go", "build", "-C", str(sources), "-o", f"{target}/client", "."],
    )
    return folder / "client"


def _built(source: Path, command: Callable[[Path], list[str]]) -> Path:
    """Run a build once for each state of its source; concurrent test workers wait for it."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    target = CACHE / f"{source.stem}-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / ".complete").exists():
            target.mkdir(exist_ok=True)
            built = subprocess.run(
                command(target), capture_output=True, text=True, timeout=BUILD_S_MAX, check=False
            )
            if built.returncode != 0:
                last = (built.stderr or built.stdout).strip().splitlines()[-1:]
                pytest.skip(f"{source.name} could not be built here: {' '.join(last)[:300]}")
            (target / ".complete").touch()
    return target
