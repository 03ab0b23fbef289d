"""The simulated network: streams arrive in order, and a cut link does what toxiproxy's would."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemesis.targets import CutMode, Stream
from simulation.hosts import Host
from simulation.links import SimulatedLink
from simulation.loop import run_virtual
from simulation.network import Fabric, SimulatedNetwork
from simulation.pipes import fate

ADDRESS = ("127.0.0.2", 10911)
NONE = type(None)


class Ends(asyncio.Protocol):
    """What one end saw."""

    def __init__(self) -> None:
        self.data = b""
        self.lost: list[Exception | None] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.append(error)


class Rig:
    """A master that listens, a client that connects, and the link between them."""

    def __init__(self) -> None:
        self.fabric = Fabric(Random(1), latency_ms=(1.0, 1.0))
        self.fabric.add_link("client->master", "client", *ADDRESS)
        self.link = SimulatedLink(self.fabric, self.fabric.links["client->master"], ADDRESS)
        self.master = Host("master")
        self.accepted: list[Ends] = []

    async def up(self) -> None:
        async def node() -> None:
            network = SimulatedNetwork(self.fabric, self.master)
            await network.listen(self.accept, *ADDRESS)
            await asyncio.sleep(1e6)

        self.master.spawn(node(), "main")
        await asyncio.sleep(0.01)

    def accept(self) -> Ends:
        self.accepted.append(Ends())
        return self.accepted[-1]

    async def connect(self) -> Ends:
        _, client = await SimulatedNetwork(self.fabric, None).connect(Ends, *ADDRESS)
        await asyncio.sleep(0)
        return client


def play(story: Callable[[Rig], Awaitable[None]]) -> None:
    async def main() -> None:
        rig = Rig()
        await rig.up()
        await story(rig)

    run_virtual(main())


def test_bytes_arrive_in_order_after_the_latency() -> None:
    """A stream is a stream."""

    async def story(rig: Rig) -> None:
        client = await rig.connect()
        for number in range(10):
            client.transport.write(bytes([number]))
        await asyncio.sleep(0.0009)
        assert rig.accepted[0].data == b""
        await asyncio.sleep(0.0002)
        assert rig.accepted[0].data == bytes(range(10))

    play(story)


def test_nobody_listens_then_the_connection_is_refused() -> None:
    """A definite failure: nothing was sent."""

    async def story(rig: Rig) -> None:
        rig.master.die()
        rig.fabric.crashed(rig.master, power=False)
        with pytest.raises(ConnectionRefusedError):
            await rig.connect()

    play(story)


def test_refuse_tells_both_ends_and_keeps_new_ones_out() -> None:
    """spec/toxiproxy.md, A7."""

    async def story(rig: Rig) -> None:
        client = await rig.connect()
        await rig.link.cut(CutMode.REFUSE, Stream.BOTH)
        await asyncio.sleep(0.1)
        assert len(client.lost) == len(rig.accepted[0].lost) == 1
        with pytest.raises(ConnectionRefusedError):
            await rig.connect()
        await rig.link.heal()
        await rig.connect()

    play(story)


def test_a_stall_holds_what_is_sent_and_delivers_it_on_heal() -> None:
    """The ghost write: a client gave up long ago, and its bytes arrive all the same."""

    async def story(rig: Rig) -> None:
        client = await rig.connect()
        await rig.link.cut(CutMode.STALL, Stream.BOTH)
        client.transport.write(b"ghost")
        await asyncio.sleep(60)
        assert rig.accepted[0].data == b""
        await rig.link.heal()
        await asyncio.sleep(0.1)
        assert rig.accepted[0].data == b"ghost"

    play(story)


def test_a_stall_lets_a_fin_pass_and_a_stall_plus_does_not() -> None:
    """Why stall+ is nearest to a pulled cable: the peer's death stays unseen."""

    async def story(rig: Rig) -> None:
        for mode, told in ((CutMode.STALL, 1), (CutMode.STALL_PLUS, 0)):
            client = await rig.connect()
            await rig.link.cut(mode, Stream.BOTH)
            client.transport.close()
            await asyncio.sleep(60)
            assert len(rig.accepted[-1].lost) == told, mode
            await rig.link.heal()
            await asyncio.sleep(1)
            assert len(rig.accepted[-1].lost) == 1

    play(story)


def test_a_blackhole_drops_bytes_and_closes_on_heal() -> None:
    """Bytes were lost, so the streams cannot go on."""

    async def story(rig: Rig) -> None:
        client = await rig.connect()
        await rig.link.cut(CutMode.BLACKHOLE, Stream.UPSTREAM)
        client.transport.write(b"gone")
        rig.accepted[0].transport.write(b"heard")
        await asyncio.sleep(1)
        assert (rig.accepted[0].data, client.data) == (b"", b"heard")
        await rig.link.heal()
        await asyncio.sleep(1)
        assert len(client.lost) == len(rig.accepted[0].lost) == 1
        assert rig.accepted[0].data == b""

    play(story)


def test_a_limit_tears_a_frame_at_the_byte() -> None:
    """limit_data passes exactly so many bytes a connection, then closes."""

    async def story(rig: Rig) -> None:
        await rig.link.add_toxic("tear", "limit_data", Stream.UPSTREAM, bytes=5)
        client = await rig.connect()
        client.transport.write(b"abc")
        client.transport.write(b"defgh")
        await asyncio.sleep(1)
        assert rig.accepted[0].data == b"abcde"
        assert len(rig.accepted[0].lost) == 1

    play(story)


def test_a_crash_sends_the_fin_and_a_power_cut_does_not() -> None:
    """A process has a kernel that outlives it; a machine without power has nobody."""

    async def story(rig: Rig) -> None:
        for power, told in ((False, 1), (True, 0)):
            client = await rig.connect()
            rig.master.die()
            rig.fabric.crashed(rig.master, power=power)
            await asyncio.sleep(60)
            assert len(client.lost) == told
            await rig.up()

    play(story)


def test_what_was_sent_before_the_crash_still_arrives() -> None:
    """It had left the process."""

    async def story(rig: Rig) -> None:
        client = await rig.connect()
        rig.accepted[0].transport.write(b"last words")
        rig.master.die()
        rig.fabric.crashed(rig.master, power=False)
        await asyncio.sleep(1)
        assert client.data == b"last words"
        assert len(client.lost) == 1

    play(story)


@pytest.mark.parametrize("reading", [True, False])
def test_a_process_that_was_started_again_knows_nothing_of_the_old_ones_connections(
    reading: bool,
) -> None:
    """What was under way to the dead process is lost, and the new one does not read it for it."""

    async def story(rig: Rig) -> None:
        client = await rig.connect()
        (old,) = rig.accepted
        if not reading:
            old.transport.pause_reading()
        client.transport.write(b"before")
        await asyncio.sleep(0.0005)
        rig.master.die()
        rig.fabric.crashed(rig.master, power=True)
        await rig.up()
        client.transport.write(b"after")
        await asyncio.sleep(10)
        old.transport.resume_reading()
        client.transport.close()
        await asyncio.sleep(10)
        assert old.data == b""
        assert old.lost == []

    play(story)


def test_a_paused_host_reads_later() -> None:
    """Its kernel accepts and buffers; the process sees it after SIGCONT."""

    async def story(rig: Rig) -> None:
        rig.master.pause()
        client = await rig.connect()
        client.transport.write(b"patience")
        await asyncio.sleep(10)
        assert rig.accepted == []
        rig.master.resume()
        await asyncio.sleep(0.1)
        assert rig.accepted[0].data == b"patience"

    play(story)


@pytest.mark.parametrize("reset", [False, True])
def test_the_end_of_a_connection_waits_behind_what_is_unread(reset: bool) -> None:
    """A reader that paused is told of neither before it has read all that came earlier."""

    async def story(rig: Rig) -> None:
        client = await rig.connect()
        client.transport.pause_reading()
        rig.accepted[0].transport.write(b"read me")
        rig.accepted[0].transport.write(b" first")
        if reset:
            await asyncio.sleep(0.1)
            rig.accepted[0].transport.abort()
        else:
            rig.accepted[0].transport.close()
        await asyncio.sleep(1)
        assert (client.data, client.lost) == (b"", [])

        client.transport.resume_reading()
        await asyncio.sleep(1)

        assert client.data == b"read me first"
        assert [type(error) for error in client.lost] == [ConnectionResetError if reset else NONE]

    play(story)


def test_what_arrives_at_the_moment_of_reading_on_comes_behind_what_is_unread() -> None:
    """Both are due at one instant; the stream decides, not the event loop."""

    async def story(rig: Rig) -> None:
        client = await rig.connect()
        client.transport.pause_reading()
        rig.accepted[0].transport.write(b"1")
        await asyncio.sleep(0.01)
        rig.accepted[0].transport.write(b"2")
        loop = asyncio.get_running_loop()
        loop.call_at(loop.time() + 0.001, client.transport.resume_reading)  # the latency
        loop.call_at(loop.time() + 0.001, rig.accepted[0].transport.write, b"3")
        await asyncio.sleep(0.1)

        assert client.data == b"123"

    play(story)


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=50), max_size=20),
    toxics=st.lists(
        st.sampled_from(
            [
                ("latency", {"latency": 7}),
                ("slicer", {"average_size": 3}),
                ("bandwidth", {"rate": 1}),
            ]
        ),
        max_size=3,
    ),
)
def test_whatever_slows_a_link_changes_no_byte(
    chunks: list[bytes], toxics: list[tuple[str, dict[str, int]]]
) -> None:
    """Latency, pacing and slicing change when and in which pieces, never what."""

    async def story(rig: Rig) -> None:
        client = await rig.connect()
        for number, (kind, attributes) in enumerate(toxics):
            await rig.link.add_toxic(f"t{number}", kind, Stream.UPSTREAM, **attributes)
        for chunk in chunks:
            client.transport.write(chunk)
        client.transport.close()
        await asyncio.sleep(60)
        assert rig.accepted[0].data == b"".join(chunks)
        assert rig.accepted[0].lost == [None]

    play(story)


@pytest.mark.parametrize(
    ("toxic", "arrives"),
    [
        ({"type": "latency", "latency": 20}, 1.52),
        ({"type": "bandwidth", "rate": 1}, 1.51),
        ({"type": "bandwidth", "rate": 0}, None),
        ({"type": "slow_close", "delay": 1000}, 1.5),
    ],
)
def test_the_fate_of_ten_bytes(toxic: dict[str, object], arrives: float | None) -> None:
    """Rates are in kilobytes of a thousand bytes, delays in milliseconds."""
    decided = fate((b"0123456789", 1.5), {"t": {"stream": "upstream", **toxic}}, "upstream", 0)
    assert decided.arrive_at == (pytest.approx(arrives) if arrives is not None else None)
