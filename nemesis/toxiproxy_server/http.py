"""HTTP/1.1 for a small API, on h11: requests in, responses out, nothing awaited in between.

A framework would read better for ten times the routes; starlette on uvicorn was tried, and took
300 ms of processor time before its first answer. A server that a nemesis restarts has not got
them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast
from urllib.parse import unquote

import h11

__all__ = ["HttpConnection", "Request", "Response", "plain_text"]

READ_SIZE_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request."""

    method: str
    path: str  # decoded, without the query
    user_agent: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response; without a body it has no content type either."""

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def with_header(self, name: str, value: str) -> "Response":
        """Say one thing more."""
        return Response(self.status, self.body, self.content_type, (*self.headers, (name, value)))


def plain_text(status: int, body: str) -> Response:
    """Answer in text, in the way of Go's http.Error."""
    headers = (("X-Content-Type-Options", "nosniff"),)
    return Response(status, f"{body}\n".encode(), "text/plain; charset=utf-8", headers)


class HttpConnection(asyncio.Protocol):
    """One client, asking one thing after the other."""

    def __init__(self, answer: Callable[[Request], Response]) -> None:
        self._answer = answer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=READ_SIZE_MAX)
        self._head: h11.Request | None = None
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer whatever is whole by now."""
        self._http.receive_data(data)
        try:
            while not self._transport.is_closing() and self._step():
                pass
        except h11.RemoteProtocolError as error:
            if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                self._send(plain_text(error.error_status_hint, f"400 Bad Request: {error}"))
            self._transport.close()

    def _step(self) -> bool:
        """Take one event; False if more must be read first."""
        match self._http.next_event():
            case h11.Request() as head:
                self._head, self._body = head, b""
                if self._http.they_are_waiting_for_100_continue:
                    self._write(h11.InformationalResponse(status_code=100, headers=[]))
            case h11.Data(data=data):
                self._body += bytes(data)
            case h11.EndOfMessage():
                self._send(self._answer(self._request()))
                if self._http.our_state is h11.MUST_CLOSE:
                    self._transport.close()
                else:
                    self._http.start_next_cycle()
            case _:
                return False
        return True

    def _request(self) -> Request:
        assert self._head is not None, "a body follows its head"
        path, _, _ = self._head.target.partition(b"?")
        headers = dict(self._head.headers)
        return Request(
            self._head.method.decode(),
            unquote(path.decode("ascii", "replace")),
            headers.get(b"user-agent", b"").decode("latin-1"),
            self._body,
        )

    def _send(self, response: Response) -> None:
        headers = list(response.headers)
        if response.content_type:
            headers.append(("Content-Type", response.content_type))
        if response.status != HTTPStatus.NO_CONTENT:
            headers.append(("Content-Length", str(len(response.body))))
        reason = HTTPStatus(response.status).phrase
        self._write(h11.Response(status_code=response.status, headers=headers, reason=reason))
        if response.body and (self._head is None or self._head.method != b"HEAD"):
            self._write(h11.Data(data=response.body))
        self._write(h11.EndOfMessage())

    def _write(self, event: h11.Event) -> None:
        self._transport.write(self._http.send(event) or b"")
