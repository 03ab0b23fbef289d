"""What clients do to the cluster, one file a workload."""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["WORKLOADS"]

WORKLOADS: Mapping[str, str] = MappingProxyType(
    {
        "queue": "unique messages to every queue; consumers that pull, fail over and commit",
    }
)
"""By name, what each does; the module of that name is loaded when it is used."""
