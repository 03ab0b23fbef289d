"""The route table, event by event."""

import msgspec

from broker.nameserver.registration import BrokerIdentity, MasterAddresses, Registration
from broker.nameserver.routes import RouteTable
from broker.nameserver.topics import DataVersion, TopicConfig, TopicWrapper

MASTER, SLAVE, OTHER = "m:1", "s:1", "x:1"
NOBODY = MasterAddresses()


def broker(
    address: str,
    broker_id: int = 0,
    *,
    topics: str = "T",
    version: int = 1,
    name: str = "broker-a",
    queues: int = 4,
) -> Registration:
    table = {
        topic: TopicConfig(topic_name=topic, read_queue_nums=queues, write_queue_nums=queues)
        for topic in topics.split()
    }
    return Registration(
        identity=BrokerIdentity(
            cluster_name="C", broker_name=name, broker_id=broker_id, broker_addr=address
        ),
        ha_address=f"ha-{address}",
        topics=TopicWrapper(DataVersion(version, version), table),
    )


def addresses(table: RouteTable, topic: str = "T") -> dict[int, str]:
    route = table.route(topic)
    return route.broker_datas[0].broker_addrs if route else {}


def test_a_route_names_brokers_and_queues() -> None:
    table = RouteTable()
    table.register(broker(MASTER), "m", 0)
    table.register(broker(SLAVE, 1), "s", 0)
    route = table.route("T")
    assert route is not None
    assert [(q.broker_name, q.perm, q.write_queue_nums) for q in route.queue_datas] == [
        ("broker-a", 6, 4)
    ]
    assert addresses(table) == {0: MASTER, 1: SLAVE}
    assert table.route("U") is None


def test_a_slave_is_told_its_master_and_a_master_nothing() -> None:
    table = RouteTable()
    assert table.register(broker(SLAVE, 1), "s", 0) == NOBODY
    assert table.register(broker(MASTER), "m", 0) == NOBODY
    told = table.register(broker(SLAVE, 1), "s", 0)
    assert told == MasterAddresses(ha_server_addr="ha-m:1", master_addr=MASTER)


def test_topics_come_from_the_master_when_its_version_changes() -> None:
    table = RouteTable()
    table.register(broker(MASTER, topics="T"), "m", 0)
    table.register(broker(SLAVE, 1, topics="S", version=9), "s", 0)
    table.register(broker(MASTER, topics="T U"), "m", 0)
    assert table.topics() == ["T"]
    table.register(broker(MASTER, topics="T U", version=2), "m", 0)
    assert table.topics() == ["T", "U"]
    table.register(broker(MASTER, topics="U", version=3), "m", 0)
    assert table.topics() == ["T", "U"], "a topic that is not mentioned stays"


def test_a_slave_alone_is_believed_about_topics_without_a_row() -> None:
    """After a restart of the name server with the master down, the slave must be found."""
    table = RouteTable()
    table.register(broker(SLAVE, 1, queues=2), "s", 0)
    assert addresses(table) == {1: SLAVE}
    table.register(broker(MASTER, queues=8), "m", 0)
    table.register(broker(SLAVE, 1, queues=2, version=2), "s", 0)
    route = table.route("T")
    assert route is not None
    assert route.queue_datas[0].read_queue_nums == 8


def test_a_group_goes_with_its_last_address_and_its_topics_with_it() -> None:
    table = RouteTable()
    table.register(broker(MASTER), "m", 0)
    table.register(broker(SLAVE, 1), "s", 0)
    assert table.channel_lost("m") == [MASTER]
    assert addresses(table) == {1: SLAVE}
    assert table.channel_lost("s") == [SLAVE]
    assert table.topics() == []
    assert table.cluster_info().cluster_addr_table == {}


def test_a_broker_that_comes_back_unchanged_brings_its_topics_again() -> None:
    table = RouteTable()
    table.register(broker(MASTER), "m", 0)
    table.channel_lost("m")
    table.register(broker(MASTER), "m2", 0)
    assert addresses(table) == {0: MASTER}


def test_the_end_of_a_replaced_channel_removes_nothing() -> None:
    """A broker reconnected before the end of its old connection was noticed."""
    table = RouteTable()
    table.register(broker(MASTER), "old", 0)
    table.register(broker(MASTER), "new", 0)
    assert table.channel_lost("old") == []
    assert addresses(table) == {0: MASTER}


def test_the_last_registrant_of_an_id_wins() -> None:
    table = RouteTable()
    table.register(broker(MASTER), "m", 0)
    table.register(broker(OTHER), "x", 0)
    assert addresses(table) == {0: OTHER}
    table.register(broker(MASTER), "m", 0)
    assert addresses(table) == {0: MASTER}


def test_a_stale_brokers_farewell_leaves_the_healthy_one_in_place() -> None:
    """RocketMQ unregisters by id alone, and so loses the route to a master that is well."""
    table = RouteTable()
    table.register(broker(OTHER), "x", 0)
    table.register(broker(MASTER), "m", 0)
    assert not table.unregister(broker(OTHER).identity)
    assert addresses(table) == {0: MASTER}
    assert table.channel_lost("x") == []
    assert table.unregister(broker(MASTER).identity)
    assert addresses(table) == {}


def test_an_address_that_takes_another_id_gives_up_its_old_one() -> None:
    table = RouteTable()
    table.register(broker(MASTER), "m", 0)
    table.register(broker(SLAVE, 1), "s", 0)
    table.register(broker(SLAVE, 0, version=2), "s", 0)
    assert addresses(table) == {0: SLAVE}


def test_silence_longer_than_the_limit_ends_a_broker() -> None:
    table = RouteTable()
    table.register(broker(MASTER), "m", 1000)
    table.register(broker(SLAVE, 1), "s", 1001)
    assert table.expire(121_000, 120_000) == []
    assert table.expire(121_001, 120_000) == ["m"]
    assert addresses(table) == {1: SLAVE}


def test_a_known_version_is_a_sign_of_life_and_a_new_one_is_not() -> None:
    table = RouteTable()
    table.register(broker(MASTER), "m", 0)
    assert table.version_seen(OTHER, DataVersion(1, 1), 5) == (True, None)
    assert table.version_seen(MASTER, DataVersion(2, 2), 50) == (True, DataVersion(1, 1))
    assert table.expire(100, 60) == ["m"]
    table.register(broker(MASTER), "m", 0)
    assert table.version_seen(MASTER, DataVersion(1, 1), 50) == (False, DataVersion(1, 1))
    assert table.expire(100, 60) == []


def test_a_broker_that_lost_its_id_must_register_though_nothing_changed() -> None:
    """Else its route would stay lost until its next change (apache/rocketmq 9411)."""
    table = RouteTable()
    table.register(broker(MASTER), "m", 0)
    table.register(broker(OTHER), "x", 0)
    table.unregister(broker(OTHER).identity)
    assert table.version_seen(MASTER, DataVersion(1, 1), 0) == (True, DataVersion(1, 1))


def test_write_permission_is_wiped_and_given_back() -> None:
    table = RouteTable()
    table.register(broker(MASTER, topics="T U"), "m", 0)

    def perm() -> int:
        route = table.route("T")
        assert route is not None
        return route.queue_datas[0].perm

    assert table.set_write_permission("broker-a", writable=False) == 2
    assert perm() == 4
    table.register(broker(MASTER, topics="T U"), "m", 0)
    assert perm() == 4, "an unchanged registration does not open the queues"
    assert table.set_write_permission("broker-a", writable=True) == 2
    assert perm() == 6
    assert table.set_write_permission("broker-b", writable=False) == 0


def test_topics_are_listed_by_cluster_and_deleted() -> None:
    table = RouteTable()
    table.register(broker(MASTER, topics="T U"), "m", 0)
    assert table.topics_of_cluster("C") == ["T", "U"]
    assert table.topics_of_cluster("D") == []
    table.delete_topic("T")
    table.delete_topic("T")
    assert table.topics() == ["U"]


def test_filter_servers_are_in_the_route_of_those_who_have_them() -> None:
    table = RouteTable()
    table.register(msgspec.structs.replace(broker(MASTER), filter_servers=["f:1"]), "m", 0)
    table.register(broker(SLAVE, 1), "s", 0)
    route = table.route("T")
    assert route is not None
    assert route.filter_server_table == {MASTER: ["f:1"]}
