"""Links that are cut: whole or one way, in four modes, once or again and again.

Cut means: the proxy says so when read back, and a probe along the link gets no answer. Healed
means: the proxy is enabled and without toxics, and the probe is answered. A node that is down or
frozen is not asked, nor is one that answers by hanging up while only the way back is cut: most
modes let a FIN pass.
"""

import asyncio
from collections.abc import Mapping, Sequence
from random import Random

from nemesis.faults import Fault, FaultClass, Kind, Proof
from nemesis.packages import Draw, Package
from nemesis.targets import CutMode, Link, LinkState, Stream, Targets
from nemesis.topology import CUTS, Topology, hangs_up, listener_of

__all__ = ["KINDS", "PACKAGES", "heal_all", "prove_healed"]

YELLOW = "#E9DCA0"

PROBE_MS = 250
"""How long a probe waits before it calls a link silent; loopback answers in one."""

NOT_ASKED = "not asked"

MODES_ONE_WAY = tuple(mode for mode in CutMode if mode is not CutMode.REFUSE)
"""A closed listener is closed for both."""

_TOXICS = {
    CutMode.REFUSE: (),
    CutMode.BLACKHOLE: ("timeout",),
    CutMode.STALL: ("bandwidth",),
    CutMode.STALL_PLUS: ("bandwidth", "slow_close"),
}


async def heal_all(targets: Targets, fault: Fault) -> Proof:
    """Cure: take everything off the target links, and see that they answer."""
    for name in fault.targets:
        await targets.links[name].heal()
    return await prove_healed(targets, fault.targets)


async def heal_reversed(targets: Targets, fault: Fault) -> Proof:
    """Cure: heal the target links one by one in the drawn order, and see that they answer."""
    order = fault.options.get("heal_order")
    assert isinstance(order, list), "a swizzle says in which order its links heal"
    for name in order:
        await targets.links[name].heal()
        await asyncio.sleep(fault.option("pause_ms", int) / 1000)
    return await prove_healed(targets, fault.targets)


async def prove_healed(targets: Targets, names: Sequence[str]) -> Proof:
    """Read back that links are as new, and try those that can answer."""
    states = [await targets.links[name].state() for name in names]
    probes = await asyncio.gather(*(_probe(targets, name, 4 * PROBE_MS) for name in names))
    sick = [
        f"{name}: {_told(state)}, {probe}"
        for name, state, probe in zip(names, states, probes, strict=True)
        if not state.enabled or state.toxics or probe not in ("answers", NOT_ASKED)
    ]
    if sick:
        return Proof(bit=False, text="; ".join(sick))
    answers = probes.count("answers")
    return Proof(bit=True, text=f"{len(names)} enabled without toxics, {answers} answer a probe")


async def _probe(targets: Targets, name: str, timeout_ms: int) -> str:
    node = targets.nodes.get(listener_of(name))
    if node is None or node.pid() is None or node.paused():
        return NOT_ASKED
    return await targets.links[name].probe(timeout_ms)


async def _probe_cut(targets: Targets, name: str, stream: Stream) -> str:
    if hangs_up(name) and stream is Stream.DOWNSTREAM:
        return NOT_ASKED
    return await _probe(targets, name, PROBE_MS)


async def _cut(targets: Targets, fault: Fault) -> Proof:
    for name in fault.targets:
        await _cut_one(targets.links[name], fault)
    return await _prove_cut(targets, fault)


async def _flap(targets: Targets, fault: Fault) -> Proof:
    """Cut and heal several times; after the last time the links stay cut."""
    pause = fault.option("pause_ms", int) / 1000
    for _ in range(fault.option("rounds", int) - 1):
        for name in fault.targets:
            await _cut_one(targets.links[name], fault)
        await asyncio.sleep(pause)
        for name in fault.targets:
            await targets.links[name].heal()
        await asyncio.sleep(pause)
    return await _cut(targets, fault)


async def _swizzle(targets: Targets, fault: Fault) -> Proof:
    """Cut the links one by one."""
    for name in fault.targets:
        await _cut_one(targets.links[name], fault)
        await asyncio.sleep(fault.option("pause_ms", int) / 1000)
    return await _prove_cut(targets, fault)


async def _cut_one(link: Link, fault: Fault) -> None:
    await link.cut(CutMode(fault.option("mode", str)), _streams(fault)[link.name])


async def _prove_cut(targets: Targets, fault: Fault) -> Proof:
    mode = CutMode(fault.option("mode", str))
    streams = _streams(fault)
    links = [targets.links[name] for name in fault.targets]
    states = [await link.state() for link in links]
    probes = await asyncio.gather(*(_probe_cut(targets, *one) for one in streams.items()))
    whole = [
        f"{link.name}: {_told(state)}, {probe}"
        for link, state, probe in zip(links, states, probes, strict=True)
        if not _is_cut(state, mode, streams[link.name]) or probe == "answers"
    ]
    if whole:
        return Proof(bit=False, text=f"not cut: {'; '.join(whole)}")
    said = ", ".join(f"{link.name} {probe}" for link, probe in zip(links, probes, strict=True))
    return Proof(bit=True, text=f"read back as {mode}; probes: {said}")


def _is_cut(state: LinkState, mode: CutMode, stream: Stream) -> bool:
    """Whether what was read back is this cut, and not another's leftover."""
    if mode is CutMode.REFUSE:
        return not state.enabled
    streams = [stream] if stream is not Stream.BOTH else [Stream.UPSTREAM, Stream.DOWNSTREAM]
    there = [(toxic.get("type"), toxic.get("stream")) for toxic in state.toxics.values()]
    return state.enabled and all(
        (kind, side) in there for kind in _TOXICS[mode] for side in streams
    )


def _told(state: LinkState) -> str:
    toxics = ", ".join(sorted(state.toxics)) or "no toxics"
    return f"{'enabled' if state.enabled else 'disabled'} with {toxics}"


def _streams(fault: Fault) -> Mapping[str, Stream]:
    streams = fault.options.get("streams", {})
    assert isinstance(streams, dict), "a cut says which stream of each link it takes"
    return {name: Stream(streams.get(name, Stream.BOTH)) for name in fault.targets}


CUT = Kind(
    "cut",
    _cut,
    heal_all,
    FaultClass.LINK,
    does="cuts links: refuse, blackhole, stall or stall+",
    cured="proxies enabled, toxics removed",
    proven="proxy state read back; a probe gets no answer",
)
FLAP = Kind(
    "flap",
    _flap,
    heal_all,
    FaultClass.LINK,
    does="cuts and heals links in quick turns, cut at last",
    cured="proxies enabled, toxics removed",
    proven="proxy state read back; a probe gets no answer",
)
SWIZZLE = Kind(
    "swizzle",
    _swizzle,
    heal_reversed,
    FaultClass.LINK,
    does="cuts links one by one",
    cured="healed one by one in another order",
    proven="proxy state read back; a probe gets no answer",
)


KINDS = (CUT, FLAP, SWIZZLE)


def _cutting(cut: str) -> Draw:
    """Cut what a named cut of the topology takes, in a drawn mode."""

    def draw(rng: Random, topology: Topology) -> Fault:
        return _fault(f"partition-{cut}", CUT, topology.cut(cut), rng)

    return draw


def _cutting_some(*cuts: str) -> Draw:
    """Cut one of these."""
    draws = [_cutting(cut) for cut in cuts]
    return lambda rng, topology: rng.choice(draws)(rng, topology)


def _flapping(name: str, cut: str) -> Draw:
    """Flap a cut two to five times."""

    def draw(rng: Random, topology: Topology) -> Fault:
        rounds, pause_ms = rng.randint(2, 5), rng.randint(50, 300)
        return _fault(name, FLAP, topology.cut(cut), rng, rounds=rounds, pause_ms=pause_ms)

    return draw


def _swizzling(name: str) -> Draw:
    """Cut a random subset of all links in random order, and heal it in another."""

    def draw(rng: Random, topology: Topology) -> Fault:
        links = rng.sample(topology.links, rng.randint(2, len(topology.links)))
        order = rng.sample(links, len(links))
        pause_ms = rng.randint(20, 150)
        streams = dict.fromkeys(links, Stream.BOTH)
        return _fault(name, SWIZZLE, streams, rng, heal_order=order, pause_ms=pause_ms)

    return draw


def _stalling(name: str) -> Draw:
    """Hold what replication sends, and let it go all at once."""
    return lambda rng, topology: _fault(
        name, CUT, topology.cut("replication"), rng, modes=(CutMode.STALL, CutMode.STALL_PLUS)
    )


def _fault(
    name: str,
    kind: Kind,
    streams: Mapping[str, Stream],
    rng: Random,
    *,
    modes: Sequence[CutMode] = (),
    **more: int | list[str],
) -> Fault:
    one_way = any(stream is not Stream.BOTH for stream in streams.values())
    mode = rng.choice(modes or (MODES_ONE_WAY if one_way else tuple(CutMode)))
    sides = {link: str(stream) for link, stream in streams.items()}
    options = {"mode": str(mode), "streams": sides, **more}
    return Fault(name, kind.name, tuple(streams), options, "client->master" in streams)


def _said(words: str) -> str:
    """Say a cut in words.

    >>> _said("master > slave"), _said("slave / master-ha"), _said("slave | client")
    ('slave no longer hears master', 'cuts slave from master-ha', 'splits slave from client')
    """
    words = words.replace(",", ", ")
    if ">" in words:
        speaker, hearer = words.split(" > ")
        return f"{hearer} no longer hears {speaker}"
    verb, sign = ("cuts", " / ") if "/" in words else ("splits", " | ")
    left, right = words.split(sign)
    return f"{verb} {left} from {right}"


def _package(kind: Kind, name: str, draw: Draw, does: str, *cuts: str) -> Package:
    return Package.of(kind, draw, name, YELLOW, does, cuts=cuts)


PACKAGES = (
    _package(
        CUT,
        "partition",
        _cutting_some("client-master", "replication"),
        "cuts client from master, or slave from the master's replication port",
        "client-master",
        "replication",
    ),
    *(
        _package(CUT, f"partition-{cut}", _cutting(cut), f"{_said(words)}, in a drawn mode", cut)
        for cut, words in CUTS.items()
    ),
    _package(
        FLAP,
        "flap-replication",
        _flapping("flap-replication", "replication"),
        "cuts and heals replication in quick turns",
        "replication",
    ),
    _package(
        FLAP,
        "flap-client-master",
        _flapping("flap-client-master", "client-master"),
        "cuts and heals client from master in quick turns",
        "client-master",
    ),
    _package(
        SWIZZLE,
        "swizzle",
        _swizzling("swizzle"),
        "cuts links one by one, heals them in another order",
    ),
    _package(
        CUT,
        "stall-replication",
        _stalling("stall-replication"),
        "holds what master and slave send each other, lets it go all at once",
        "replication",
    ),
)
