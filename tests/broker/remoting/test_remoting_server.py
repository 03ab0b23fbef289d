"""A server on a real socket of loopback, and on the memory network."""

import asyncio

from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.remoting.server import Server, dispatch
from tests.broker.remoting.memory_network import MemoryNetwork


def pong(command: Command, _connection: Connection) -> Command:
    return command.reply(0, body=b"pong")


async def dial(network: MemoryNetwork) -> Connection:
    _, connection = await network.connect(Connection, "host", 1)
    return connection


async def test_a_code_is_served_by_its_handler_and_others_are_refused() -> None:
    network = MemoryNetwork()
    server = Server(network, "host", 1, dispatch({10: pong}))
    await server.start()
    client = await dial(network)
    assert (await client.request(Command(10), 1000)).body == b"pong"
    refused = await client.request(Command(999), 1000)
    assert (refused.code, refused.remark) == (3, " request type 999 not supported")
    await server.close()


async def test_closing_stops_handlers_sends_replies_and_ends_connections() -> None:
    """A reply that is ready must not be lost to a clean stop: its sender would be in doubt."""
    network = MemoryNetwork()
    stopped: list[str] = []

    async def forever(_command: Command, _connection: Connection) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append("cancelled")

    arrived = asyncio.Event()

    def serve_last(command: Command, connection: Connection) -> Command:
        arrived.set()
        return pong(command, connection)

    server = Server(network, "host", 1, dispatch({10: serve_last, 11: forever}))
    await server.start()
    client = await dial(network)
    waiting = asyncio.create_task(client.request(Command(11), 1000))
    ready = asyncio.create_task(client.request(Command(10), 1000))
    await arrived.wait()
    await server.close()
    assert (await ready).body == b"pong"
    assert (await asyncio.gather(waiting, return_exceptions=True))[0] is not None
    assert stopped == ["cancelled"]
    assert server.connections == ()
    assert network.listeners == {}


async def test_a_peer_that_does_not_read_cannot_hold_up_the_close() -> None:
    network = MemoryNetwork()
    server = Server(network, "host", 1, dispatch({10: pong}))
    await server.start()
    await dial(network)
    network.wires[0][1].close = lambda: None  # type: ignore[method-assign] - never flushed
    begun = asyncio.get_running_loop().time()
    await server.close()
    assert asyncio.get_running_loop().time() - begun < 3
    assert network.wires[0][1].closing


async def test_those_who_ask_are_told_of_closed_connections() -> None:
    network = MemoryNetwork()
    server = Server(network, "host", 1, dispatch({}))
    gone: list[str] = []
    server.on_close.append(lambda connection: gone.append(connection.peer))
    await server.start()
    client = await dial(network)
    client.close()
    await client.gone
    await asyncio.sleep(0)
    assert gone == ["10.0.0.9:50000"]
    await server.close()
