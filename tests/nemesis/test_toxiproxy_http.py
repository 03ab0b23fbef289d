"""The embedded server's HTTP: whole requests or in pieces, one after the other, and nonsense."""

import asyncio
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemesis.toxiproxy_server.http import HttpConnection, Request, Response


class Wire:
    """What a transport would be, remembering what was written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def talk(*pieces: bytes) -> tuple[list[Request], Wire]:
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return Response(200, b"yes", "text/plain")

    connection, wire = HttpConnection(answer), Wire()
    connection.connection_made(cast("asyncio.Transport", wire))
    for piece in pieces:
        connection.data_received(piece)
    return asked, wire


POST = b"POST /a%20b?q HTTP/1.1\r\nHost: x\r\nUser-Agent: me\r\nContent-Length: 4\r\n\r\nbody"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ASKED = Request("POST", "/a b", "me", b"body")


@given(st.lists(st.integers(0, len(POST)), max_size=8).map(sorted))
def test_a_request_may_come_in_any_pieces(cuts: list[int]) -> None:
    pieces = [POST[a:b] for a, b in zip([0, *cuts], [*cuts, len(POST)], strict=True) if a != b]
    asked, wire = talk(*pieces)
    assert asked == [ASKED]
    assert wire.written.endswith(b"\r\n\r\nyes")


def test_requests_may_come_together() -> None:
    asked, wire = talk(POST + GET + POST)
    assert [request.method for request in asked] == ["POST", "GET", "POST"]
    assert wire.written.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert not wire.closed


def test_a_client_that_says_close_is_closed() -> None:
    asked, wire = talk(GET.replace(b"Host: x", b"Host: x\r\nConnection: close"))
    assert len(asked) == 1
    assert wire.closed


def test_a_head_is_answered_without_the_body() -> None:
    _, wire = talk(GET.replace(b"GET", b"HEAD"))
    assert b"Content-Length: 3" in wire.written
    assert wire.written.endswith(b"\r\n\r\n")


def test_a_client_that_waits_to_be_asked_is_asked() -> None:
    head, _, body = POST.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue").rpartition(b"\n")
    _, wire = talk(head + b"\n")
    assert wire.written.startswith(b"HTTP/1.1 100 ")
    assert body == b"body"


@pytest.mark.parametrize(
    "nonsense",
    [b"hello\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: " + b"x" * 70_000],
)
def test_what_is_not_http_is_a_400_or_so_and_the_end(nonsense: bytes) -> None:
    asked, wire = talk(nonsense)
    assert asked == []
    assert wire.written.startswith(b"HTTP/1.1 4")
    assert wire.closed


@given(st.binary(max_size=300))
def test_any_bytes_are_answered_or_waited_on(data: bytes) -> None:
    asked, wire = talk(data)
    assert asked == [] or wire.written
