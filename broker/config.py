"""RocketMQ's own configuration keys and defaults, for a broker and for a name server.

Where this differs from 4.9.3, on purpose:

    unknown keys                 an error that names the nearest known key, not silence
    brokerIP1, brokerIP2         a host, or host:port (a proxy's address, say), as the seed wrote it
    haListenPort                 honoured; 0 means listenPort + 1
    storePathCommitLog           follows storePathRootDir unless set, so that two brokers with two
                                 roots never share one log by accident
    storePathConsumeQueue, storePathIndex, storeCheckpoint, abortFile     honoured
    brokerName, brokerIP1        fixed defaults instead of the machine's names

Keys of ours, for a chaos run: ``bindAddress``, ``addressMap`` (advertised address -> the proxy to
use instead), ``diskMode``, ``haReconnectInterval``, ``slaveSyncInterval``, ``haAcceptPlainSlave``;
and on the name server ``brokerExpiredTime`` and ``scanNotActiveBrokerInterval``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Self

from broker.properties import Properties, key_of, read_properties, setting, to_properties

__all__ = [
    "BrokerConfig",
    "BrokerRole",
    "DiskMode",
    "FlushDiskType",
    "NameServerConfig",
    "split_address",
]

WITHOUT_EFFECT = frozenset(
    """
    aclEnable autoDeleteUnusedStats brokerFastFailureEnable clusterTopicEnable brokerTopicEnable
    commercialEnable compressedRegister destroyMapedFileIntervalForcibly duplicationEnable
    enableDLegerCommitLog enablePropertyFilter fetchNamesrvAddrByAddressServer
    flushCommitLogTimed forceRegister messageIndexSafe messageStorePlugIn offsetCheckInSlave
    osPageCacheBusyTimeOutMills pullMessageThreadPoolNums
    pullThreadPoolQueueCapacity rejectTransactionMessage sendMessageThreadPoolNums
    sendThreadPoolQueueCapacity traceTopicEnable transactionCheckInterval
    transientStorePoolEnable transientStorePoolSize useEpollNativeSelector
    useReentrantLockWhenPutMessage waitTimeMillsInHeartbeatQueue waitTimeMillsInPullQueue
    waitTimeMillsInSendQueue warmMapedFileEnable rocketmqHome
    """.split()  # noqa: SIM905 - as a list it would be thirty lines
)
"""Keys of RocketMQ that tune what this broker does not have, or always does, as a slave corrects
its readers' offsets (P11): accepted, and said so in the log."""

_DELAY_LEVEL = re.compile(r"[0-9]{1,9}[smhd]")  # nine digits of days: a due time is an int64
_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DELAY_LEVELS = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h"
_STORE = "~/store"


class BrokerRole(StrEnum):
    """What a broker is to its group."""

    ASYNC_MASTER = "ASYNC_MASTER"
    SYNC_MASTER = "SYNC_MASTER"
    SLAVE = "SLAVE"


class FlushDiskType(StrEnum):
    """Whether an acknowledgement waits for the disk."""

    ASYNC_FLUSH = "ASYNC_FLUSH"
    SYNC_FLUSH = "SYNC_FLUSH"


class DiskMode(StrEnum):
    """Where written bytes go before they are synced: to the page cache, or no further than us."""

    REAL = "real"
    VOLATILE = "volatile"


def split_address(address: str) -> tuple[str, int]:
    """Split ``host:port`` at its last colon; ``ValueError`` says what is wrong.

    >>> split_address("127.0.0.1:9876")
    ('127.0.0.1', 9876)
    """
    host, _, port = address.rpartition(":")
    if not (_is_host(host) and port.isdecimal() and len(port) < 6 and 0 < int(port) < 65536):
        raise ValueError(f"expected host:port, found {address!r}")
    return host, int(port)


def _is_host(name: str) -> bool:
    """Say whether a resolver can be asked for a name: it raises what is no ``OSError`` for some."""
    labels = name.split(".")
    return name.isascii() and name.isprintable() and all(0 < len(part) < 64 for part in labels)


def _say_nothing(_key: str) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class NameServerConfig:
    """A name server's settings."""

    listen_port: int = setting(9876, least=1, most=65535)
    bind_address: str = setting("127.0.0.1")
    order_message_enable: bool = setting(default=False)
    kv_config_path: str = setting("")
    """Where the KV table is kept; RocketMQ's is ~/namesrv/kvConfig.json, ours is memory alone."""
    broker_expired_time: int = setting(120_000, least=1)
    scan_not_active_broker_interval: int = setting(10_000, least=1)

    @classmethod
    def parse(
        cls, text: str, source: str = "<text>", say: Callable[[str], None] = _say_nothing
    ) -> Self:
        """Read a file's text; ``ConfigError`` lists everything that is wrong with it.

        ``say`` is told the keys that have no effect.
        """
        found = read_properties(text, cls, WITHOUT_EFFECT)
        config = cls(**found.values)
        _complain_of_binding(config, found)
        found.raise_problems(source)
        for key in found.without_effect:
            say(key)
        return config


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerConfig:
    """A broker's settings: who it is, where it listens and keeps its store, how it behaves."""

    broker_cluster_name: str = setting("DefaultCluster")
    broker_name: str = setting("DEFAULT_BROKER")
    broker_id: int = setting(0, least=0)
    broker_role: BrokerRole = setting(BrokerRole.ASYNC_MASTER)  # noqa: RUF009 - a field()
    flush_disk_type: FlushDiskType = setting(FlushDiskType.ASYNC_FLUSH)  # noqa: RUF009 - a field()
    namesrv_addr: tuple[str, ...] = setting(())

    # Addresses. A slave's remoting port and its master's are told apart by brokerId alone.
    broker_ip1: str = setting("127.0.0.1", key="brokerIP1")
    broker_ip2: str = setting("", key="brokerIP2")
    listen_port: int = setting(10911, least=3, most=65534)
    ha_listen_port: int = setting(0, least=0, most=65535)
    bind_address: str = setting("127.0.0.1")
    address_map: dict[str, str] = setting({})  # noqa: RUF009 - a field()

    # The store's places.
    store_path_root_dir: str = setting(_STORE)
    store_path_commit_log: str = setting("")
    store_path_consume_queue: str = setting("")
    store_path_index: str = setting("")
    store_checkpoint: str = setting("")
    abort_file: str = setting("")
    disk_mode: DiskMode = setting(DiskMode.REAL)  # noqa: RUF009 - a field()

    # The store's sizes.
    mapped_file_size_commit_log: int = setting(1 << 30, least=1024)
    mapped_file_size_consume_queue: int = setting(300_000 * 20, least=20)
    max_hash_slot_num: int = setting(5_000_000, least=1)
    max_index_num: int = setting(20_000_000, least=2)
    max_message_size: int = setting(4 << 20, least=128)

    # Flushing, recovery and cleaning.
    flush_interval_commit_log: int = setting(500, least=1)
    flush_commit_log_least_pages: int = setting(4, least=0)
    flush_commit_log_thorough_interval: int = setting(10_000, least=1)
    flush_interval_consume_queue: int = setting(1000, least=1)
    flush_consume_queue_least_pages: int = setting(2, least=0)
    flush_consume_queue_thorough_interval: int = setting(60_000, least=1)
    sync_flush_timeout: int = setting(5000, least=1)
    check_crc_on_recover: bool = setting(default=True, key="checkCRCOnRecover")
    message_index_enable: bool = setting(default=True)
    delete_when: str = setting("04")
    file_reserved_time: int = setting(72, least=0)
    clean_resource_interval: int = setting(10_000, least=1)
    delete_commit_log_files_interval: int = setting(100, least=0)
    clean_file_forcibly_enable: bool = setting(default=True)
    disk_max_used_space_ratio: int = setting(75, least=10, most=95)

    # Replication.
    ha_send_heartbeat_interval: int = setting(5000, least=1)
    ha_housekeeping_interval: int = setting(20_000, least=1)
    ha_transfer_batch_size: int = setting(32 << 10, least=1, most=64 << 20)
    ha_slave_fallbehind_max: int = setting(256 << 20, least=1)
    ha_master_address: str = setting("")
    ha_reconnect_interval: int = setting(5000, least=1)
    ha_accept_plain_slave: bool = setting(default=False)
    slave_timeout: int = setting(3000, least=1)
    slave_sync_interval: int = setting(10_000, least=1)

    # Serving clients.
    broker_permission: int = setting(6, least=0, most=7)
    default_topic_queue_nums: int = setting(8, least=1)
    auto_create_topic_enable: bool = setting(default=True)
    auto_create_subscription_group: bool = setting(default=True)
    long_polling_enable: bool = setting(default=True)
    short_polling_time_mills: int = setting(1000, least=1)
    notify_consumer_ids_changed_enable: bool = setting(default=True)
    slave_read_enable: bool = setting(default=False)
    access_message_in_memory_max_ratio: int = setting(40, least=0, most=100)
    max_transfer_bytes_on_message_in_memory: int = setting(256 << 10, least=1)
    max_transfer_count_on_message_in_memory: int = setting(32, least=1)
    max_transfer_bytes_on_message_in_disk: int = setting(64 << 10, least=1)
    max_transfer_count_on_message_in_disk: int = setting(8, least=1)
    message_delay_level: str = setting(_DELAY_LEVELS)
    start_accept_send_request_time_stamp: int = setting(0, least=0, most=(1 << 63) - 1)
    region_id: str = setting("DefaultRegion")
    trace_on: bool = setting(default=True)

    # Timers.
    register_name_server_period: int = setting(30_000, least=1)
    register_broker_timeout_mills: int = setting(6000, least=1)
    flush_consumer_offset_interval: int = setting(5000, least=1)
    flush_delay_offset_interval: int = setting(10_000, least=1)

    @classmethod
    def parse(
        cls, text: str, source: str = "<text>", say: Callable[[str], None] = _say_nothing
    ) -> Self:
        """Read a file's text; ``ConfigError`` lists everything that is wrong with it.

        ``say`` is told the keys that have no effect.
        """
        found = read_properties(text, cls, WITHOUT_EFFECT)
        config = cls(**found.values)
        _complain(config, found)
        found.raise_problems(source)
        for key in found.without_effect:
            say(key)
        return config

    @property
    def is_slave(self) -> bool:
        """Whether it copies a master instead of taking writes."""
        return self.broker_role is BrokerRole.SLAVE

    @property
    def broker_addr(self) -> str:
        """The address that clients are told."""
        return _with_port(self.broker_ip1, self.listen_port)

    @property
    def ha_server_addr(self) -> str:
        """The address that slaves are told."""
        host = self.broker_ip2 or self.broker_ip1.partition(":")[0]
        return _with_port(host, self.ha_port)

    @property
    def ha_port(self) -> int:
        """Where the HA stream is served: haListenPort, else listenPort + 1 as in RocketMQ."""
        return self.ha_listen_port or self.listen_port + 1

    @property
    def fast_port(self) -> int:
        """The second remoting port, where real slaves ask for topics: listenPort - 2."""
        return self.listen_port - 2

    @property
    def delay_levels_ms(self) -> tuple[int, ...]:
        """How long each delay level waits, level 1 first."""
        return tuple(
            int(level[:-1]) * _UNITS_MS[level[-1]] for level in self.message_delay_level.split()
        )

    def lines(self) -> str:
        """Give the whole configuration as a `.properties` text."""
        return "".join(f"{key}={value}\n" for key, value in to_properties(self).items())

    def updated(self, text: str, source: str = "the update") -> Self:
        """Take over the keys of another text; ``ConfigError`` if any of them would be wrong."""
        found = read_properties(text, type(self), WITHOUT_EFFECT)
        config = replace(self, **found.values)
        _complain(config, found)
        found.raise_problems(source)
        return config


def _with_port(host: str, port: int) -> str:
    return host if ":" in host else f"{host}:{port}"


def _complain(config: BrokerConfig, found: Properties) -> None:
    """Note what no single key shows: roles, addresses, ports and paths that do not fit together."""
    _complain_of_identity(config, found)
    _complain_of_binding(config, found)
    _complain_of_addresses(config, found)
    _complain_of_paths(config, found)
    levels = config.message_delay_level.split()
    if not levels or not all(map(_DELAY_LEVEL.fullmatch, levels)):
        found.complain(
            "messageDelayLevel", f"expected '1s 5s 1m 2h', found {config.message_delay_level!r}"
        )
    hours = config.delete_when.split(";")
    if not all(hour.strip().isdecimal() and int(hour) < 24 for hour in hours):
        found.complain("deleteWhen", f"expected hours from 00 to 23, found {config.delete_when!r}")


def _complain_of_identity(config: BrokerConfig, found: Properties) -> None:
    for key, name in (
        ("brokerName", config.broker_name),
        ("brokerClusterName", config.broker_cluster_name),
    ):
        if not name or name != name.strip() or len(name) > 127:
            found.complain(key, f"expected a name of 1 to 127 characters, found {name!r}")
    if config.is_slave and config.broker_id == 0:
        found.complain("brokerId", "a SLAVE's must be greater than 0, found 0")
    if not config.is_slave and config.broker_id != 0:
        role = config.broker_role
        found.complain("brokerId", f"expected 0 for brokerRole={role}, found {config.broker_id}")


def _complain_of_binding(config: BrokerConfig | NameServerConfig, found: Properties) -> None:
    # To asyncio an empty one is every address of the machine.
    if not _is_host(config.bind_address):
        expected = "expected an address to listen on"
        found.complain("bindAddress", f"{expected}, found {config.bind_address!r}")


def _complain_of_addresses(config: BrokerConfig, found: Properties) -> None:
    addresses = [
        *(("namesrvAddr", address) for address in config.namesrv_addr),
        *(("addressMap", a) for pair in config.address_map.items() for a in pair),
    ]
    if config.ha_master_address:
        addresses.append(("haMasterAddress", config.ha_master_address))
    if ":" in config.broker_ip2:
        addresses.append(("brokerIP2", config.broker_ip2))
    for key, address in addresses:
        try:
            split_address(address)
        except ValueError as error:
            found.complain(key, str(error))
    if not _is_ip_address(config.broker_addr):
        expected = "expected an IP address, alone or with a port"
        found.complain("brokerIP1", f"{expected}, found {config.broker_ip1!r}")
    if config.ha_listen_port and config.ha_listen_port in (config.listen_port, config.fast_port):
        found.complain("haListenPort", f"{config.ha_listen_port} is taken by listenPort")


def _is_ip_address(address: str) -> bool:
    """Say whether an address with a port can stand in a record, and so in a message's id."""
    from ipaddress import ip_address  # noqa: PLC0415 - a name server starts without it

    try:
        return bool(ip_address(split_address(address)[0]))
    except ValueError:
        return False


def _complain_of_paths(config: BrokerConfig, found: Properties) -> None:
    owners: dict[str, str] = {}
    for setting_field in fields(config):
        if setting_field.name.startswith("store_") or setting_field.name == "abort_file":
            path, key = getattr(config, setting_field.name), key_of(setting_field)
            if path and (not path.startswith(("/", "~/")) or "\0" in path):
                found.complain(key, f"expected an absolute path with '/', found {path!r}")
            if path and owners.setdefault(path, key) != key:
                found.complain(key, f"expected a place of its own, found {owners[path]}'s")
