"""What a partition cuts is computed from the graph of links."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemesis.targets import Stream
from nemesis.topology import CUTS, LINKS, Topology, party_of

PARTIES = ("client", "nameserver", "master", "slave")


def test_a_cut_between_two_takes_every_link_of_theirs_and_no_other() -> None:
    assert Topology().cut("slave / master") == {
        "slave->master": Stream.BOTH,
        "slave->master-ha": Stream.BOTH,
    }


def test_foreign_clients_are_cut_wherever_ours_are() -> None:
    assert list(Topology().cut("client / master")) == ["client->master", "foreign->master"]


def test_the_replication_port_can_be_cut_alone() -> None:
    assert list(Topology().cut("replication")) == ["slave->master-ha"]


def test_whoever_is_not_named_forms_one_more_group() -> None:
    named = Topology().cut("slave | client,master,nameserver")
    assert Topology().cut("slave |client,master") == named | {
        link: Stream.BOTH for link in LINKS if link.endswith(">nameserver")
    }


def test_what_the_observer_no_longer_says_is_upstream() -> None:
    assert set(Topology().cut("slave > master").values()) == {Stream.UPSTREAM}
    assert set(Topology().cut("master > slave").values()) == {Stream.DOWNSTREAM}


def test_a_cluster_without_a_link_is_not_cut_there() -> None:
    small = Topology(("client->master", "slave->master-ha"))
    assert list(small.cut("master-isolated")) == ["client->master", "slave->master-ha"]
    with pytest.raises(ValueError, match="no link of this cluster"):
        small.cut("client / nameserver")


def test_a_party_that_does_not_exist_is_named_with_its_nearest() -> None:
    with pytest.raises(ValueError, match="found 'mastr'; did you mean 'master'"):
        Topology().cut("mastr / slave")


@pytest.mark.parametrize("name", CUTS)
def test_every_named_cut_cuts_something_but_never_all_of_the_cluster(name: str) -> None:
    assert 0 < len(Topology().cut(name)) < len(LINKS)


@given(st.lists(st.sampled_from(PARTIES), min_size=1, max_size=3, unique=True))
def test_a_split_takes_exactly_the_links_that_cross_it(side: list[str]) -> None:
    crossing = [
        link for link in LINKS if len({party_of(end) in side for end in link.split("->")}) == 2
    ]
    others = [party for party in PARTIES if party not in side]
    cut = Topology().cut(f"{','.join(side)} | {','.join(others)}")
    assert dict(cut) == dict.fromkeys(crossing, Stream.BOTH)


@given(st.permutations(PARTIES))
def test_two_one_way_cuts_are_one_cut(parties: list[str]) -> None:
    left, right = parties[:2]
    topology = Topology()
    try:
        whole = topology.cut(f"{left} / {right}")
    except ValueError:
        return
    there, back = topology.cut(f"{left} > {right}"), topology.cut(f"{right} > {left}")
    assert list(there) == list(back) == list(whole)
    assert all(there[link] != back[link] for link in whole)


def test_a_cut_that_would_leave_a_connection_whole_is_refused() -> None:
    """Half a partition would be reported as a whole one."""
    small = Topology(("client->master", "slave->master-ha"), ("slave->master",))
    assert list(small.cut("client-master")) == ["client->master"]
    assert small.stays_whole("slave-isolated") == ("slave->master",)
    with pytest.raises(ValueError, match="cut 'slave-isolated': slave->master would stay whole"):
        small.cut("slave-isolated")
