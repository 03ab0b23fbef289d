"""The same connection over real sockets, on asyncio's loop and on uvloop's."""

import asyncio
import socket
from collections.abc import Callable, Coroutine

import pytest
import uvloop

from broker.errors import ClosedError, RemotingError, RemotingTimeoutError, SendError
from broker.remoting.codec import FrameDecoder, encode
from broker.remoting.command import Command
from broker.remoting.connection import Connection, Handler

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
loops = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])


def run(loop: LoopFactory, test: Callable[[], Coroutine[object, object, None]]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(test())


async def over(sock: socket.socket, handler: Handler | None = None) -> Connection:
    def factory() -> Connection:
        return Connection(handler) if handler else Connection()

    _, connection = await asyncio.get_running_loop().create_connection(factory, sock=sock)
    return connection


@loops
def test_requests_of_every_size_are_answered(loop: LoopFactory) -> None:
    async def test() -> None:
        left, right = socket.socketpair()
        server = await over(right, lambda command, _: command.reply(body=command.body))
        client = await over(left)
        bodies = [bytes([n]) * (7**n) for n in range(9)]
        answers = await asyncio.gather(
            *(client.request(Command(10, body=body), 20_000) for body in bodies)
        )
        assert [answer.body for answer in answers] == bodies
        client.close()
        await asyncio.gather(client.gone, server.gone)

    run(loop, test)


@loops
def test_what_is_said_to_be_unsent_never_arrives(loop: LoopFactory) -> None:
    """The whole worth of *definite*: a peer that reads later must not find such a request."""

    async def test() -> None:
        left, right = socket.socketpair()
        right.setblocking(False)
        client = await over(left)
        ends: dict[int, BaseException] = {}

        async def ask(number: int) -> None:
            fields = {"number": str(number)}
            try:
                await client.request(Command(10, ext_fields=fields, body=bytes(50_000)), 100)
            except RemotingError as error:
                ends[number] = error

        asking = [asyncio.create_task(ask(number)) for number in range(20)]
        await asyncio.sleep(0.02)  # the first have filled the socket: these must wait
        asking += [asyncio.create_task(ask(number)) for number in range(20, 40)]
        await asyncio.gather(*asking)
        arrived = await read_frames(right)

        unsent = {number for number, error in ends.items() if isinstance(error, SendError)}
        assert len(ends) == 40
        assert set(range(20, 40)) <= unsent
        assert unsent.isdisjoint(arrived)
        in_doubt = [error for number, error in ends.items() if number not in unsent]
        assert all(isinstance(error, RemotingTimeoutError | ClosedError) for error in in_doubt)
        assert all(error.definite is False for error in in_doubt)

    run(loop, test)


async def read_frames(sock: socket.socket) -> set[int]:
    """Read until the end, as a peer does that was asleep, and number the whole frames."""
    decoder, numbers = FrameDecoder(), set()
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(sock, 1 << 20):
        numbers |= {int(command.ext_fields["number"]) for command in decoder.feed(data)}
    sock.close()
    return numbers


@loops
@pytest.mark.parametrize("closed", [False, True])
def test_who_does_not_read_does_not_keep_a_connection(loop: LoopFactory, closed: bool) -> None:
    """Nor if it was closed meanwhile, which alone would wait until everything has left."""

    async def test() -> None:
        left, right = socket.socketpair()
        reply = bytes(5_000_000)

        def factory() -> Connection:
            return Connection(lambda command, _: command.reply(body=reply), idle_ms=100)

        running = asyncio.get_running_loop()
        transport, server = await running.create_connection(factory, sock=right)
        left.sendall(encode(Command(10)))
        await asyncio.sleep(0.02)
        assert transport.get_write_buffer_size() > 0
        if closed:
            server.close()
        await asyncio.wait_for(server.gone, 2)
        left.close()

    run(loop, test)


@loops
def test_a_reset_fails_whoever_waits(loop: LoopFactory) -> None:
    async def test() -> None:
        left, right = socket.socketpair()
        client = await over(left)
        asking = asyncio.create_task(client.request(Command(10), 20_000))
        await asyncio.sleep(0.01)
        right.close()
        with pytest.raises(ClosedError):
            await asking
        await client.gone

    run(loop, test)
