"""A proxy that no server stands behind: it is at once whatever is wanted of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from nemesis.links import ProxiedLink
from nemesis.toxiproxy import Kind, Proxy, ProxySpec, ToxicSpec


@dataclass
class NotedProxy:
    """Keeps what is wanted of it, and is that."""

    wanted: ProxySpec
    cycles: int = 0

    async def become(self, *, enabled: bool, toxics: Mapping[str, ToxicSpec]) -> None:
        self.wanted = replace(self.wanted, enabled=enabled, toxics=dict(toxics))

    async def read(self) -> ProxySpec:
        return self.wanted

    async def cycle(self) -> None:
        self.cycles += 1

    kind = Kind.EMBEDDED


def noted() -> tuple[ProxiedLink, NotedProxy]:
    proxy = NotedProxy(ProxySpec("slave->master-ha", "127.0.0.1:1", "127.0.0.1:2"))
    return ProxiedLink(proxy.wanted.name, cast(Proxy, proxy)), proxy
