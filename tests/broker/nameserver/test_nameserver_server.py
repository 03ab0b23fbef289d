"""A name server asked over connections, as brokers, clients and operators do."""

import asyncio
from itertools import count
from random import Random

import pytest

from broker.config import NameServerConfig
from broker.errors import RemotingTimeoutError
from broker.logging import EventLog
from broker.nameserver.registration import BrokerIdentity, Registration, write_registration
from broker.nameserver.server import NameServer
from broker.nameserver.topics import DataVersion, TopicConfig, TopicWrapper, to_json
from broker.ports import Ports
from broker.remoting.codes import RequestCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.remoting.fastjson import loads
from tests.broker.memory_disk import MemoryDisk
from tests.broker.remoting.memory_network import MemoryNetwork

CODE = RequestCode


class WallClock:
    def now_ms(self) -> int:
        return 0


def world(network: MemoryNetwork, disk: MemoryDisk | None = None) -> Ports:
    return Ports(network, disk or MemoryDisk(), WallClock(), Random(1))


class Client:
    """A connection to a name server on port 9876, and the words to ask it with."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def ask(self, code: int, body: bytes = b"", **fields: str) -> Command:
        return await self.connection.request(Command(code, ext_fields=fields, body=body), 500)

    async def register(self, address: str, broker_id: int = 0) -> Command:
        topics = TopicWrapper(
            DataVersion(1, 1),
            {"T": TopicConfig(topic_name="T", read_queue_nums=4, write_queue_nums=4)},
        )
        registration = Registration(
            identity=BrokerIdentity(
                cluster_name="DefaultCluster",
                broker_name="broker-a",
                broker_id=broker_id,
                broker_addr=address,
            ),
            ha_address=f"{address}1",
            topics=topics,
        )
        return await self.connection.request(write_registration(registration), 500)


async def dial(network: MemoryNetwork) -> Client:
    _, connection = await network.connect(Connection, "127.0.0.1", 9876)
    return Client(connection)


async def test_a_route_is_answered_in_rocketmqs_very_bytes() -> None:
    network = MemoryNetwork()
    server = NameServer(NameServerConfig(), world(network))
    await server.start()
    master, slave = await dial(network), await dial(network)
    assert (await master.register("127.0.0.1:21911")).ext_fields == {}
    told = await slave.register("127.0.0.1:21921", 1)
    assert told.ext_fields == {
        "masterAddr": "127.0.0.1:21911",
        "haServerAddr": "127.0.0.1:219111",
    }
    assert (await master.ask(CODE.GET_ROUTEINFO_BY_TOPIC, topic="T")).body == (
        b'{"brokerDatas":[{"brokerAddrs":{0:"127.0.0.1:21911",1:"127.0.0.1:21921"},'
        b'"brokerName":"broker-a","cluster":"DefaultCluster"}],"filterServerTable":{},'
        b'"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,'
        b'"writeQueueNums":4}]}'
    )
    assert (await master.ask(CODE.GET_BROKER_CLUSTER_INFO)).body == (
        b'{"brokerAddrTable":{"broker-a":{"brokerAddrs":{0:"127.0.0.1:21911",1:"127.0.0.1:21921"},'
        b'"brokerName":"broker-a","cluster":"DefaultCluster"}},'
        b'"clusterAddrTable":{"DefaultCluster":["broker-a"]}}'
    )
    await server.stop()


async def test_an_unknown_topic_is_code_17_and_an_unknown_request_is_not_answered() -> None:
    network = MemoryNetwork()
    server = NameServer(NameServerConfig(), world(network))
    await server.start()
    client = await dial(network)
    missing = await client.ask(CODE.GET_ROUTEINFO_BY_TOPIC, topic="U")
    assert missing.code == 17
    assert missing.remark is not None
    assert missing.remark.startswith("No topic route info in name server for the topic: U\n")
    assert (await client.ask(CODE.GET_ROUTEINFO_BY_TOPIC)).code == 1
    with pytest.raises(RemotingTimeoutError):
        await client.connection.request(Command(10), 20)
    await server.stop()


async def test_a_broker_leaves_with_its_connection_and_with_its_farewell() -> None:
    network, lines = MemoryNetwork(), list[str]()
    ports = world(network)
    log = EventLog(lines.append, ports.clock, node="nameserver")
    server = NameServer(NameServerConfig(), ports, log)
    await server.start()
    master, slave, client = [await dial(network) for _ in range(3)]
    await master.register("m:1")
    await slave.register("s:1", 1)
    master.connection.abort()
    await master.connection.gone
    route = loads((await client.ask(CODE.GET_ROUTEINFO_BY_TOPIC, topic="T")).body)
    assert route["brokerDatas"][0]["brokerAddrs"] == {"1": "s:1"}
    said = [loads(line) for line in lines]
    assert [(line["event"], line["address"]) for line in said] == [("broker-gone", "m:1")]
    who = {"brokerName": "broker-a", "brokerAddr": "s:1", "clusterName": "C", "brokerId": "1"}
    assert (await slave.ask(CODE.UNREGISTER_BROKER, **who)).code == 0
    assert (await client.ask(CODE.GET_ROUTEINFO_BY_TOPIC, topic="T")).code == 17
    await server.stop()


async def test_a_silent_broker_is_expired_and_its_connection_closed() -> None:
    network = MemoryNetwork()
    config = NameServerConfig(broker_expired_time=40, scan_not_active_broker_interval=10)
    server = NameServer(config, world(network))
    await server.start()
    master, client = await dial(network), await dial(network)
    await master.register("m:1")
    await asyncio.wait_for(master.connection.gone, 1)
    assert (await client.ask(CODE.GET_ROUTEINFO_BY_TOPIC, topic="T")).code == 17
    await server.stop()


async def test_versions_topics_and_write_permission_are_answered() -> None:
    network = MemoryNetwork()
    server = NameServer(NameServerConfig(), world(network))
    await server.start()
    client = await dial(network)
    await client.register("m:1")
    who = {"brokerName": "broker-a", "brokerAddr": "m:1", "clusterName": "C", "brokerId": "0"}
    same = await client.ask(CODE.QUERY_DATA_VERSION, to_json(DataVersion(1, 1)), **who)
    assert (same.ext_fields, same.body) == ({"changed": "false"}, b'{"counter":1,"timestamp":1}')
    newer = await client.ask(CODE.QUERY_DATA_VERSION, to_json(DataVersion(2, 1)), **who)
    assert newer.ext_fields == {"changed": "true"}
    listed = await client.ask(CODE.GET_ALL_TOPIC_LIST_FROM_NAMESERVER)
    assert loads(listed.body) == {"topicList": ["T"]}
    listed = await client.ask(CODE.GET_TOPICS_BY_CLUSTER, cluster="DefaultCluster")
    assert loads(listed.body) == {"topicList": ["T"]}
    system = await client.ask(CODE.GET_SYSTEM_TOPIC_LIST_FROM_NS)
    assert loads(system.body) == {"topicList": ["DefaultCluster", "broker-a"], "brokerAddr": "m:1"}
    wiped = await client.ask(CODE.WIPE_WRITE_PERM_OF_BROKER, brokerName="broker-a")
    assert wiped.ext_fields == {"wipeTopicCount": "1"}
    added = await client.ask(CODE.ADD_WRITE_PERM_OF_BROKER, brokerName="broker-a")
    assert added.ext_fields == {"addTopicCount": "1"}
    await client.ask(CODE.DELETE_TOPIC_IN_NAMESRV, topic="T")
    assert (await client.ask(CODE.GET_ROUTEINFO_BY_TOPIC, topic="T")).code == 17
    await server.stop()


async def test_whichever_step_of_keeping_a_key_value_fails_it_is_known_and_kept_with_the_next() -> (
    None
):
    config = NameServerConfig(kv_config_path="/ns/kvConfig.json")
    for nth in count(1):
        disk, network = MemoryDisk(), MemoryNetwork()
        server = NameServer(config, world(network, disk))
        await server.start()
        client = await dial(network)
        disk.fail_at = disk.effects + nth
        for key in "ab":
            fields = {"namespace": "n", "key": key, "value": key}
            assert (await client.ask(CODE.PUT_KV_CONFIG, **fields)).code == 0
            found = await client.ask(CODE.GET_KV_CONFIG, namespace="n", key=key)
            assert found.ext_fields == {"value": key}
            failed = disk.failed
            disk.fail_at = None
        await server.stop()
        again = NameServer(config, world(MemoryNetwork(), disk))
        await again.start()
        assert again._key_values.table("n") == {"a": "a", "b": "b"}
        await again.stop()
        if not failed:
            assert nth > 2
            return


async def test_key_values_are_kept_over_a_restart_where_a_path_is_given() -> None:
    network, disk = MemoryNetwork(), MemoryDisk()
    config = NameServerConfig(order_message_enable=True, kv_config_path="/ns/kvConfig.json")
    server = NameServer(config, world(network, disk))
    await server.start()
    client = await dial(network)
    missing = await client.ask(CODE.GET_KV_CONFIG, namespace="N", key="k")
    assert (missing.code, missing.remark) == (22, "No config item, Namespace: N Key: k")
    namespace = "ORDER_TOPIC_CONFIG"
    await client.ask(CODE.PUT_KV_CONFIG, namespace=namespace, key="T", value="broker-a:4")
    await client.ask(CODE.PUT_KV_CONFIG, namespace=namespace, key="U", value="x")
    await client.ask(CODE.DELETE_KV_CONFIG, namespace=namespace, key="U")
    await server.stop()

    again = NameServer(config, world(network, disk))
    await again.start()
    client = await dial(network)
    listed = await client.ask(CODE.GET_KVLIST_BY_NAMESPACE, namespace=namespace)
    assert loads(listed.body) == {"table": {"T": "broker-a:4"}}
    assert (await client.ask(CODE.GET_KVLIST_BY_NAMESPACE, namespace="N")).code == 22
    assert (await client.ask(CODE.GET_KV_CONFIG, namespace=namespace, key="T")).ext_fields == {
        "value": "broker-a:4"
    }
    told = await client.register("m:1")
    assert loads(told.body) == {"table": {"T": "broker-a:4"}}
    route = loads((await client.ask(CODE.GET_ROUTEINFO_BY_TOPIC, topic="T")).body)
    assert route["orderTopicConf"] == "broker-a:4"
    await again.stop()


async def test_settings_are_told_a_line_each_and_changed_by_nobody() -> None:
    """An operator who tries is told so, and does not wait in vain."""
    network = MemoryNetwork()
    server = NameServer(NameServerConfig(), world(network))
    await server.start()
    told = await (await dial(network)).ask(CODE.GET_NAMESRV_CONFIG)
    assert b"brokerExpiredTime=120000\n" in told.body
    refused = await (await dial(network)).ask(CODE.UPDATE_NAMESRV_CONFIG, b"brokerExpiredTime=1")
    assert refused.code == 1
    assert refused.remark == "a name server's settings cannot change while it runs; restart it"
    await server.stop()
