"""Routes as they travel: the brokers that hold a topic, their addresses and their queues."""

import msgspec

from broker.nameserver.topics import Permission

__all__ = ["MASTER_ID", "BrokerData", "ClusterInfo", "MessageQueue", "QueueData", "TopicRoute"]

MASTER_ID = 0
"""The broker id of a group's master; slaves have others."""


class MessageQueue(msgspec.Struct, rename="camel", frozen=True, order=True):
    """One queue of a topic on one broker group."""

    topic: str
    broker_name: str
    queue_id: int


class BrokerData(msgspec.Struct, rename="camel", frozen=True):
    """A broker group: a master and its slaves under one name."""

    broker_addrs: dict[int, str]
    broker_name: str
    cluster: str


class QueueData(msgspec.Struct, rename="camel", frozen=True):
    """How many queues of a topic a broker group has, and what may be done with them."""

    broker_name: str
    perm: int
    read_queue_nums: int
    topic_sys_flag: int
    write_queue_nums: int


class TopicRoute(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """All that a client needs to find a topic: RocketMQ's ``TopicRouteData``."""

    broker_datas: list[BrokerData]
    filter_server_table: dict[str, list[str]] = {}
    order_topic_conf: str | None = None
    queue_datas: list[QueueData]

    def address(self, broker_name: str, broker_id: int) -> str | None:
        """Give the address of one broker, or None if it is not there."""
        for broker in self.broker_datas:
            if broker.broker_name == broker_name:
                return broker.broker_addrs.get(broker_id)
        return None

    def publish_queues(self, topic: str) -> list[MessageQueue]:
        """List the queues that take messages: writable ones of groups that have a master."""
        return [
            MessageQueue(topic, queues.broker_name, number)
            for queues in self.queue_datas
            if queues.perm & Permission.WRITE
            and self.address(queues.broker_name, MASTER_ID) is not None
            for number in range(queues.write_queue_nums)
        ]

    def subscribe_queues(self, topic: str) -> list[MessageQueue]:
        """List the queues that give messages, be it from a slave alone."""
        return [
            MessageQueue(topic, queues.broker_name, number)
            for queues in self.queue_datas
            if queues.perm & Permission.READ
            for number in range(queues.read_queue_nums)
        ]


class ClusterInfo(msgspec.Struct, rename="camel", frozen=True):
    """Every broker that is known: RocketMQ's ``ClusterInfo``."""

    broker_addr_table: dict[str, BrokerData]
    cluster_addr_table: dict[str, list[str]]
