"""How fast the suite's own clusters tick, so that a run of a minute sees what a day would.

RocketMQ's defaults are made for production: 30 s between registrations, 10 s between two copies
of the slave's tables, 120 s until the name server gives a broker up. The broker keeps them; the
suite's clusters do not, and ``test.json`` says with which they ran. The flush timers stay as they
are, for they decide what a power cut may take (spec/guarantees.md, Loss).
"""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "BROKER_TIMINGS",
    "CONVERGENCE_MS_MAX",
    "NAMESERVER_TIMINGS",
    "OP_TIMEOUT_MS",
    "REQUEST_TIMEOUT_MS",
    "ROCKETMQ_CONSTANTS",
    "ROCKETMQ_TIMINGS",
    "ROUTE_REFRESH_MS",
    "timings_of",
]

BROKER_TIMINGS: Mapping[str, int] = MappingProxyType(
    {
        "registerNameServerPeriod": 1_000,
        "registerBrokerTimeoutMills": 1_000,
        "haReconnectInterval": 200,
        "haSendHeartbeatInterval": 500,
        "haHousekeepingInterval": 3_000,
        "slaveSyncInterval": 1_000,
        "slaveTimeout": 800,
        "syncFlushTimeout": 1_500,
        "flushConsumerOffsetInterval": 1_000,
        "mappedFileSizeCommitLog": 64 * 1024 * 1024,
    }
)

ROCKETMQ_TIMINGS: Mapping[str, int] = MappingProxyType(
    {
        "registerNameServerPeriod": 10_000,  # the least that it takes
        **{
            key: BROKER_TIMINGS[key]
            for key in (
                "registerBrokerTimeoutMills",
                "haSendHeartbeatInterval",
                "haHousekeepingInterval",
                "slaveTimeout",
                "syncFlushTimeout",
                "flushConsumerOffsetInterval",
            )
        },
    }
)
"""What of it RocketMQ 4.9.3 has a key for."""

ROCKETMQ_CONSTANTS: Mapping[str, int] = MappingProxyType(
    {
        "slaveSyncInterval": 10_000,
        "brokerExpiredTime": 120_000,
        "scanNotActiveBrokerInterval": 10_000,
    }
)
"""What it has none for (BrokerController, RouteInfoManager, NamesrvController)."""

NAMESERVER_TIMINGS: Mapping[str, int] = MappingProxyType(
    {"brokerExpiredTime": 10_000, "scanNotActiveBrokerInterval": 1_000}
)

REQUEST_TIMEOUT_MS = 3_000
"""A client's patience, RocketMQ's own. It must be longer than slaveTimeout and syncFlushTimeout, or
every weak status would be seen as a time-out (spec/rocketmq.md, trap 9)."""

OP_TIMEOUT_MS = 10_000
"""An operation's patience: longer than a send with all its retries takes."""

ROUTE_REFRESH_MS = 1_000
CONVERGENCE_MS_MAX = 30_000
"""P12: after all cures both logs are equal and a send succeeds within this time."""


def timings_of(world: str) -> Mapping[str, int]:
    """Return the timings in force in a world, in ms, by the name of their key.

    >>> timings_of("local")["slaveSyncInterval"], timings_of("rocketmq")["slaveSyncInterval"]
    (1000, 10000)
    """
    if world == "rocketmq":
        return {**ROCKETMQ_TIMINGS, **ROCKETMQ_CONSTANTS}
    return {**BROKER_TIMINGS, **NAMESERVER_TIMINGS}
