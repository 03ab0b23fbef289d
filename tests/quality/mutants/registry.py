"""Every planted bug, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from tests.quality.mutants import (
    acks,
    groups,
    logs,
    queues,
    recovery,
    replication,
    routes,
    senders,
    serving,
    trust,
)
from tests.quality.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

THEMES = (acks, logs, recovery, queues, replication, trust, serving, groups, senders, routes)

MUTANTS: Mapping[str, Mutant] = MappingProxyType(
    {one.name: one for theme in THEMES for one in theme.MUTANTS}
)
