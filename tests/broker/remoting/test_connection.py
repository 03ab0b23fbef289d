"""Two connections back to back: each test is a conversation."""

import asyncio
from collections.abc import Awaitable

import pytest

from broker.errors import BrokerError, ClosedError, RemotingTimeoutError, SendError
from broker.remoting.codec import encode
from broker.remoting.command import Codec, Command
from broker.remoting.connection import LATER, Connection, Handler, Later
from tests.broker.remoting.memory_network import MemoryNetwork, MemoryTransport, let_it_arrive


async def join(
    server: Handler, client: Handler | None = None, **options: int
) -> tuple[Connection, MemoryTransport, MemoryTransport]:
    network = MemoryNetwork()
    await network.listen(lambda: Connection(server, **options), "broker", 10911)
    near, connection = await network.connect(
        lambda: Connection(client) if client else Connection(), "broker", 10911
    )
    return connection, near, near.peer


def echo(command: Command, _connection: Connection) -> Command:
    return command.reply(0, ext_fields=command.ext_fields, body=command.body)


def silence(_command: Command, _connection: Connection) -> None:
    return None


async def test_a_request_gets_its_reply() -> None:
    client, _, _ = await join(echo)
    answer = await client.request(Command(10, body=b"hello"), 1000)
    assert (answer.code, answer.body, answer.is_reply) == (0, b"hello", True)
    assert client.peer == "broker:10911"


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
async def test_many_requests_share_a_connection_and_answers_come_in_any_order(piece: int) -> None:
    """Replies are matched by opaque, however the stream is cut."""
    gates = [asyncio.Event() for _ in range(3)]

    async def wait(command: Command, _connection: Connection) -> Command:
        await gates[int(command.ext_fields["n"])].wait()
        return echo(command, _connection)

    client, near, far = await join(wait)
    near.piece = far.piece = piece
    asked = [
        asyncio.create_task(client.request(Command(10, ext_fields={"n": str(n)}), 1000))
        for n in range(3)
    ]
    done = []
    for n in (2, 0, 1):
        gates[n].set()
        done.append((await asked[n]).ext_fields["n"])
    assert done == ["2", "0", "1"]


async def test_the_first_request_of_a_turn_leaves_at_once_and_the_others_in_one_write() -> None:
    """The first may be the only one, and does not know whether others follow."""
    client, near, _ = await join(echo)
    await asyncio.gather(*(client.request(Command(10), 1000) for _ in range(64)))
    assert len(near.writes) == 2
    assert near.writes[0] == encode(Command(10).numbered(1))


async def test_answers_that_come_later_leave_with_the_last_one_that_is_owed() -> None:
    """Those who wait for one sync are answered in one write, and who waits alone at once."""
    owed: list[tuple[Command, Connection]] = []

    def note(command: Command, connection: Connection) -> Later:
        owed.append((command, connection))
        return LATER

    client, _, far = await join(note)
    asked = [asyncio.create_task(client.request(Command(10), 1000)) for _ in range(64)]
    await let_it_arrive()
    for command, connection in owed:
        assert far.writes == []
        connection.answer(command, command.reply())
    assert len(far.writes) == 1
    assert [reply.code for reply in await asyncio.gather(*asked)] == [0] * 64


async def test_either_end_may_ask() -> None:
    """The broker asks its clients too, on the connection that they opened."""

    async def ask_back(command: Command, connection: Connection) -> Command:
        answer = await connection.request(Command(220), 1000)
        return command.reply(answer.code)

    client, _, _ = await join(ask_back, lambda command, _: command.reply(7))
    assert (await client.request(Command(222), 1000)).code == 7


async def test_a_one_way_request_is_served_and_not_answered() -> None:
    served = []

    def serve(command: Command, _connection: Connection) -> Command:
        served.append(command)
        return command.reply()

    client, _, far = await join(serve)
    client.send_oneway(Command(40))
    await let_it_arrive()
    assert [(one.code, one.is_oneway) for one in served] == [(40, True)]
    assert far.writes == []


async def test_a_time_out_leaves_doubt_and_cuts_the_connection() -> None:
    client, _, far = await join(silence)
    with pytest.raises(
        RemotingTimeoutError, match="no answer from broker:10911 in 10 ms"
    ) as caught:
        await client.request(Command(10), 10)
    assert not caught.value.definite
    await far.protocol.gone
    with pytest.raises(SendError):
        await client.request(Command(10), 10)


async def test_each_request_has_its_whole_time_though_one_alarm_serves_all() -> None:
    """The alarm goes off for the answered one first, and must neither fail nor forget the other."""

    def answer_first(command: Command, connection: Connection) -> Command | None:
        return echo(command, connection) if command.opaque == 1 else None

    client, _, _ = await join(answer_first)
    loop = asyncio.get_running_loop()
    await client.request(Command(10), 30)
    begun_s = loop.time()
    with pytest.raises(RemotingTimeoutError, match="in 60 ms"):
        await client.request(Command(10), 60)
    assert loop.time() - begun_s > 0.055


async def test_a_time_out_before_the_first_byte_is_definite() -> None:
    """What the transport could not place stays in the outbox, and is dropped with it."""
    client, near, _ = await join(silence)
    near.room = 0
    first = asyncio.create_task(client.request(Command(10), 1000))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(SendError) as caught:
        await client.request(Command(11), 10)
    assert caught.value.definite
    with pytest.raises(ClosedError):
        await first
    assert len(near.writes) == 1


async def test_what_was_held_back_leaves_when_there_is_room() -> None:
    client, near, _ = await join(echo)
    near.room = 3
    asked = [asyncio.create_task(client.request(Command(10), 1000)) for _ in range(2)]
    await let_it_arrive()
    asked.append(asyncio.create_task(client.request(Command(10), 1000)))
    await let_it_arrive()
    assert len(near.writes) == 1
    near.make_room()
    assert [answer.code for answer in await asyncio.gather(*asked)] == [0, 0, 0]


async def test_the_end_of_a_connection_fails_whoever_waits() -> None:
    client, _, far = await join(silence)
    asked = [asyncio.create_task(client.request(Command(10), 1000)) for _ in range(2)]
    await let_it_arrive()
    far.end(None)
    for one in asked:
        with pytest.raises(ClosedError) as caught:
            await one
        assert not caught.value.definite
    assert client.is_closed


async def test_a_request_of_this_turn_is_unsent_when_the_connection_ends_in_it() -> None:
    client, near, _ = await join(silence)
    asked = [asyncio.create_task(client.request(Command(10), 1000)) for _ in range(2)]
    await asyncio.sleep(0)
    client.abort("cut")
    for one, error in zip(asked, (ClosedError, SendError), strict=True):
        with pytest.raises(error, match="cut"):
            await one
    assert near.writes == [encode(Command(10).numbered(1))]


async def test_close_sends_what_is_ready() -> None:
    served: list[int] = []
    client, _, _ = await join(lambda command, _: served.append(command.code))
    client.send_oneway(Command(15))
    client.close()
    await let_it_arrive()
    assert served == [15]


async def test_close_leaves_nothing_behind_that_was_held_back() -> None:
    """The last replies of a server that stops must reach a slow reader, too."""
    served: list[int] = []
    client, near, _ = await join(lambda command, _: served.append(command.code))
    near.room = 3
    client.send_oneway(Command(15))
    await let_it_arrive()
    client.send_oneway(Command(16))
    client.close()
    near.make_room()
    await let_it_arrive()
    assert served == [15, 16]


async def test_malformed_bytes_end_the_connection_after_what_came_before() -> None:
    served: list[int] = []
    client, near, _ = await join(lambda command, _: served.append(command.code))
    client.send_oneway(Command(15))
    await asyncio.sleep(0)
    near.write(b"GET / HTTP/1.1\r\n\r\n")
    await client.gone
    assert served == [15]


@pytest.mark.parametrize("later", [False, True])
async def test_a_handler_that_raises_answers_with_its_code_or_code_1(later: bool) -> None:
    errors = {1: BrokerError(17, "no topic"), 2: ValueError("oh \udcff")}

    def fail(command: Command, _connection: Connection) -> Awaitable[None]:
        async def raise_later() -> None:
            raise errors[command.code]

        if later:
            return raise_later()
        raise errors[command.code]

    client, _, _ = await join(fail)
    refused = await client.request(Command(1, codec=Codec.ROCKETMQ), 1000)
    broken = await client.request(Command(2), 1000)
    assert (refused.code, refused.remark) == (17, "no topic")
    assert (broken.code, broken.remark) == (1, "ValueError: oh ?")


async def test_a_cancelled_request_leaves_the_connection_usable() -> None:
    client, _, _ = await join(lambda c, _: c.reply() if c.code == 2 else None)
    asked = asyncio.create_task(client.request(Command(1), 50))
    await let_it_arrive()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert (await client.request(Command(2), 1000)).code == 0
    await asyncio.sleep(0.06)
    assert not client.is_closed


async def test_a_request_that_cannot_be_written_leaves_nothing_that_could_time_out() -> None:
    """Its error is its asker's; the connection is everybody's."""
    client, _, _ = await join(lambda c, _: c.reply() if c.code == 2 else None)
    asked = asyncio.create_task(client.request(Command(1), 60))
    await let_it_arrive()
    with pytest.raises(UnicodeEncodeError):
        await client.request(Command(1, ext_fields={"topic": "\udcff"}), 20)
    asked.cancel()
    await asyncio.sleep(0.1)
    assert (await client.request(Command(2), 1000)).code == 0
    assert not client.is_closed


async def test_an_idle_connection_to_who_does_not_read_is_given_up() -> None:
    """Closing it would wait for the unread bytes to leave, for ever."""
    _, near, far = await join(echo, idle_ms=60)
    far.room = 3
    near.write(encode(Command(10)))
    await let_it_arrive()
    assert far.held
    assert isinstance(far.protocol, Connection)
    await asyncio.wait_for(far.protocol.gone, 1)


async def test_an_idle_connection_ends_and_a_busy_one_does_not() -> None:
    client, _, far = await join(echo, idle_ms=60)
    for _ in range(3):
        await asyncio.sleep(0.03)
        await client.request(Command(10), 1000)
    assert not client.is_closed
    await asyncio.wait_for(client.gone, 1)
    assert far.closing


async def test_on_close_is_told_once() -> None:
    client, _, _ = await join(echo)
    closed: list[Connection] = []
    client.on_close.append(closed.append)
    client.close()
    client.abort()
    await client.gone
    assert closed == [client]
