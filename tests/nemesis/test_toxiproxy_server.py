"""A server process of ours: started, hung, killed, restarted with all it should have."""

import asyncio
import signal
import socket
import sys
import types
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import psutil
import pytest

from nemesis.links import ProxiedLink
from nemesis.targets import CutMode, LinkState, Stream, TargetError
from nemesis.toxiproxy import (
    Kind,
    Proxy,
    ProxySpec,
    ToxicSpec,
    ToxiproxyError,
    ToxiproxyServer,
    find_executable,
)
from tests.conformance.proxy_rig import PORTS

pytestmark = pytest.mark.live

BOTH = pytest.mark.parametrize("kind", list(Kind))


@asynccontextmanager
async def serving(
    log: Path, kind: Kind = Kind.EMBEDDED, timeout_s: float = 3
) -> AsyncIterator[ToxiproxyServer]:
    executable = find_executable() if kind is Kind.REAL else None
    if kind is Kind.REAL and executable is None:
        pytest.skip("toxiproxy-server is not installed; `make toxiproxy` installs it")
    server = ToxiproxyServer(next(PORTS), log=log, executable=executable, timeout_s=timeout_s)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def linked(server: ToxiproxyServer) -> AsyncIterator[tuple[Proxy, ProxiedLink]]:
    """One proxy before a listener that echoes."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1000):
                writer.write(data)
        except ConnectionError:
            pass  # a proxy that is killed resets what it held
        finally:
            writer.close()

    upstream = await asyncio.start_server(echo, "127.0.0.1", next(PORTS))
    async with upstream:
        host, port = upstream.sockets[0].getsockname()
        spec = ProxySpec("a->b", f"127.0.0.1:{next(PORTS)}", f"{host}:{port}")
        proxy = await server.create(spec)
        yield proxy, ProxiedLink("a->b", proxy, request=b"?")


@BOTH
async def test_it_says_what_it_is_and_leaves_nothing(tmp_path: Path, kind: Kind) -> None:
    async with serving(tmp_path / "log", kind) as server:
        pid = server.pid
        assert pid is not None
        assert server.kind is kind
        assert server.version in ("2.12.0", "git")
    assert server.pid is None
    assert not psutil.pid_exists(pid)


async def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    port = next(PORTS)
    with socket.create_server(("127.0.0.1", port)):
        server = ToxiproxyServer(port, log=tmp_path / "log")
        with pytest.raises(ToxiproxyError, match=f"port {port} .*[Aa]ddress already in use"):
            await server.start()


@BOTH
async def test_a_killed_server_comes_back_with_all_it_should_have(
    tmp_path: Path, kind: Kind
) -> None:
    async with serving(tmp_path / "log", kind) as server, linked(server) as (proxy, link):
        await link.add_toxic("slow", "latency", Stream.BOTH, latency=5)
        off = await server.create(
            ProxySpec("off", f"127.0.0.1:{next(PORTS)}", "u:1", enabled=False)
        )
        before = await link.state()
        server.end()
        assert await link.state() == before
        assert (await off.read()).enabled is False
        assert await link.probe(2000) == "answers"
        assert len(server.restarts) == 1
        assert proxy.wanted.toxics.keys() == {"slow_upstream", "slow_downstream"}


async def test_a_change_that_is_broken_off_does_not_come_after_the_next_one(
    tmp_path: Path,
) -> None:
    """A first Ctrl-C may come in the middle of a cut, and the cure comes at once."""
    async with serving(tmp_path / "log") as server, linked(server) as (_, link):
        for moment in range(8):
            cut = asyncio.create_task(link.cut(CutMode.STALL_PLUS, Stream.BOTH))
            await asyncio.sleep(moment * 0.002)
            cut.cancel()
            await asyncio.gather(cut, return_exceptions=True)
            await link.heal()
            assert await link.state() == LinkState(enabled=True, toxics={})


async def test_a_hung_server_is_restarted_and_the_change_is_made_all_the_same(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "log", timeout_s=0.4) as server, linked(server) as (_, link):
        pid = server.pid
        assert pid is not None
        psutil.Process(pid).send_signal(signal.SIGSTOP)
        await link.cut(CutMode.STALL, Stream.BOTH)
        assert server.pid != pid
        assert await link.probe(150) == "silent"
        assert "no answer to POST" in server.restarts[0]


async def test_the_real_servers_own_wedge_is_survived(tmp_path: Path) -> None:
    """A slow_close is removed while it waits for a bandwidth of 0 behind it: A6, nobody paused."""
    async with (
        serving(tmp_path / "log", Kind.REAL, timeout_s=0.5) as server,
        linked(server) as (proxy, link),
    ):
        stall = ToxicSpec("bandwidth", "upstream", {"rate": 0})
        close = ToxicSpec("slow_close", "upstream", {"delay": 10_000})
        await proxy.set_toxics({"close": close, "stall": stall})
        host, _, port = proxy.wanted.listen.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        for _ in range(5):
            writer.write(b"x")
            await asyncio.sleep(0.02)
        await proxy.set_toxics({"stall": stall})
        writer.close()
        assert len(server.restarts) == 1
        assert (await proxy.read()).toxics.keys() == {"stall"}
        await link.heal()
        assert await link.probe(2000) == "answers"


@BOTH
async def test_a_failed_change_is_an_error_and_is_not_wanted_later(
    tmp_path: Path, kind: Kind
) -> None:
    async with serving(tmp_path / "log", kind) as server, linked(server) as (proxy, link):
        with pytest.raises(TargetError, match=r"a->b: .*invalid toxic type"):
            await link.add_toxic("bad", "no_such_toxic", Stream.UPSTREAM)
        assert proxy.wanted.toxics == {}

        await proxy.disable()
        port = int(proxy.wanted.listen.rpartition(":")[2])
        with (
            socket.create_server(("127.0.0.1", port)),
            pytest.raises(TargetError, match="address already in use"),
        ):
            await link.heal()
        assert proxy.wanted.enabled is False
        assert await link.probe(500) == "refused"
        assert server.restarts == []


@BOTH
async def test_a_proxy_that_cannot_be_made_is_an_error(tmp_path: Path, kind: Kind) -> None:
    async with serving(tmp_path / "log", kind) as server:
        taken = ProxySpec("p", f"127.0.0.1:{server.port}", "u:1")
        with pytest.raises(ToxiproxyError, match="address already in use"):
            await server.create(taken)
        assert server.wanted == {}
        await server.create(ProxySpec("p", f"127.0.0.1:{next(PORTS)}", "u:1"))
        with pytest.raises(ToxiproxyError, match="already exists"):
            await server.create(ProxySpec("p", f"127.0.0.1:{next(PORTS)}", "u:1"))


@BOTH
@pytest.mark.parametrize("mode", list(CutMode))
async def test_a_cut_is_read_back_probed_and_healed(
    tmp_path: Path, kind: Kind, mode: CutMode
) -> None:
    async with serving(tmp_path / "log", kind) as server, linked(server) as (_, link):
        assert await link.probe(2000) == "answers"
        await link.cut(mode, Stream.BOTH)
        state = await link.state()
        assert state.enabled is (mode is not CutMode.REFUSE)
        assert all(
            {"type", "stream"} < toxic.keys() and name.startswith("cut_")
            for name, toxic in state.toxics.items()
        )
        assert await link.probe(100) == ("refused" if mode is CutMode.REFUSE else "silent")
        await link.heal()
        assert await link.state() == LinkState(enabled=True, toxics={})
        assert await link.probe(2000) == "answers"
        assert server.restarts == []


async def test_cycle_ends_every_connection(tmp_path: Path) -> None:
    async with serving(tmp_path / "log") as server, linked(server) as (proxy, link):
        host, _, port = proxy.wanted.listen.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"x")
        assert await reader.read(1) == b"x"
        await link.cycle()
        assert await reader.read() == b""
        writer.close()
        assert await link.probe(2000) == "answers"


async def test_a_probe_of_a_link_whose_listener_is_down_is_closed(tmp_path: Path) -> None:
    async with serving(tmp_path / "log") as server:
        spec = ProxySpec("p", f"127.0.0.1:{next(PORTS)}", f"127.0.0.1:{next(PORTS)}")
        link = ProxiedLink("p", await server.create(spec))
        assert await link.probe(2000) == "closed"


async def test_a_real_proxy_of_a_paused_node_is_not_touched() -> None:
    proxy = types.SimpleNamespace(kind=Kind.REAL, wanted=ProxySpec("p", "l", "u"))
    link = ProxiedLink("p", proxy, paused_end=lambda: "slave")  # type: ignore[arg-type]
    with pytest.raises(TargetError, match="p: slave is paused"):
        await link.heal()


async def test_the_embedded_server_stops_at_once_on_sigterm_and_says_so_by_0(
    tmp_path: Path,
) -> None:
    """Even with a connection that holds bytes nobody reads."""
    port = next(PORTS)
    command = [sys.executable, "-m", "nemesis.toxiproxy_server", "-port", str(port)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert b"Starting Toxiproxy HTTP server" in await process.stdout.readline()
    began = monotonic()
    process.terminate()
    assert await process.wait() == 0
    assert monotonic() - began < 3
