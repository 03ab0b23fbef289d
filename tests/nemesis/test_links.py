"""What a probe says where the listener hangs up, and what a link is whose listener is down."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self, cast

import pytest

from nemesis.links import ProxiedLink
from nemesis.targets import CutMode, Stream
from nemesis.toxiproxy import Proxy, ProxySpec
from tests.nemesis.noted_proxy import noted

PROBE_MS = 300
HANG_UP, HOLD = "hangs up", "holds"


@dataclass
class Listener:
    """Treats one connection after another as it is told, the last way for ever."""

    ways: list[str]
    address: str = ""
    _server: asyncio.Server | None = None
    _held: list[asyncio.StreamWriter] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._held:
            writer.close()
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way = self.ways.pop(0) if len(self.ways) > 1 else self.ways[0]
        self._held.append(writer)
        if way == HANG_UP:
            await reader.read(1)
            writer.close()


@dataclass
class FakeProxy:
    wanted: ProxySpec


async def probed(proxy: Iterable[str], master: Iterable[str]) -> str:
    """Probe a replication link whose proxy and whose listener treat connections so."""
    async with Listener(list(proxy)) as front, Listener(list(master)) as back:
        wanted = ProxySpec("slave->master-ha", front.address, back.address)
        link = ProxiedLink(
            wanted.name, cast(Proxy, FakeProxy(wanted)), request=b"\xff" * 8, hangs_up=True
        )
        return await link.probe(PROBE_MS)


@pytest.mark.parametrize(
    ("proxy", "master", "expected"),
    [
        ([HANG_UP], [HANG_UP], "answers"),
        ([HOLD], [HANG_UP], "silent"),
        ([HANG_UP], [HOLD], "closed"),  # it is not the master that hung up
        ([HANG_UP, HOLD], [HANG_UP], "silent"),  # the master came up between two tries
        ([HANG_UP], [HANG_UP, HOLD], "closed"),  # it hung up because it died
    ],
)
async def test_a_hang_up_is_an_answer_if_it_is_the_listeners(
    proxy: list[str], master: list[str], expected: str
) -> None:
    assert await probed(proxy, master) == expected


async def test_where_nobody_listens_behind_the_proxy_there_is_no_answer() -> None:
    async with Listener([HANG_UP]) as front:
        wanted = ProxySpec("slave->master-ha", front.address, "127.0.0.1:1")
        link = ProxiedLink(
            wanted.name, cast(Proxy, FakeProxy(wanted)), request=b"\xff", hangs_up=True
        )
        assert await link.probe(PROBE_MS) == "closed"


async def test_a_link_that_is_shut_refuses_and_is_not_cut() -> None:
    """Its listener is down, which is no fault of the link; a cure of others finds it whole."""
    link, proxy = noted()
    await link.shut()
    assert not proxy.wanted.enabled
    assert (await link.state()).enabled
    await link.heal()
    await link.cycle()
    assert (proxy.wanted.enabled, proxy.cycles) == (False, 0)

    await link.open()
    assert proxy.wanted.enabled
    await link.cycle()
    assert proxy.cycles == 1


async def test_a_cut_outlives_the_return_of_the_listener() -> None:
    link, proxy = noted()
    await link.shut()
    await link.cut(CutMode.REFUSE, Stream.BOTH)
    assert not (await link.state()).enabled
    await link.open()
    assert not proxy.wanted.enabled
    await link.heal()
    assert proxy.wanted.enabled


async def test_a_toxic_outlives_the_return_of_the_listener() -> None:
    link, proxy = noted()
    await link.shut()
    await link.add_toxic("late", "latency", Stream.DOWNSTREAM, latency=5)
    await link.open()
    assert proxy.wanted.enabled
    assert list(proxy.wanted.toxics) == ["late"]
