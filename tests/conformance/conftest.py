"""Both toxiproxies, and for each test a proxy in front of a listener."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from nemesis.toxiproxy import ToxiproxyServer, find_executable
from tests.conformance.proxy_rig import LONG_SECONDS, PORTS, Api, Rig


@pytest.fixture
def port() -> int:
    return next(PORTS)


@pytest.fixture
def other_port() -> int:
    return next(PORTS)


@pytest.fixture(scope="session", params=["embedded", "real"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ToxiproxyServer]:
    executable = find_executable() if request.param == "real" else None
    if request.param == "real" and executable is None:
        pytest.skip("toxiproxy-server is not installed; `make toxiproxy` installs it")
    log = tmp_path_factory.mktemp(request.param) / "toxiproxy.log"
    server = ToxiproxyServer(next(PORTS), log=log, executable=executable)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture
def api(server: ToxiproxyServer) -> Iterator[Api]:
    api = Api(server.port)
    yield api
    for name in api.ok("GET", "/proxies"):
        api.ok("DELETE", f"/proxies/{name}")
    api.session.close()


@pytest.fixture
def rig(api: Api, port: int) -> Iterator[Rig]:
    with closing(socket.create_server(("127.0.0.1", next(PORTS)))) as upstream:
        upstream.settimeout(LONG_SECONDS)
        host, upstream_port = upstream.getsockname()
        listen, target = f"127.0.0.1:{port}", f"{host}:{upstream_port}"
        api.ok("POST", "/proxies", {"name": "rig", "listen": listen, "upstream": target})
        rig = Rig(api, port, upstream)
        yield rig
        for sock in rig.sockets:
            sock.close()
