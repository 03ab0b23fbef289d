"""Links that pass bytes, but late, slowly, in crumbs, or not to the end.

One toxic of toxiproxy (spec/toxiproxy.md, A4) on one or both streams of a link. Read back means
that the proxy lists it with exactly the attributes that were asked for: unknown ones are ignored
there in silence. All chance is ours: toxiproxy's own is not reproducible.
"""

from collections.abc import Mapping, Sequence
from random import Random

from nemesis.catalogue.links import heal_all
from nemesis.faults import Fault, FaultClass, Kind, OptionValue, Proof
from nemesis.packages import Draw, Package
from nemesis.targets import Stream, Targets
from nemesis.topology import Topology

__all__ = ["KINDS", "PACKAGES"]

GREEN = "#D1E8A0"

CLIENT = ("client->master", "client->slave")
REPLICATION = ("slave->master-ha",)

HOW = ("toxic", "stream", "cycle")
"""The options that are ours; every other one is an attribute of the toxic."""


async def _poison(targets: Targets, fault: Fault) -> Proof:
    toxic = fault.option("toxic", str)
    stream = Stream(fault.option("stream", str))
    wanted = {
        name: value
        for name, value in fault.options.items()
        if name not in HOW and isinstance(value, int)
    }
    for name in fault.targets:
        link = targets.links[name]
        await link.add_toxic(f"nemesis_{toxic}", toxic, stream, **wanted)
        if fault.option("cycle", bool):
            # reset_peer and limit_data show on connections made after them, so end the old ones.
            await link.cycle()
    return await _prove_poisoned(targets, fault, toxic, wanted)


async def _prove_poisoned(
    targets: Targets, fault: Fault, toxic: str, wanted: Mapping[str, int]
) -> Proof:
    clean = []
    for name in fault.targets:
        state = await targets.links[name].state()
        listed = [found for found in state.toxics.values() if found.get("type") == toxic]
        if not listed or not all(_has(found, wanted) for found in listed):
            clean.append(f"{name} lists {dict(state.toxics)!r}")
    asked = ", ".join(f"{name}={value}" for name, value in wanted.items())
    if clean:
        return Proof(bit=False, text=f"expected {toxic} {asked}; {'; '.join(clean)}")
    return Proof(bit=True, text=f"read back {toxic} {asked} on {', '.join(fault.targets)}")


def _has(toxic: Mapping[str, object], wanted: Mapping[str, int]) -> bool:
    """Whether a toxic read back carries these attributes, beside its name or in a map below."""
    inner = toxic.get("attributes")
    attributes = {**toxic, **inner} if isinstance(inner, Mapping) else toxic
    return all(attributes.get(name) == value for name, value in wanted.items())


TOXIC = Kind(
    "toxic",
    _poison,
    heal_all,
    FaultClass.LINK,
    does="puts a toxic on links",
    cured="toxics removed",
    proven="the toxic and its attributes read back",
)


KINDS = (TOXIC,)


def _poisoning(
    name: str,
    toxic: str,
    links: Sequence[str],
    *,
    stream: Stream,
    cycle: bool,
    ranges: Mapping[str, tuple[int, int]],
) -> Draw:
    """Put one toxic on one of these links, its attributes drawn from their ranges."""

    def draw(rng: Random, topology: Topology) -> Fault:
        link = rng.choice([known for known in topology.links if known in links])
        drawn = {attribute: rng.randint(*span) for attribute, span in ranges.items()}
        options: dict[str, OptionValue] = {"toxic": toxic, "stream": str(stream), "cycle": cycle}
        # What ends connections may leave none alive for long enough to send through.
        stops_writes = cycle and link == "client->master"
        return Fault(name, TOXIC.name, (link,), options | drawn, stops_writes)

    return draw


def _package(
    name: str,
    toxic: str,
    links: Sequence[str],
    does: str,
    *,
    stream: Stream = Stream.BOTH,
    cycle: bool = False,
    **ranges: tuple[int, int],
) -> Package:
    draw = _poisoning(name, toxic, links, stream=stream, cycle=cycle, ranges=ranges)
    return Package.of(TOXIC, draw, name, GREEN, does)


PACKAGES = (
    _package(
        "delay-replication",
        "latency",
        REPLICATION,
        "latency of 50 to 800 ms each way on replication",
        latency=(50, 800),
        jitter=(0, 0),
    ),
    _package(
        "jitter-replication",
        "latency",
        REPLICATION,
        "latency that wavers on replication",
        latency=(100, 300),
        jitter=(50, 100),
    ),
    _package(
        "throttle-replication",
        "bandwidth",
        REPLICATION,
        "1 to 50 KB/s from master to slave",
        stream=Stream.DOWNSTREAM,
        rate=(1, 50),
    ),
    _package(
        "tear-replication",
        "limit_data",
        REPLICATION,
        "ends each replication connection in mid-record, at a drawn byte",
        stream=Stream.DOWNSTREAM,
        cycle=True,
        bytes=(1, 20_000),
    ),
    _package(
        "slow-client",
        "latency",
        CLIENT,
        "latency of 20 to 500 ms each way between client and a broker",
        latency=(20, 500),
        jitter=(0, 0),
    ),
    _package(
        "throttle-client",
        "bandwidth",
        CLIENT,
        "5 to 100 KB/s between client and a broker",
        rate=(5, 100),
    ),
    _package(
        "slice",
        "slicer",
        (*CLIENT, *REPLICATION),
        "cuts the stream into crumbs, with pauses",
        average_size=(8, 64),
        size_variation=(1, 7),
        delay=(0, 2000),
    ),
    _package(
        "reset",
        "reset_peer",
        (*CLIENT, *REPLICATION),
        "RST instead of an answer on every connection",
        stream=Stream.DOWNSTREAM,
        cycle=True,
        timeout=(0, 50),
    ),
    _package(
        "slow-close",
        "slow_close",
        (*CLIENT, *REPLICATION),
        "holds back every FIN: the other side's death goes unnoticed",
        delay=(1000, 10_000),
    ),
    _package(
        "tear-client",
        "limit_data",
        CLIENT,
        "ends each client connection in mid-frame, at a drawn byte",
        cycle=True,
        bytes=(1, 4000),
    ),
)
