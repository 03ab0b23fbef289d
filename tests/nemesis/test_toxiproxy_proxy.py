"""A proxy that is stopped at an awkward moment."""

import asyncio
from random import Random

import pytest

from nemesis.toxiproxy_server import proxy as module
from nemesis.toxiproxy_server.proxy import Proxy


async def test_a_proxy_can_be_stopped_in_the_step_in_which_a_dial_succeeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client's socket is the connection's to close by then, and is closed once."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[None] = loop.create_future()
    start = module.Connection.start

    def stop() -> None:
        try:
            tested.stop()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shall show it
            stopped.set_exception(error)
        else:
            stopped.set_result(None)

    def start_and_stop(connection: module.Connection, **options: object) -> None:
        loop.call_soon(stop)  # before anybody hears that the dial is done
        start(connection, **options)

    monkeypatch.setattr(module.Connection, "start", start_and_stop)
    served: list[asyncio.StreamWriter] = []
    upstream = await asyncio.start_server(lambda _, writer: served.append(writer), "127.0.0.1", 0)
    host, port = upstream.sockets[0].getsockname()
    tested = Proxy("p", "127.0.0.1:0", f"{host}:{port}", Random(1))
    tested.start()
    try:
        listen_host, _, listen_port = tested.listen.rpartition(":")
        reader, writer = await asyncio.open_connection(listen_host, int(listen_port))
        await asyncio.wait_for(stopped, 5)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
    finally:
        upstream.close()
        for writer in served:
            writer.close()
        await upstream.wait_closed()
