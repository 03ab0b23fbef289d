"""A client, a server, and a chain each way.

    client -> upstream chain   -> server
    client <- downstream chain <- server

There is no half-close: FIN that comes out of a chain closes the socket it comes to, and so ends
that socket's reading too. While a chain has no toxics, bytes go from socket to socket.
"""

import asyncio
from collections.abc import Callable, Iterable
from math import inf
from random import Random
from time import monotonic

from nemesis.toxiproxy_server.chain import Chain, Placed
from nemesis.toxiproxy_server.endpoint import Endpoint

__all__ = ["Connection", "Link"]


class Link:
    """One direction: reads one endpoint, pushes through a chain, writes the other."""

    __slots__ = ("_loop", "_sink", "_source", "_timer", "_wakes_at", "chain")

    def __init__(
        self, source: Endpoint, sink: Endpoint, chain: Chain, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._source = source
        self._sink = sink
        self.chain = chain
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = inf

    def on_readable(self) -> None:
        """Carry what has come, by the short way if there is no toxic."""
        data = self._source.receive()
        if data is None:
            return
        if data and self.chain.is_plain and not self._sink.is_full:
            self._sink.send(data)
            if self._sink.is_full:
                self._source.watch(reading=False)
            return
        if data:
            self.chain.feed(data, monotonic())
        else:
            self.chain.finish()
        self.pump()

    def on_source_closed(self) -> None:
        """Treat a socket that we closed ourselves as one at its end."""
        self.chain.finish()
        self.pump()

    def pump(self) -> None:
        """Move all that can move, then wait for bytes, room or time."""
        now = monotonic()
        self.chain.advance(now)
        while self.chain.exit.chunks and not self._sink.is_full:
            self._sink.send(self.chain.exit.chunks.popleft().data)
            self.chain.advance(now)

        if self.chain.exit.ended and not self._sink.is_full:
            self._sink.close()
        wanted = self.chain.wants_bytes and not self._sink.is_full and not self._sink.closed
        self._source.watch(reading=wanted)
        self._wake_at(inf if self._sink.closed else self.chain.wakes_at, now)

    def stop(self) -> None:
        """Forget the timer."""
        self._wake_at(inf, 0)

    def _wake_at(self, when: float, now: float) -> None:
        if when == self._wakes_at:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wakes_at = when
        if when < inf:
            self._timer = self._loop.call_later(max(0, when - now), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._wakes_at = inf
        self.pump()


class Connection:
    """Both directions, from accept to the end of both sockets."""

    __slots__ = ("_client", "_on_ended", "_server", "downstream", "upstream")

    def __init__(
        self,
        client: Endpoint,
        server: Endpoint,
        toxics: tuple[Iterable[Placed], Iterable[Placed]],
        rng: Random,
        on_ended: Callable[["Connection"], None],
    ) -> None:
        self._client = client
        self._server = server
        self._on_ended = on_ended
        loop = asyncio.get_running_loop()
        upstream, downstream = (Chain(placed, rng, monotonic()) for placed in toxics)
        self.upstream = Link(client, server, upstream, loop)
        self.downstream = Link(server, client, downstream, loop)
        client.connect(self.upstream.on_readable, self.downstream.pump, self._on_client_closed)
        server.connect(self.downstream.on_readable, self.upstream.pump, self._on_server_closed)

    def start(self, *, resets: bool) -> None:
        """Let bytes flow."""
        if resets:
            self._client.reset_on_close()
            self._server.reset_on_close()
        self.upstream.pump()
        self.downstream.pump()

    def abort(self) -> None:
        """Close both sockets now; what the chains hold is lost."""
        self._client.close()
        self._server.close()

    def _on_client_closed(self) -> None:
        self.upstream.on_source_closed()
        self._end_if_both_closed()

    def _on_server_closed(self) -> None:
        self.downstream.on_source_closed()
        self._end_if_both_closed()

    def _end_if_both_closed(self) -> None:
        if self._client.closed and self._server.closed:
            self.upstream.stop()
            self.downstream.stop()
            self._on_ended(self)
