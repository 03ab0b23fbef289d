"""What the suite never asks of a toxiproxy, and in which order it asks what may hang it.

``/reset`` removes toxics in an order of its own, stops at the first proxy it cannot start, and
hangs on a wedged one (spec/toxiproxy.md, A2 and A6): a chain is taken off from its end, by name.
"""

import asyncio
import re
from typing import Any

import pytest

from nemesis import toxiproxy_client
from nemesis.links import ProxiedLink
from nemesis.targets import CutMode, Stream
from nemesis.toxiproxy import ProxySpec, ToxiproxyServer

pytestmark = pytest.mark.live

TOXIC = re.compile(r"/proxies/p/toxics(?:/(?P<name>.+))?")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    """Every call of the API by our client, the library's own included."""
    made: list[tuple[str, str, Any]] = []
    call = toxiproxy_client._Consumer._call

    def noting(self: Any, method: str, path: str, **more: Any) -> Any:
        made.append((method, path, more.get("json")))
        return call(self, method, path, **more)

    monkeypatch.setattr(toxiproxy_client._Consumer, "_call", noting)
    return made


async def live_through_everything(server: ToxiproxyServer, port: int, upstream: int) -> None:
    spec = ProxySpec("p", f"127.0.0.1:{port}", f"127.0.0.1:{upstream}")
    proxy = await server.create(spec)
    link = ProxiedLink("client->master", proxy)
    for mode in CutMode:
        await link.cut(mode, Stream.BOTH)
        await link.add_toxic("slow", "latency", Stream.BOTH, latency=5)
        await link.add_toxic("slow", "latency", Stream.BOTH, latency=7)
        await link.cycle()
        await link.heal()
    await link.cut(CutMode.STALL_PLUS, Stream.UPSTREAM)
    await server.restart("as after a hang")
    await link.heal()
    await proxy.destroy()


def test_a_chain_is_taken_off_from_its_end_and_nobody_asks_for_a_reset(
    server: ToxiproxyServer, port: int, other_port: int, calls: list[tuple[str, str, Any]]
) -> None:
    asyncio.run(live_through_everything(server, port, other_port))

    assert len(calls) > 50
    assert not [path for _, path, _ in calls if path.strip("/") in ("reset", "populate")]
    chain: list[str] = []
    removed = 0
    for method, path, sent in calls:
        toxic = TOXIC.fullmatch(path)
        if toxic and method == "DELETE":
            assert chain.pop() == toxic["name"]
            removed += 1
        elif toxic and method == "POST":
            chain.append(sent["name"])
        elif path == "/proxies" and method == "POST":
            chain = []
    assert removed > 10
