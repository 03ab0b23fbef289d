"""A proxy in front of a listener, plain sockets at both ends, and the API without the library."""

import itertools
import os
import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
NOWHERE = "127.0.0.1:1"
NEW = {"name": "new", "upstream": NOWHERE, "enabled": False}

QUIET_SECONDS = 0.1  # nothing coming for this long is nothing coming
LONG_SECONDS = 5.0


def _ports() -> Iterator[int]:
    """Yield free ports below the ephemeral range, another block for each worker."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    start = 20000 + (os.getpid() * 131 + worker * 3000) % 11000
    for port in itertools.cycle(itertools.chain(range(start, 32000), range(20000, start))):
        if _is_free(port):
            yield port


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


PORTS = _ports()


class Api:
    """The HTTP API, without the library."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.session = requests.Session()
        self.session.trust_env = False

    def call(self, method: str, path: str, json: Any = None, **more: Any) -> requests.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        return self.session.request(method, url, json=json, timeout=10, **more)

    def ok(self, method: str, path: str, json: Any = None) -> Any:
        response = self.call(method, path, json)
        assert response.ok, response.text
        return response.json() if response.content else None


@dataclass
class Rig:
    """One proxy, the listener behind it, and what was connected through it."""

    api: Api
    listen: int
    upstream: socket.socket
    sockets: list[socket.socket] = field(default_factory=list)

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """Give the client's and the server's end of one connection."""
        client = socket.create_connection(("127.0.0.1", self.listen), timeout=LONG_SECONDS)
        server, _ = self.upstream.accept()
        server.settimeout(LONG_SECONDS)
        self.sockets += [client, server]
        return client, server

    def toxic(
        self, type: str, stream: str = "downstream", toxicity: float = 1.0, **attributes: Any
    ) -> Any:
        toxic = {"type": type, "stream": stream, "toxicity": toxicity, "attributes": attributes}
        return self.api.ok("POST", "/proxies/rig/toxics", toxic)

    def remove(self, name: str) -> None:
        self.api.ok("DELETE", f"/proxies/rig/toxics/{name}")

    def enable(self, enabled: bool) -> Any:
        return self.api.ok("PATCH", "/proxies/rig", {"enabled": enabled})

    def refuses(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.listen), timeout=1).close()
        except ConnectionRefusedError:
            return True
        return False


def read_exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        assert more, f"expected {size} bytes, FIN came after {data!r}"
        data += more
    return data


def ending(sock: socket.socket, within: float = LONG_SECONDS) -> str:
    """Tell how a connection stands: silent, bytes, fin or rst."""
    ready, _, _ = select.select([sock], [], [], within)
    if not ready:
        return "silent"
    try:
        return "bytes" if sock.recv(1, socket.MSG_PEEK) else "fin"
    except ConnectionResetError:
        return "rst"


def is_silent(sock: socket.socket) -> bool:
    return ending(sock, QUIET_SECONDS) == "silent"


def without_logger(body: Any) -> Any:
    """Forget the field that toxiproxy 2.12 shows by mistake."""
    if isinstance(body, list):
        return [without_logger(item) for item in body]
    if isinstance(body, dict):
        return {key: without_logger(value) for key, value in body.items() if key != "Logger"}
    return body


def answer(response: requests.Response) -> tuple[int, str | None, object]:
    return (
        response.status_code,
        response.headers.get("content-type"),
        without_logger(response.json()),
    )


def error(status: int, message: str) -> tuple[int, str, dict[str, Any]]:
    return status, TEXT, {"error": message, "status": status}
