"""Every fault of toxiproxy-python (spec/toxiproxy.md, B1) is mended, seen from the wire."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import toxiproxy.api
import toxiproxy.server

from nemesis.toxiproxy_client import (
    ProxySpec,
    ToxicSpec,
    ToxiproxyClient,
    ToxiproxyError,
    ToxiproxyUnansweredError,
)

PROXY = b'{"name":"p","listen":"127.0.0.1:1","upstream":"u","enabled":true,"toxics":[]}'


@contextmanager
def answering(status: str, body: bytes) -> Iterator[tuple[int, list[str]]]:
    """Answer every request alike, and note the request lines; an empty status is silence."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    asked.append(connection.recv(65536).split(b"\r\n")[0].decode())
                    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n"
                    head += "Connection: close\r\n\r\n"
                    if status:
                        connection.sendall(head.encode() + body)
                    else:
                        connection.recv(1)  # until the client gives up

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def client_of(port: int, timeout_s: float = 5) -> Iterator[ToxiproxyClient]:
    client = ToxiproxyClient("127.0.0.1", port, timeout_s)
    try:
        yield client
    finally:
        client.close()


def test_a_500_is_an_error_that_says_what_the_server_said() -> None:
    with (
        answering("500 Oops", b'{"error":"bind: address already in use"}') as (port, _),
        client_of(port) as client,
        pytest.raises(ToxiproxyError, match=r"failed with 500: .*bind: address already in use"),
    ):
        client.enable("p", enabled=True)


def test_the_servers_own_time_out_is_no_answer() -> None:
    with (
        answering("503 Busy", b"<html>Timeout</html>") as (port, _),
        client_of(port) as client,
        pytest.raises(ToxiproxyUnansweredError, match="503"),
    ):
        client.read("p")


def test_silence_ends_in_time() -> None:
    with (
        answering("", b"") as (port, _),
        client_of(port, timeout_s=0.05) as client,
        pytest.raises(ToxiproxyUnansweredError, match=r"no answer to DELETE /proxies/p .* 0\.05 s"),
    ):
        client.destroy("p")


def test_nobody_there_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with client_of(port) as client, pytest.raises(ToxiproxyUnansweredError, match="not answering"):
        client.version()


@pytest.mark.parametrize("status", ["400 Bad", "404 None", "409 There"])
def test_a_refusal_is_one_kind_of_error_whatever_the_library_makes_of_it(status: str) -> None:
    with (
        answering(status, b'{"error":"no"}') as (port, _),
        client_of(port) as client,
        pytest.raises(ToxiproxyError, match=r'refused: \{"error":"no"\}') as refused,
    ):
        client.add_toxic("p", "t", ToxicSpec("latency", "upstream"))
    assert not isinstance(refused.value, ToxiproxyUnansweredError)


def test_html_where_json_should_be_is_an_error() -> None:
    with (
        answering("200 OK", b"<html>") as (port, _),
        client_of(port) as client,
        pytest.raises(ToxiproxyError, match="expected JSON"),
    ):
        client.read("p")


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with answering("200 OK", b'{"version": "x"}') as (port, _), client_of(port) as client:
        assert client.version() == "x"


def test_names_are_quoted() -> None:
    with answering("200 OK", PROXY) as (port, asked), client_of(port) as client:
        client.read("a->b? #%")
    assert asked == ["GET /proxies/a-%3Eb%3F%20%23%25 HTTP/1.1"]


@pytest.mark.parametrize("name", ["", "a/b"])
def test_a_name_that_cannot_be_addressed_is_refused(name: str) -> None:
    with (
        client_of(1) as client,
        pytest.raises(ToxiproxyError, match="fits into a URL path"),
    ):
        client.create(ProxySpec(name, "127.0.0.1:1", "127.0.0.1:2"))


def test_one_proxy_is_switched_without_asking_for_all() -> None:
    """GET /proxies is the call that one hung proxy hangs."""
    with answering("200 OK", PROXY) as (port, asked), client_of(port) as client:
        client.enable("p", enabled=False)
        client.add_toxic("p", "t", ToxicSpec("latency", "upstream"))
        client.remove_toxic("p", "t")
    assert not [line for line in asked if line.startswith("GET /proxies ")]


def test_two_servers_can_be_driven_from_two_threads() -> None:
    with (
        answering("200 OK", b'{"version": "one"}') as (first, _),
        answering("200 OK", b'{"version": "two"}') as (second, _),
        client_of(first) as one,
        client_of(second) as two,
    ):
        heard: dict[str, set[str]] = {"one": set(), "two": set()}

        def ask(name: str, client: ToxiproxyClient) -> None:
            heard[name] = {client.version() for _ in range(20)}

        threads = [
            threading.Thread(target=ask, args=("one", one)),
            threading.Thread(target=ask, args=("two", two)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert heard == {"one": {"one"}, "two": {"two"}}


def test_the_library_serves_others_as_it_did() -> None:
    """Only our own calls go to our consumer."""
    with answering("200 OK", b"{}") as (port, asked):
        toxiproxy.server.Toxiproxy().update_api_consumer("127.0.0.1", port)
        try:
            assert toxiproxy.server.Toxiproxy().proxies() == {}
        finally:
            toxiproxy.api.APIConsumer.port = 8474
    assert asked == ["GET /proxies HTTP/1.1"]
