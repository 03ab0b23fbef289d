"""A broker's registration, as fields and a body: written by brokers, read by name servers.

    plain        {"filterServerList":[],"topicConfigSerializeWrapper":{...}}
    compressed   deflated: data version, topics one a line of blanks, filter servers, each with an
                 int32 length before it
    bare         the topic table alone, from brokers before 3.0.11

``bodyCrc32`` is the CRC-32 of the body without its sign bit; 0 says that nobody computed it.
Source of the facts: RocketMQ's ``RegisterBrokerBody.java`` and ``DefaultRequestProcessor.java``.
"""

import zlib
from struct import Struct
from struct import error as OutOfBytes  # noqa: N812 - what it means here

import msgspec

from broker.errors import BrokerError, RemoteProtocolError
from broker.nameserver.topics import DataVersion, TopicConfig, TopicWrapper, from_json, to_json
from broker.remoting import fastjson
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.remoting.headers import read_fields, write_fields

__all__ = [
    "BrokerIdentity",
    "MasterAddresses",
    "Registration",
    "read_registration",
    "write_registration",
]

INFLATED_BYTES_MAX = 64 * 1024 * 1024

_LENGTH = Struct(">i")


class BrokerIdentity(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Who a broker says it is; also the header of UNREGISTER_BROKER and QUERY_DATA_VERSION."""

    cluster_name: str
    broker_name: str
    broker_id: int
    broker_addr: str


class MasterAddresses(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Where a slave finds its master: the header of a registration's reply."""

    ha_server_addr: str | None = None
    master_addr: str | None = None


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """All that a broker tells a name server about itself."""

    identity: BrokerIdentity
    ha_address: str
    topics: TopicWrapper = TopicWrapper()
    filter_servers: list[str] = []


class _Header(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    cluster_name: str
    broker_name: str
    broker_id: int
    broker_addr: str
    ha_server_addr: str = ""
    compressed: bool = False
    body_crc32: int = msgspec.field(default=0, name="bodyCrc32")


class _Body(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    filter_server_list: list[str] = []
    topic_config_serialize_wrapper: TopicWrapper


def write_registration(registration: Registration, *, compressed: bool = False) -> Command:
    """Write the request REGISTER_BROKER."""
    body = (_deflate if compressed else _plain)(registration)
    identity = registration.identity
    header = _Header(
        cluster_name=identity.cluster_name,
        broker_name=identity.broker_name,
        broker_id=identity.broker_id,
        broker_addr=identity.broker_addr,
        ha_server_addr=registration.ha_address,
        compressed=compressed,
        body_crc32=_crc(body),
    )
    return Command(RequestCode.REGISTER_BROKER, ext_fields=write_fields(header), body=body)


def read_registration(command: Command) -> Registration:
    """Read REGISTER_BROKER; ``BrokerError`` if the body was damaged on its way."""
    header = read_fields(command.ext_fields, _Header)
    if header.body_crc32 not in (0, _crc(command.body)):
        raise BrokerError(ResponseCode.SYSTEM_ERROR, "crc32 not match")
    topics, filter_servers = _read_body(command.body, compressed=header.compressed)
    return Registration(
        identity=BrokerIdentity(
            cluster_name=header.cluster_name,
            broker_name=header.broker_name,
            broker_id=header.broker_id,
            broker_addr=header.broker_addr,
        ),
        ha_address=header.ha_server_addr,
        topics=topics,
        filter_servers=filter_servers,
    )


def _crc(body: bytes) -> int:
    return zlib.crc32(body) & 0x7FFF_FFFF


def _read_body(body: bytes, *, compressed: bool) -> tuple[TopicWrapper, list[str]]:
    if not body:
        return TopicWrapper(), []
    if compressed:
        return _inflate(body)
    if b'"topicConfigSerializeWrapper"' not in body and "topicConfigTable" in fastjson.loads_object(
        body
    ):
        return from_json(body, TopicWrapper), []
    found = from_json(body, _Body)
    return found.topic_config_serialize_wrapper, found.filter_server_list


def _plain(registration: Registration) -> bytes:
    return to_json(
        _Body(
            filter_server_list=registration.filter_servers,
            topic_config_serialize_wrapper=registration.topics,
        )
    )


def _deflate(registration: Registration) -> bytes:
    topics = registration.topics.topic_config_table.values()
    parts = [
        _prefixed(to_json(registration.topics.data_version)),
        _LENGTH.pack(len(topics)),
        *(_prefixed(_topic_line(topic).encode()) for topic in topics),
        _prefixed(fastjson.dumps(registration.filter_servers)),
    ]
    return zlib.compress(b"".join(parts))


def _inflate(body: bytes) -> tuple[TopicWrapper, list[str]]:
    try:
        data = zlib.decompressobj().decompress(body, INFLATED_BYTES_MAX)
        version, position = _take(data, 0)
        (count,) = _LENGTH.unpack_from(data, position)
        position += _LENGTH.size
        topics = {}
        for _ in range(count):
            line, position = _take(data, position)
            topic = _read_topic_line(line.decode())
            topics[topic.topic_name] = topic
        filter_servers, _ = _take(data, position)
    except (zlib.error, OutOfBytes, UnicodeDecodeError) as error:
        raise RemoteProtocolError(
            f"expected a compressed registration, got {len(body)} bytes: {error}"
        ) from error
    servers = fastjson.loads(filter_servers)
    names = [str(server) for server in servers] if isinstance(servers, list) else []
    return TopicWrapper(from_json(version, DataVersion), topics), names


def _prefixed(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def _take(data: bytes, position: int) -> tuple[bytes, int]:
    (length,) = _LENGTH.unpack_from(data, position)
    begin = position + _LENGTH.size
    if not 0 <= length <= len(data) - begin:
        raise OutOfBytes(f"{length} bytes at {begin} of {len(data)}")
    return data[begin : begin + length], begin + length


def _topic_line(topic: TopicConfig) -> str:
    return (
        f"{topic.topic_name} {topic.read_queue_nums} {topic.write_queue_nums}"
        f" {topic.perm} {topic.topic_filter_type}"
    )


def _read_topic_line(line: str) -> TopicConfig:
    try:
        name, readable, writable, perm, filter_type = line.split(" ")
        return TopicConfig(
            topic_name=name,
            read_queue_nums=int(readable),
            write_queue_nums=int(writable),
            perm=int(perm),
            topic_filter_type=filter_type,
        )
    except ValueError as error:
        raise RemoteProtocolError(
            f"expected 'topic readQueues writeQueues perm filterType', got {line!r}"
        ) from error
