"""The proxies, by name, and what is done to several of them at once.

Nothing here awaits anything, so no two requests can meet in the middle.
"""

from random import Random
from typing import Any

from nemesis.toxiproxy_server import gojson
from nemesis.toxiproxy_server.errors import (
    PROXY_ALREADY_EXISTS,
    PROXY_NOT_FOUND,
    ApiError,
    missing_field,
)
from nemesis.toxiproxy_server.proxy import Proxy

__all__ = ["Collection"]

SHAPE = {"name": str, "listen": str, "upstream": str, "enabled": bool}
ITEM = 'struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }'


class Collection:
    """All the proxies of this server."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._proxies: dict[str, Proxy] = {}

    def to_json(self) -> dict[str, Any]:
        """Show all, in the order of their names."""
        return {name: self._proxies[name].to_json() for name in sorted(self._proxies)}

    def get(self, name: str) -> Proxy:
        """Find one by name."""
        if name not in self._proxies:
            raise ApiError(*PROXY_NOT_FOUND)
        return self._proxies[name]

    def create(self, body: Any) -> Proxy:
        """Make one as a request says; it exists only if it could start."""
        given = gojson.fields(body, SHAPE, "toxiproxy.Proxy")
        for field in ("name", "upstream"):
            if not given.get(field):
                raise missing_field(field)
        if given["name"] in self._proxies:
            raise ApiError(*PROXY_ALREADY_EXISTS)
        proxy = self._made(given)
        self._proxies[proxy.name] = proxy
        return proxy

    def update(self, proxy: Proxy, body: Any) -> Proxy:
        """Change where one listens, where it leads, or whether it is on."""
        given = gojson.fields(body, SHAPE, "toxiproxy.Proxy")
        proxy.update(
            given.get("listen", proxy.listen),
            given.get("upstream", proxy.upstream),
            enabled=given.get("enabled", proxy.enabled),
        )
        return proxy

    def remove(self, name: str) -> None:
        """Stop one and forget it."""
        self.get(name).stop()
        del self._proxies[name]

    def populate(self, body: Any, done: list[Proxy]) -> None:
        """Make or replace several, adding each to ``done``; the first that cannot start ends it.

        One that exists and leads the same way is left alone, with its toxics, and even if the
        request says that it should be off.
        """
        wanted = [
            gojson.fields(item, SHAPE, "toxiproxy.Proxy", ".Proxy")
            for item in gojson.items(body, ITEM)
        ]
        for number, given in enumerate(wanted, 1):
            for field in ("name", "upstream"):
                if not given.get(field):
                    raise missing_field(f"{field} at proxy {number}")
        for given in wanted:
            done.append(self._made_or_kept(given))  # noqa: PERF401 - what is done before an error counts

    def reset(self) -> None:
        """Start all and remove all toxics; the first that cannot start ends it."""
        for proxy in self._proxies.values():
            proxy.start()
            proxy.toxics.clear()

    def stop(self) -> None:
        """Close everything."""
        for proxy in self._proxies.values():
            proxy.stop()

    def _made_or_kept(self, given: dict[str, Any]) -> Proxy:
        existing = self._proxies.get(given["name"])
        if existing is not None:
            if not existing.differs(given.get("listen", ""), given["upstream"]):
                return existing
            existing.stop()
        proxy = self._made(given)
        self._proxies[proxy.name] = proxy
        return proxy

    def _made(self, given: dict[str, Any]) -> Proxy:
        proxy = Proxy(given["name"], given.get("listen", ""), given["upstream"], self._rng)
        if given.get("enabled", True):
            proxy.start()
        return proxy
