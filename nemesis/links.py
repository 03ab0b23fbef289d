"""A link that is a proxy of toxiproxy: cut, poisoned, healed, probed.

The cut modes, and what makes them (spec/toxiproxy.md, A7):

    refuse     the proxy is disabled
    blackhole  timeout 0
    stall      bandwidth 0
    stall+     slow_close of eleven days, then bandwidth 0

``slow_close`` comes first: adding any toxic makes the one before it let go of what it holds.

A link that is shut refuses as well, because nobody listens behind it: that is no cut of the link,
and its state says only what was asked of the link itself.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from nemesis.targets import CutMode, LinkState, Stream, TargetError
from nemesis.toxiproxy import Kind, Proxy, ToxicSpec, ToxiproxyError

__all__ = ["ProxiedLink", "cut_toxics"]

FOREVER_MS = 1_000_000_000

_TOXICS: Mapping[CutMode, tuple[tuple[str, Mapping[str, int]], ...]] = {
    CutMode.REFUSE: (),
    CutMode.BLACKHOLE: (("timeout", {"timeout": 0}),),
    CutMode.STALL: (("bandwidth", {"rate": 0}),),
    CutMode.STALL_PLUS: (("slow_close", {"delay": FOREVER_MS}), ("bandwidth", {"rate": 0})),
}


def cut_toxics(mode: CutMode, stream: Stream) -> dict[str, ToxicSpec]:
    """Name the toxics of a cut.

    >>> list(cut_toxics(CutMode.STALL, Stream.BOTH))
    ['cut_bandwidth_upstream', 'cut_bandwidth_downstream']
    """
    if mode is CutMode.REFUSE and stream is not Stream.BOTH:
        raise ValueError(f"expected both streams to refuse, found {stream.value!r} alone")
    return {
        f"cut_{kind}_{side}": ToxicSpec(kind, side, attributes)
        for kind, attributes in _TOXICS[mode]
        for side in _sides(stream)
    }


class ProxiedLink:
    """One proxied path; implements ``targets.Link``."""

    def __init__(
        self,
        name: str,
        proxy: Proxy,
        *,
        request: bytes = b"",
        hangs_up: bool = False,
        paused_end: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.name = name
        self._proxy = proxy
        self._request = request  # what a probe sends; any byte that comes back is an answer
        self._hangs_up = hangs_up  # the listener's only answer is to end the connection
        self._paused_end = paused_end  # the name of a node at either end that is paused
        self._enabled = True  # but for being shut
        self._shut = False

    async def cut(self, mode: CutMode, stream: Stream) -> None:
        """Cut it; a one-way REFUSE is a ValueError."""
        toxics = {**self._proxy.wanted.toxics, **cut_toxics(mode, stream)}
        await self._become(enabled=mode is not CutMode.REFUSE, toxics=toxics)

    async def add_toxic(self, name: str, kind: str, stream: Stream, **attributes: int) -> None:
        """Add a toxic, on both streams under two names."""
        sides = _sides(stream)
        added = {
            name if len(sides) == 1 else f"{name}_{side}": ToxicSpec(kind, side, attributes)
            for side in sides
        }
        await self._become(enabled=self._enabled, toxics={**self._proxy.wanted.toxics, **added})

    async def heal(self) -> None:
        """Remove every toxic and enable it."""
        await self._become(enabled=True, toxics={})

    async def cycle(self) -> None:
        """Disable and enable it, so that every connection through it ends."""
        if self._shut:
            return
        with _as_target_error(self.name):
            await self._proxy.cycle()

    async def shut(self) -> None:
        """Refuse, for nobody listens behind it any more."""
        self._shut = True
        await self._become(enabled=self._enabled, toxics=self._proxy.wanted.toxics)

    async def open(self) -> None:
        """Be again what was asked of it: somebody listens."""
        if self._shut:
            self._shut = False
            await self._become(enabled=self._enabled, toxics=self._proxy.wanted.toxics)

    async def state(self) -> LinkState:
        """Read back what is in force."""
        with _as_target_error(self.name):
            found = await self._proxy.read()
        toxics = {
            name: {"type": toxic.type, "stream": toxic.stream, **toxic.attributes}
            for name, toxic in found.toxics.items()
        }
        return LinkState(found.enabled or (self._shut and self._enabled), toxics)

    async def probe(self, timeout_ms: int) -> str:
        """Try the path as the observer would: ``answers``, ``refused``, ``closed``, ``silent``."""
        found = await self._try(self._proxy.wanted.listen, timeout_ms)
        if found != "closed" or not self._hangs_up:
            return found
        # Where nobody listens behind it, toxiproxy hangs up as well. So the listener itself must do
        # so before and after: between two tries a master may come up, or die of another fault.
        if not await self._listener_hangs_up(timeout_ms):
            return "closed"
        again = await self._try(self._proxy.wanted.listen, timeout_ms)
        if again != "closed":
            return again
        return "answers" if await self._listener_hangs_up(timeout_ms) else "closed"

    async def _listener_hangs_up(self, timeout_ms: int) -> bool:
        return await self._try(self._proxy.wanted.upstream, timeout_ms) == "closed"

    async def _try(self, address: str, timeout_ms: int) -> str:
        host, _, port = address.rpartition(":")
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await _probe(host, int(port), self._request)
        except TimeoutError:
            return "silent"

    async def _become(self, *, enabled: bool, toxics: Mapping[str, ToxicSpec]) -> None:
        end = self._paused_end()
        if end is not None and self._proxy.kind is Kind.REAL:
            raise TargetError(
                f"{self.name}: {end} is paused, and toxiproxy may hang on a proxy whose "
                "receiver does not read; resume it first"
            )
        self._enabled = enabled
        with _as_target_error(self.name):
            await self._proxy.become(enabled=enabled and not self._shut, toxics=toxics)


@contextmanager
def _as_target_error(link: str) -> Iterator[None]:
    """Name the link whose proxy failed."""
    try:
        yield
    except ToxiproxyError as error:
        raise TargetError(f"{link}: {error}") from error


def _sides(stream: Stream) -> tuple[str, ...]:
    return ("upstream", "downstream") if stream is Stream.BOTH else (stream.value,)


async def _probe(host: str, port: int, request: bytes) -> str:
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "closed"
    try:
        writer.write(request)
        return "answers" if await reader.read(1) else "closed"
    except OSError:
        return "closed"
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
