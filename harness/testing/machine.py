"""A Hypothesis state machine over a simulated cluster: rules are client operations and faults.

    TestBroker = machine_of(mode="SYNC_MASTER+SYNC_FLUSH").TestCase

Hypothesis draws which rules happen in which order; after each example everything is cured and
drained, and the checkers judge. A broken promise is a failed example, which Hypothesis shrinks to
the few steps that break it, and prints as a script. Time is virtual: an example takes
milliseconds, and the same steps give the same history.

The base class is Hypothesis's own way to state such machines; nothing here is to be subclassed.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from harness.options import MODE_DEFAULT, MODES, RunOptions
from harness.strategies import able_packages, faults
from harness.testing.driven import DrivenCluster, simulated
from nemesis.faults import Fault
from nemesis.packages import Package
from nemesis.registry import PACKAGES

__all__ = ["machine_of"]

FAULTS_MAX = 3
"""How many faults are on at a time, at most: more only keep a cluster dead."""


def machine_of(
    mode: str = MODE_DEFAULT,
    nemeses: Sequence[str] | None = None,
    queues: int = 2,
    *,
    volatile: bool = False,
) -> type[RuleBasedStateMachine]:
    """Make a machine over clusters of one mode; by default with every nemesis that can be."""
    if mode not in MODES:
        raise ValueError(f"machine_of: expected a mode of {', '.join(MODES)}, got {mode!r}")
    options: dict[str, Any] = {"mode": mode, "queues": queues, "volatile": volatile}
    packages = _packages(nemeses, RunOptions(seed=0, world="simulated", **options))

    class ClusterMachine(RuleBasedStateMachine):
        """Clients and faults, one step at a time, on a cluster of its own."""

        def __init__(self) -> None:
            super().__init__()
            self._open = ExitStack()
            self.cluster: DrivenCluster = self._open.enter_context(simulated(**options))

        @rule(queue=st.integers(0, queues - 1), client=st.integers(0, 1), size=st.integers(0, 1024))
        def send(self, queue: int, client: int, size: int) -> None:
            """Send one message."""
            self.cluster.send(queue, client=client, size=size)

        @rule(queue=st.integers(0, queues - 1), client=st.integers(0, 1))
        def pull(self, queue: int, client: int) -> None:
            """Pull once."""
            self.cluster.pull(queue, client=client)

        @rule(queue=st.integers(0, queues - 1), client=st.integers(0, 1))
        def commit(self, queue: int, client: int) -> None:
            """Commit what was pulled."""
            self.cluster.commit(queue, client=client)

        @rule(ms=st.integers(1, 3000))
        def elapse(self, ms: int) -> None:
            """Let time pass."""
            self.cluster.elapse(ms / 1000)

        @precondition(lambda self: len(self.cluster.faults) < FAULTS_MAX)
        @rule(fault=faults(packages))
        def inject(self, fault: Fault) -> None:
            """Break something, unless what it would break is broken already."""
            if not any(fault.meets(other) for other in self.cluster.active):
                self.cluster.inject(fault)

        @precondition(lambda self: bool(self.cluster.faults))
        @rule(place=st.integers(0, FAULTS_MAX - 1))
        def cure(self, place: int) -> None:
            """Mend one of the things that are broken."""
            numbers = self.cluster.faults
            self.cluster.cure(numbers[place % len(numbers)])

        def teardown(self) -> None:
            """Cure all, drain, judge: the example fails if a promise was broken."""
            with self._open:
                self.cluster.check()

    return ClusterMachine


def _packages(nemeses: Sequence[str] | None, options: RunOptions) -> tuple[Package, ...]:
    if nemeses is None:
        return able_packages(options)
    if unknown := [name for name in nemeses if name not in PACKAGES]:
        raise ValueError(f"machine_of: no such nemeses: {', '.join(unknown)}")
    return tuple(PACKAGES[name] for name in nemeses)
