"""Chaos as tests: what a project that tests its own code against a broken broker imports.

    chaos             decorates a test: one run a seed, its result in the fixture ``chaos_run``
    simulated_cluster, local_cluster    fixtures: a cluster that a test drives by hand
    ChaosRun          what a run came to, and its proof
    DrivenCluster     the hand on a cluster: send, pull, inject, cure, elapse, judge
    machine_of        a Hypothesis state machine whose rules are client operations and faults

Strategies for Hypothesis are in ``harness.strategies``. Names are imported when they are asked
for, so that ``from harness.testing import chaos`` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.testing.driven import DrivenCluster
    from harness.testing.machine import machine_of
    from harness.testing.marker import chaos
    from harness.testing.runs import ChaosRun

__all__ = ["ChaosRun", "DrivenCluster", "chaos", "machine_of"]

HOMES = {
    "ChaosRun": "harness.testing.runs",
    "DrivenCluster": "harness.testing.driven",
    "chaos": "harness.testing.marker",
    "machine_of": "harness.testing.machine",
}


def __getattr__(name: str) -> object:
    """Import a public name from its home."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(HOMES[name]), name)
