"""Every kind of fault there is, by the name that stands in a fault's ``kind``.

One module a family. Each ends in two tables: KINDS, how its faults are carried out, and PACKAGES,
what a user can ask for by name.
"""

from collections.abc import Mapping
from types import MappingProxyType

from nemesis.catalogue import (
    clients,
    controls,
    crashes,
    damage,
    links,
    operators,
    processes,
    traffic,
)
from nemesis.faults import Kind

__all__ = ["FAMILIES", "KINDS"]

FAMILIES = (processes, links, traffic, controls, crashes, damage, operators, clients)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {kind.name: kind for family in FAMILIES for kind in family.KINDS}
)
