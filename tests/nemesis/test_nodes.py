"""A node is a process: it is ready when it says so, obeys signals, and never outlives the suite."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent
from time import monotonic, sleep

import psutil
import pytest

from nemesis import processes
from nemesis.nodes import ProcessNode, end_all, says_ready
from nemesis.targets import NodeEnds, TargetError

pytestmark = pytest.mark.live

READY = 'print(\'{"event": "ready"}\', flush=True)'
SLEEPER = f"import time; print('hello'); {READY}; time.sleep(60)"
CHILD = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'input()']); " + SLEEPER


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


@asynccontextmanager
async def node_of(tmp_path: Path, code: str = SLEEPER, **given: int) -> AsyncIterator[ProcessNode]:
    limits = {"ready_ms_max": 15_000, **given}
    node = ProcessNode("n", python(code), log=tmp_path / "n.log", **limits)
    try:
        yield node
    finally:
        node.end()


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def soon(holds: Callable[[], bool]) -> bool:
    deadline = monotonic() + 5
    while not holds() and monotonic() < deadline:
        sleep(0.01)
    return holds()


@pytest.mark.parametrize(
    ("line", "ready"),
    [
        ('{"event": "ready"}', True),
        ('{"event":"ready","port":1}', True),
        ("ready", False),
        ('{"event": "not yet ready"}', False),
        ('{"event": "ready"', False),
        ('["ready"]', False),
    ],
)
def test_only_the_ready_event_is_ready(line: str, ready: bool) -> None:
    assert says_ready(line) is ready


async def test_it_starts_once_and_is_measured(tmp_path: Path) -> None:
    async with node_of(tmp_path) as node:
        assert (node.pid(), node.figures()) == (None, None)
        await node.start()
        pid = node.pid()
        assert pid is not None
        await node.start()
        assert (node.pid(), node.starts) == (pid, 1)
        figures = node.figures()
        assert figures is not None
        assert figures.rss_bytes > 1_000_000
        assert figures.threads >= 1
        assert os.getsid(pid) == pid


async def test_stop_is_sigterm_and_kill_is_sigkill(tmp_path: Path) -> None:
    async with node_of(tmp_path) as node:
        await node.start()
        await node.stop()
        assert node.exit_code == -signal.SIGTERM
        await node.start()
        await node.kill()
        assert node.exit_code == -signal.SIGKILL
        assert node.pid() is None
        await node.stop()
        await node.kill()


async def test_a_frozen_node_can_be_stopped_and_killed(tmp_path: Path) -> None:
    async with node_of(tmp_path) as node:
        for end in (node.stop, node.kill):
            await node.start()
            await node.pause()
            assert node.paused()
            await end()
            assert (node.pid(), node.paused()) == (None, False)


async def test_pause_and_resume_are_seen(tmp_path: Path) -> None:
    async with node_of(tmp_path) as node:
        await node.start()
        assert not node.paused()
        await node.pause()
        assert node.paused()
        await node.resume()
        assert not node.paused()


async def test_a_dead_node_cannot_be_paused(tmp_path: Path) -> None:
    async with node_of(tmp_path) as node:
        with pytest.raises(TargetError, match="n: expected a running process to SIGSTOP"):
            await node.pause()


async def test_a_node_that_ends_before_it_is_ready_says_why(tmp_path: Path) -> None:
    async with node_of(tmp_path, "import sys; sys.exit('no port left')") as node:
        with pytest.raises(TargetError, match=r"ended with 1 .*n\.log says: no port left"):
            await node.start()


async def test_a_node_that_is_never_ready_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    code = "import time; print('almost', flush=True); time.sleep(60)"
    async with node_of(tmp_path, code, ready_ms_max=300) as node:
        with pytest.raises(TargetError, match="not ready within 300 ms"):
            await node.start()


async def test_the_ready_line_of_an_earlier_life_does_not_count(tmp_path: Path) -> None:
    async with node_of(tmp_path) as node:
        await node.start()
        await node.kill()
        node.command = python("raise SystemExit('second life')")
        with pytest.raises(TargetError, match="second life"):
            await node.start()
        assert "hello" in node.log.read_text()


async def test_a_program_that_does_not_exist_is_said(tmp_path: Path) -> None:
    node = ProcessNode("n", ["/nowhere/broker"], log=tmp_path / "n.log")
    with pytest.raises(TargetError, match="no executable '/nowhere/broker'"):
        await node.start()


async def test_a_node_that_ignores_sigterm_is_killed_and_told(tmp_path: Path) -> None:
    ignoring = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
    async with node_of(tmp_path, ignoring, stop_ms_max=200) as node:
        await node.start()
        with pytest.raises(TargetError, match="expected to end within 200 ms of SIGTERM"):
            await node.stop()
        assert node.pid() is None


async def test_ends_are_asked_of_a_running_node_and_never_raise(tmp_path: Path) -> None:
    async def asked() -> NodeEnds:
        return NodeEnds(5, 3)

    async def failing() -> NodeEnds:
        raise OSError("unreachable")

    node = ProcessNode("n", python(SLEEPER), log=tmp_path / "n.log", ends=asked)
    other = ProcessNode("m", python(SLEEPER), log=tmp_path / "m.log", ends=failing)
    try:
        assert await node.ends() == NodeEnds(None, None)
        await node.start()
        await other.start()
        assert await node.ends() == NodeEnds(5, 3)
        assert await other.ends() == NodeEnds(None, None)
        await node.pause()
        assert await node.ends() == NodeEnds(None, None)
    finally:
        end_all([node, other])


async def test_end_all_ends_what_a_node_started_too(tmp_path: Path) -> None:
    async with node_of(tmp_path, CHILD) as node:
        await node.start()
        pid = node.pid()
        assert pid is not None
        (child,) = psutil.Process(pid).children()
        end_all([node])
        assert gone(pid)
        assert soon(lambda: gone(child.pid))


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
@pytest.mark.parametrize("setpriv", [True, False])
def test_a_killed_suite_leaves_no_node(tmp_path: Path, setpriv: bool) -> None:
    """SIGKILL gives the suite no time to end anything; the kernel does, frozen or not."""
    suite = dedent(f"""
        import asyncio, shutil, sys
        from pathlib import Path
        from nemesis.nodes import ProcessNode
        which = shutil.which
        if not {setpriv}:
            shutil.which = lambda name: None if name == "setpriv" else which(name)
        async def main():
            folder, command = Path({str(tmp_path)!r}), {python(SLEEPER)!r}
            nodes = [ProcessNode(name, command, log=folder / name) for name in "ab"]
            for node in nodes:
                await node.start()
            await nodes[1].pause()
            print(*(node.pid() for node in nodes), flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """)
    with subprocess.Popen([sys.executable, "-c", suite], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
        assert not any(map(gone, pids))
        process.kill()
    assert soon(lambda: all(map(gone, pids)))


async def test_a_process_starts_with_the_environment_and_more(tmp_path: Path) -> None:
    code = "import os; print(os.environ['PATH'] != '', os.environ['MORE'])"
    process = processes.Process(python(code), log=tmp_path / "log", env={"MORE": "yes"})
    assert soon(lambda: not process.alive)
    assert (process.output(), process.exit_code) == ("True yes\n", 0)
    process.end()


async def test_a_log_that_has_grown_too_long_is_turned_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child goes on writing into the same file, and what it has said is not read as zeros."""
    monkeypatch.setattr(processes, "LOG_LOOK_SECONDS", 0.01)
    code = "import time\nwhile True:\n  print('x' * 99, flush=True)\n  time.sleep(0.0005)"
    log = tmp_path / "log"
    process = processes.Process(python(code), log=log, log_bytes_max=5_000)
    try:
        async with asyncio.timeout(10):
            old = tmp_path / "log.1"
            while not old.exists() or "x" not in process.output():  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
    finally:
        process.end()
    assert old.stat().st_size > 5_000
    assert set(log.read_text()) == {"x", "\n"}


def test_a_short_log_stays(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("12345")
    assert not processes.turn_over(log, bytes_max=5)
    assert processes.turn_over(log, bytes_max=4)
    assert [path.read_text() for path in (log, tmp_path / "log.1")] == ["", "12345"]
