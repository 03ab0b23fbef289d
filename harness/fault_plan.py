"""Which faults a run will have, drawn from its seed before anything is started.

The same function serves the run and the check of its options, so that what was found to be
possible is what is done. A swarm draws which packages exist at all; of these as many are kept as
the time gives a turn to, and one that finds no time after all was promised to nobody. A scenario
says what happens; the seed decides what it leaves open.
"""

from random import Random

from harness.draws import stream
from harness.options import RunOptions
from harness.rocketmq.limits import ROCKETMQ_OFFERS, ROCKETMQ_TOPOLOGY
from nemesis.packages import Package
from nemesis.registry import PACKAGES, NemesisNameError, able, choose
from nemesis.scenario import load_scenario
from nemesis.schedules import Schedule, plan
from nemesis.topology import Topology

__all__ = ["able_packages", "offers_of", "possible_packages", "schedule_of", "topology_of"]

SWARM_TURN_S = 3.0
"""How much of a run one package of a swarm gets, so that clients live between two faults."""


def offers_of(options: RunOptions) -> tuple[str, ...]:
    """List what a world has of what a nemesis may need."""
    if options.world == "rocketmq":
        return ROCKETMQ_OFFERS
    return (
        "stores",
        "short-files",
        "settings",
        "reload",
        "ha-address",
        "clients",
        *(() if options.node_command else ("controls",)),
        *(("volatile",) if options.volatile else ()),
    )


def topology_of(options: RunOptions) -> Topology:
    """Return the links of a world's clusters, and the connections that have no proxy there."""
    if options.world == "rocketmq":
        return ROCKETMQ_TOPOLOGY
    return Topology()


def able_packages(options: RunOptions) -> tuple[Package, ...]:
    """List the nemeses that a world can carry out and the contract covers."""
    return tuple(able(offers_of(options), topology_of(options)))


def possible_packages(world: str) -> list[Package]:
    """List the nemeses that a world can carry out at all, by whatever options."""
    options = RunOptions(seed=0, world=world, volatile=world != "rocketmq")
    offers, topology = offers_of(options), topology_of(options)
    return [package for package in PACKAGES.values() if not package.lacks(offers, topology)]


def schedule_of(options: RunOptions) -> Schedule:
    """Draw the faults of a run; what cannot be done is a ``ValueError`` that says why."""
    rng = stream(options.seed, "schedule")
    if options.scenario:
        return _of_scenario(options, rng)
    topology = topology_of(options)
    packages = choose(",".join(options.nemeses), rng, offers_of(options), topology)
    swarm = options.nemeses == ("swarm",)
    if swarm:
        packages = _as_many_as_fit(packages, options.time_limit_s, rng)
    time_limit_ms = int(options.time_limit_s * 1000)
    return plan(rng, packages, time_limit_ms, topology=topology, promised=not swarm)


def _of_scenario(options: RunOptions, rng: Random) -> Schedule:
    scenario = load_scenario(options.scenario, rng, topology_of(options))
    lacking = [need for need in scenario.needs if need not in offers_of(options)]
    if lacking:
        raise NemesisNameError(
            f"scenario {scenario.name!r} needs {', '.join(lacking)}, which this world lacks"
        )
    return scenario.schedule


def _as_many_as_fit(
    packages: tuple[Package, ...], time_limit_s: float, rng: Random
) -> tuple[Package, ...]:
    count = min(len(packages), max(1, int(time_limit_s / SWARM_TURN_S)))
    kept = sorted(rng.sample(range(len(packages)), count))
    return tuple(packages[place] for place in kept)
