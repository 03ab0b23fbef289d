"""The route table: what registrations, lost channels and silence leave of a cluster.

    topics     topic -> broker name -> queues          told by masters
    brokers    broker name -> cluster, id -> address   told by every broker
    live       address -> when, version, channel       one row a registered address

A broker leaves the table when it says so, when its channel ends, or when it was silent for too
long. Its group goes with its last address, and the group's topics go with it. Two brokers that
claim one id replace each other with every registration (RocketMQ knows no fencing, and so the
table can't), but where RocketMQ lets the loser's farewell take the winner's entry away, here an
id is given up only by the address that holds it.

RocketMQ takes topics from masters alone, so a name server that restarts while the master is down
knows no topic, and nobody finds the slave. Here a slave of a group without a master is believed
about topics that have no row.

Times are ``now_ms`` of one monotonic clock. Source: RocketMQ's ``RouteInfoManager.java``.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

from broker.nameserver.registration import BrokerIdentity, MasterAddresses, Registration
from broker.nameserver.route import MASTER_ID, BrokerData, ClusterInfo, QueueData, TopicRoute
from broker.nameserver.topics import DataVersion, Permission, TopicConfig

__all__ = ["LiveBroker", "RouteTable"]


@dataclass(frozen=True, slots=True)
class LiveBroker:
    """The last sign of life of one address."""

    updated_ms: int
    version: DataVersion
    channel: Hashable
    ha_address: str


@dataclass(slots=True)
class _Group:
    """The brokers of one name."""

    cluster: str
    addresses: dict[int, str] = field(default_factory=dict)


class RouteTable:
    """Who is there, where, and with which queues."""

    def __init__(self) -> None:
        self._topics: dict[str, dict[str, QueueData]] = {}
        self._groups: dict[str, _Group] = {}
        self._live: dict[str, LiveBroker] = {}
        self._filter_servers: dict[str, list[str]] = {}

    # Events.

    def register(
        self, registration: Registration, channel: Hashable, now_ms: int
    ) -> MasterAddresses:
        """Take a broker in, or note that it still lives; tell a slave where its master is."""
        identity = registration.identity
        group = self._groups.setdefault(identity.broker_name, _Group(identity.cluster_name))
        group.cluster = identity.cluster_name
        is_new = self._place(group, identity)
        known = self._live.get(identity.broker_addr)
        version = registration.topics.data_version
        if is_new or known is None or known.version != version:
            self._take_topics(group, registration)
        self._live[identity.broker_addr] = LiveBroker(
            now_ms, version, channel, registration.ha_address
        )
        self._filter_servers[identity.broker_addr] = registration.filter_servers
        return self._master_for(group, identity)

    def unregister(self, identity: BrokerIdentity) -> bool:
        """Let a broker go that says farewell; whether it held the id it names."""
        address, group = identity.broker_addr, self._groups.get(identity.broker_name)
        held = group is not None and group.addresses.get(identity.broker_id) == address
        if group is not None and held:
            del group.addresses[identity.broker_id]
            self._drop_if_empty(identity.broker_name)
        # Who has come back under another id meanwhile must still be seen to go.
        if not self._holds_an_id(address):
            self._live.pop(address, None)
            self._filter_servers.pop(address, None)
        return held

    def channel_lost(self, channel: Hashable) -> list[str]:
        """Let go whoever registered through a channel that ended; return their addresses."""
        lost = [address for address, live in self._live.items() if live.channel == channel]
        for address in lost:
            self._forget(address)
        return lost

    def expire(self, now_ms: int, silence_ms: int) -> list[Hashable]:
        """Let go whoever was silent for longer; return the channels to close."""
        silent = {
            address: live.channel
            for address, live in self._live.items()
            if live.updated_ms + silence_ms < now_ms
        }
        for address in silent:
            self._forget(address)
        return list(silent.values())

    def version_seen(
        self, address: str, version: DataVersion, now_ms: int
    ) -> tuple[bool, DataVersion | None]:
        """Say whether a broker's topics differ from what is known; if not, it is a sign of life."""
        live = self._live.get(address)
        if live is None:
            return True, None
        # A broker whose id was taken and given up again must register anew, changed or not.
        changed = live.version != version or not self._holds_an_id(address)
        if not changed:
            self._live[address] = LiveBroker(now_ms, version, live.channel, live.ha_address)
        return changed, live.version

    def set_write_permission(self, broker_name: str, *, writable: bool) -> int:
        """Open or close all queues of a group for writing; return how many topics it has."""
        count = 0
        for rows in self._topics.values():
            row = rows.get(broker_name)
            if row is not None:
                bit = Permission.WRITE
                perm = row.perm | bit if writable else row.perm & ~bit
                rows[broker_name] = _queue_data(row, perm)
                count += 1
        return count

    def delete_topic(self, topic: str) -> None:
        """Forget a topic; a broker that still has it brings it back with its next change."""
        self._topics.pop(topic, None)

    # Questions.

    def route(self, topic: str) -> TopicRoute | None:
        """Say who holds a topic, or None if nobody who has an address does."""
        rows = self._topics.get(topic)
        if not rows:
            return None
        brokers = [self._broker_data(name) for name in rows if name in self._groups]
        filters = {
            address: self._filter_servers[address]
            for broker in brokers
            for address in broker.broker_addrs.values()
            if self._filter_servers.get(address)
        }
        if not brokers:
            return None
        return TopicRoute(
            broker_datas=brokers, filter_server_table=filters, queue_datas=list(rows.values())
        )

    def cluster_info(self) -> ClusterInfo:
        """Describe every group and every cluster."""
        clusters: dict[str, list[str]] = {}
        for name, group in self._groups.items():
            clusters.setdefault(group.cluster, []).append(name)
        return ClusterInfo({name: self._broker_data(name) for name in self._groups}, clusters)

    def topics(self) -> list[str]:
        """List every topic."""
        return list(self._topics)

    def topics_of_cluster(self, cluster: str) -> list[str]:
        """List the topics that some group of a cluster holds."""
        return [
            topic
            for topic, rows in self._topics.items()
            if any(name in self._groups and self._groups[name].cluster == cluster for name in rows)
        ]

    def live(self, address: str) -> LiveBroker | None:
        """Give the last sign of life of an address."""
        return self._live.get(address)

    # How it is done.

    def _place(self, group: _Group, identity: BrokerIdentity) -> bool:
        """Give a broker its id; whether that id was free."""
        for other_id, address in list(group.addresses.items()):
            if address == identity.broker_addr and other_id != identity.broker_id:
                del group.addresses[other_id]  # a slave that was restarted as master, say
        was_free = identity.broker_id not in group.addresses
        group.addresses[identity.broker_id] = identity.broker_addr
        return was_free

    def _take_topics(self, group: _Group, registration: Registration) -> None:
        identity = registration.identity
        is_master = identity.broker_id == MASTER_ID
        if not is_master and MASTER_ID in group.addresses:
            return
        for topic in registration.topics.topic_config_table.values():
            rows = self._topics.setdefault(topic.topic_name, {})
            if is_master or identity.broker_name not in rows:
                rows[identity.broker_name] = _first_queue_data(identity.broker_name, topic)

    def _master_for(self, group: _Group, identity: BrokerIdentity) -> MasterAddresses:
        master = group.addresses.get(MASTER_ID)
        live = self._live.get(master) if master is not None else None
        if identity.broker_id == MASTER_ID or live is None:
            return MasterAddresses()
        return MasterAddresses(ha_server_addr=live.ha_address, master_addr=master)

    def _holds_an_id(self, address: str) -> bool:
        return any(address in group.addresses.values() for group in self._groups.values())

    def _forget(self, address: str) -> None:
        del self._live[address]
        self._filter_servers.pop(address, None)
        for name, group in list(self._groups.items()):
            kept = {key: one for key, one in group.addresses.items() if one != address}
            if len(kept) < len(group.addresses):
                group.addresses = kept
                self._drop_if_empty(name)

    def _drop_if_empty(self, broker_name: str) -> None:
        if self._groups[broker_name].addresses:
            return
        del self._groups[broker_name]
        for topic, rows in list(self._topics.items()):
            rows.pop(broker_name, None)
            if not rows:
                del self._topics[topic]

    def _broker_data(self, broker_name: str) -> BrokerData:
        group = self._groups[broker_name]
        return BrokerData(dict(sorted(group.addresses.items())), broker_name, group.cluster)


def _first_queue_data(broker_name: str, topic: TopicConfig) -> QueueData:
    return QueueData(
        broker_name,
        topic.perm,
        topic.read_queue_nums,
        topic.topic_sys_flag,
        topic.write_queue_nums,
    )


def _queue_data(row: QueueData, perm: int) -> QueueData:
    return QueueData(
        row.broker_name, perm, row.read_queue_nums, row.topic_sys_flag, row.write_queue_nums
    )
