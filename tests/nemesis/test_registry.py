"""What ``--nemesis`` takes, and what it answers to what it does not know."""

from random import Random

import pytest

from nemesis.catalogue import KINDS
from nemesis.packages import NEEDS, Package
from nemesis.registry import PACKAGES, NemesisNameError, able, choose, colour_of
from nemesis.topology import CUTS, LINKS, Topology


def test_the_words_of_the_issue_are_packages() -> None:
    words = "kill-master stop-master partition partition-client-master partition-replication"
    assert all(word in PACKAGES for word in [*words.split(), "delay-replication"])


def test_names_are_taken_in_order_and_once() -> None:
    chosen = choose("partition, kill-master,partition", Random(1))
    assert [package.name for package in chosen] == ["partition", "kill-master"]


@pytest.mark.parametrize("text", ["none", "", " "])
def test_none_is_no_package(text: str) -> None:
    assert choose(text, Random(1)) == ()


def test_a_name_that_is_not_known_is_answered_with_the_nearest() -> None:
    with pytest.raises(NemesisNameError, match="'kil-master' is not known; did you mean 'kill-m"):
        choose("kil-master", Random(1))
    with pytest.raises(NemesisNameError, match="see `mqhavoc list nemeses`"):
        choose("xyzzy-42", Random(1))


def test_a_package_that_the_world_cannot_carry_out_says_what_it_needs() -> None:
    with pytest.raises(NemesisNameError, match="power-cut-master needs volatile"):
        choose("power-cut-master", Random(1))
    assert choose("power-cut-master", Random(1), offers=("volatile",))


def test_a_partition_that_a_world_can_make_only_by_half_is_not_offered() -> None:
    small = Topology(("client->master", "slave->master-ha"), ("slave->master",))
    with pytest.raises(NemesisNameError, match="isolated needs a proxy on slave->master;"):
        choose("partition-slave-isolated", Random(1), topology=small)
    assert choose("partition,partition-replication", Random(1), topology=small)
    names = [package.name for package in able((), small)]
    assert "partition-client-master" in names
    assert "partition-master-isolated" not in names


@pytest.mark.parametrize("package", PACKAGES.values(), ids=PACKAGES)
def test_a_package_says_every_named_cut_that_it_makes(package: Package) -> None:
    """Else a world would be offered a cut that it can make only by half."""
    small = Topology(tuple(link for link in LINKS if link != "slave->master"), ("slave->master",))
    if not package.lacks(tuple(NEEDS), small):
        for seed in range(5):
            assert "slave->master" not in package.draw(Random(seed), small).targets


def test_a_swarm_draws_only_what_the_world_offers_and_the_contract_covers() -> None:
    for seed in range(20):
        for package in choose("swarm", Random(seed)):
            assert package.needs == ()
            assert package.contract
    assert choose("swarm", Random(4)) == choose("swarm", Random(4)) != choose("swarm", Random(5))


@pytest.mark.parametrize("package", PACKAGES.values(), ids=PACKAGES)
def test_every_package_draws_faults_of_a_known_kind_and_says_what_it_does(package: object) -> None:
    for seed in range(5):
        fault = package.draw(Random(seed), Topology())
        assert fault.kind in KINDS
        assert fault.targets
        assert fault.name in PACKAGES, "a fault's name finds its package's colour"
        assert fault.occupies
    assert package.does
    assert package.cure
    assert package.proof
    assert colour_of(package.name).startswith("#")


def test_every_named_cut_is_a_package() -> None:
    assert all(f"partition-{cut}" in PACKAGES for cut in CUTS)


def test_writes_stop_exactly_where_no_send_can_succeed() -> None:
    stops = {
        name
        for name, package in PACKAGES.items()
        if package.draw(Random(0), Topology()).stops_writes
    }
    assert {"kill-master", "stop-master", "pause-master", "kill-both"} <= stops
    assert {"partition-client-master", "partition-master-isolated"} <= stops
    assert not stops & {"kill-slave", "partition-replication", "delay-replication"}
    assert not stops & {"kill-nameserver", "rolling-restart", "slow-client"}
