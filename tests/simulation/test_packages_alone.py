"""Each package alone, on the correct broker: never a false alarm, whatever is broken.

A run may be unknown, if it says why: a fault that left no time for a send proves nothing. Two
packages have no contract (spec/guarantees.md), and may break what they are known to break.
"""

from random import Random

import pytest

from checkers.suite import Judgement
from checkers.verdict import Validity
from harness.options import MODES
from harness.simulated.run import simulate
from harness.simulated.swarm import options_of_seed
from nemesis.registry import PACKAGES
from nemesis.topology import Topology

OF_TWO_MASTERS = frozenset(
    {
        "commit-regressed",
        "dishonest-status",
        "diverged",
        "inconsistent-offset",
        "misordered",
        "offset-reused",
        "slave-wrote",
        "watermark-regressed",
    }
)
"""What two masters of one id break: each takes writes that the other does not have."""

FIRST_OF_KIND = {
    package.draw(Random(1), Topology()).kind: name for name, package in reversed(PACKAGES.items())
}
QUICK = [(name, MODES[place % len(MODES)]) for place, name in enumerate(FIRST_OF_KIND.values())]


def judged(name: str, mode: str, seed: int, **given: float) -> Judgement:
    """Run one seed; the node's disk is volatile where the package needs it, else drawn."""
    volatile = True if "volatile" in PACKAGES[name].needs else None
    options = options_of_seed(seed, mode=mode, nemeses=(name,), volatile=volatile, **given)
    return simulate(options).judgement


def check(name: str, judgement: Judgement) -> None:
    broken = {
        anomaly.name
        for anomaly in judgement.anomalies.values()
        if anomaly.validity is Validity.INVALID
    }
    allowed = frozenset() if PACKAGES[name].contract else OF_TWO_MASTERS
    assert broken <= allowed, judgement.to_json()["anomalies"]
    if judgement.validity is Validity.UNKNOWN:
        assert judgement.why


@pytest.mark.parametrize(("name", "mode"), QUICK)
def test_a_package_of_each_kind_is_no_false_alarm(name: str, mode: str) -> None:
    judgement = judged(name, mode, seed=1, time_limit_s=6.0, rate=40.0)
    check(name, judgement)
    if PACKAGES[name].contract:
        assert judgement.validity is Validity.VALID, judgement.why


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 11))
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", PACKAGES)
def test_no_package_is_a_false_alarm_in_any_mode(name: str, mode: str, seed: int) -> None:
    check(name, judged(name, mode, seed))
