"""The links of the simulated world, with the verbs of ``nemesis.targets.Link``.

Toxics and the enabled flag are set on the fabric's rules directly; there is no proxy server that
could hang, so every verb is one step and cannot fail. Where toxiproxy does more than its toxic
says, so does this: removing a ``timeout`` toxic closes the connections, since bytes were lost.
"""

from nemesis.targets import CutMode, LinkState, Stream
from simulation.network import Fabric, LinkRules

__all__ = ["SimulatedLink"]

FOREVER_MS = 86_400_000


class SimulatedLink:
    """One directed path of the simulated network."""

    def __init__(self, fabric: Fabric, rules: LinkRules, address: tuple[str, int]) -> None:
        self._fabric = fabric
        self._rules = rules
        self._address = address

    @property
    def name(self) -> str:
        """``observer->listener``."""
        return self._rules.name

    async def cut(self, mode: CutMode, stream: Stream) -> None:
        """Cut it in one of toxiproxy's four ways."""
        match mode:
            case CutMode.REFUSE:
                if stream is not Stream.BOTH:
                    raise ValueError(f"refuse cuts both ways, not {stream}; use another mode")
                self._rules.enabled = False
                self._rules.close_all()
            case CutMode.BLACKHOLE:
                self._add("cut", "timeout", stream, timeout=0)
            case CutMode.STALL:
                self._add("cut", "bandwidth", stream, rate=0)
            case CutMode.STALL_PLUS:
                self._add("cut", "bandwidth", stream, rate=0)
                self._add("cut-fin", "slow_close", stream, delay=FOREVER_MS)

    async def add_toxic(self, name: str, kind: str, stream: Stream, **attributes: int) -> None:
        """Add a toxic by toxiproxy's type name and attributes."""
        self._add(name, kind, stream, **attributes)

    async def heal(self) -> None:
        """Remove every toxic and enable it; what was held arrives now."""
        dropped = any(toxic["type"] == "timeout" for toxic in self._rules.toxics.values())
        self._rules.toxics.clear()
        self._rules.enabled = True
        self._rules.changed()
        if dropped:
            self._rules.close_all()

    async def cycle(self) -> None:
        """End every connection through it."""
        self._rules.close_all()

    async def state(self) -> LinkState:
        """Read back what is in force."""
        toxics = {name: dict(toxic) for name, toxic in self._rules.toxics.items()}
        return LinkState(self._rules.enabled, toxics)

    async def probe(self, timeout_ms: int) -> str:  # noqa: ARG002 -- virtual time need not pass
        """Say what an observer would meet; worked out from the rules, no packet is sent."""
        if not self._rules.enabled:
            return "refused"
        if not self._fabric.listens(self._address):
            return "closed"
        held = any(
            toxic["type"] == "timeout" or (toxic["type"] == "bandwidth" and toxic["rate"] == 0)
            for toxic in self._rules.toxics.values()
        )
        return "silent" if held or self._fabric.paused(self._address) else "answers"

    def _add(self, name: str, kind: str, stream: Stream, **attributes: int) -> None:
        """Put a toxic on one stream, or one on each, named as toxiproxy would."""
        both = (Stream.UPSTREAM, Stream.DOWNSTREAM)
        for one in both if stream is Stream.BOTH else (stream,):
            self._rules.toxics[f"{name}-{one}"] = {"type": kind, "stream": str(one), **attributes}
        self._rules.changed()
