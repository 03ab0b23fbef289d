"""A registration crosses the wire in three forms, and damage is noticed."""

import json
import zlib
from struct import pack

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.errors import BrokerError, RemoteProtocolError
from broker.nameserver.registration import (
    BrokerIdentity,
    Registration,
    read_registration,
    write_registration,
)
from broker.nameserver.topics import DataVersion, TopicConfig, TopicWrapper
from broker.remoting.command import Command

IDENTITY = BrokerIdentity(
    cluster_name="DefaultCluster", broker_name="broker-a", broker_id=0, broker_addr="1.2.3.4:10911"
)
names = st.text("abcXYZ_-%", min_size=1, max_size=8)
topics = st.builds(
    TopicConfig,
    topic_name=names,
    read_queue_nums=st.integers(0, 99),
    write_queue_nums=st.integers(0, 99),
    perm=st.integers(0, 7),
)
registrations = st.builds(
    Registration,
    identity=st.just(IDENTITY),
    ha_address=st.sampled_from(["", "1.2.3.4:10912"]),
    topics=st.builds(
        TopicWrapper,
        st.builds(DataVersion, st.integers(0, 9), st.integers(0, 2**40)),
        st.lists(topics, max_size=3).map(lambda found: {t.topic_name: t for t in found}),
    ),
    filter_servers=st.lists(names, max_size=2),
)


@given(registrations, st.booleans())
def test_what_is_registered_is_read(registration: Registration, compressed: bool) -> None:
    command = write_registration(registration, compressed=compressed)
    assert read_registration(command) == registration


def test_the_plain_body_is_rocketmqs() -> None:
    topics = TopicWrapper(
        DataVersion(2, 1795493067272),
        {"T": TopicConfig(topic_name="T", read_queue_nums=4, write_queue_nums=4)},
    )
    command = write_registration(Registration(identity=IDENTITY, ha_address="h:1", topics=topics))
    assert command.body == (
        b'{"filterServerList":[],"topicConfigSerializeWrapper":{"dataVersion":'
        b'{"counter":2,"timestamp":1795493067272},"topicConfigTable":{"T":{"order":false,"perm":6,'
        b'"readQueueNums":4,"topicFilterType":"SINGLE_TAG","topicName":"T","topicSysFlag":0,'
        b'"writeQueueNums":4}}}}'
    )
    assert command.ext_fields == {
        "clusterName": "DefaultCluster",
        "brokerName": "broker-a",
        "brokerId": "0",
        "brokerAddr": "1.2.3.4:10911",
        "haServerAddr": "h:1",
        "compressed": "false",
        "bodyCrc32": str(zlib.crc32(command.body) & 0x7FFFFFFF),
    }


def test_the_bare_topic_table_of_old_brokers_is_read() -> None:
    body = json.dumps({"dataVersion": {"counter": 1}, "topicConfigTable": {}, "json": None})
    fields = write_registration(Registration(identity=IDENTITY, ha_address="")).ext_fields
    command = Command(103, ext_fields=fields | {"bodyCrc32": "0"}, body=body.encode())
    assert read_registration(command).topics.data_version.counter == 1


def test_a_damaged_body_is_refused() -> None:
    """As by RocketMQ: code 1, and these words."""
    command = write_registration(Registration(identity=IDENTITY, ha_address=""))
    damaged = msgspec.structs.replace(command, body=command.body + b" ")
    with pytest.raises(BrokerError, match="crc32 not match") as caught:
        read_registration(damaged)
    assert caught.value.code == 1


def deflated(*parts: bytes) -> bytes:
    return zlib.compress(b"".join(parts))


@given(st.binary(max_size=60), st.booleans(), st.booleans())
@example(deflated(pack(">i", -1)), True, False)
@example(deflated(pack(">i", 2), b"{}", pack(">i", 2**31 - 1)), True, False)
@example(deflated(pack(">i", 2), b"{}", pack(">i", 1), pack(">i", 3), b"a b"), True, False)
@example(b'{"topicConfigSerializeWrapper":{"dataVersion":7}}', False, False)
@example(b'{"topicConfigTable":{"T":{}}}', False, False)
def test_any_body_is_read_or_raises_the_one_error(
    body: bytes, compressed: bool, deflate: bool
) -> None:
    fields = write_registration(Registration(identity=IDENTITY, ha_address="")).ext_fields
    fields |= {"bodyCrc32": "0", "compressed": str(compressed).lower()}
    try:
        read_registration(
            Command(103, ext_fields=fields, body=zlib.compress(body) if deflate else body)
        )
    except RemoteProtocolError:
        return
