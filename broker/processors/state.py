"""Everything that the handlers of one broker share; ``broker.server`` makes it and keeps it going.

No singletons: a handler gets this, the request and the connection that it came by.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from broker.config import BrokerConfig
from broker.errors import BrokerError
from broker.ha.master_service import MasterService
from broker.ha.slave_service import SlaveService
from broker.logging import EventLog
from broker.nameserver.topics import TopicConfig
from broker.ports import Ports
from broker.processors.parked import ParkedPulls
from broker.remoting.codes import ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Answer, Connection
from broker.store.message_store import MessageStore
from broker.tables.clients import ClientTable
from broker.tables.groups import GroupTable
from broker.tables.locks import QueueLocks
from broker.tables.offsets import OffsetTable
from broker.tables.stats import Stats
from broker.tables.topics import TopicTable

__all__ = ["BrokerState", "Processor", "find_topic", "refuse_on_slave"]


async def _do_nothing() -> None:
    """Save nothing and tell nobody: for a state without files and name servers."""


@dataclass(slots=True)
class BrokerState:
    """One broker's parts."""

    config: BrokerConfig
    ports: Ports
    log: EventLog
    store: MessageStore
    topics: TopicTable
    groups: GroupTable
    master: MasterService
    slave: SlaveService | None  # what follows a master; None on a master
    boot_ms: int
    offsets: OffsetTable = field(default_factory=OffsetTable)
    delay_offsets: dict[int, int] = field(default_factory=dict)  # level -> queue offset
    clients: ClientTable[Connection] = field(default_factory=ClientTable)
    locks: QueueLocks = field(default_factory=QueueLocks)
    parked: ParkedPulls = field(init=False)
    stats: Stats = field(default_factory=Stats)
    save_topics: Callable[[], Awaitable[None]] = _do_nothing
    announce_topics: Callable[[], Awaitable[None]] = _do_nothing

    def __post_init__(self) -> None:
        bounds = self.store.queue_bounds
        self.parked = ParkedPulls(lambda topic, queue_id: bounds(topic, queue_id)[1])


Processor: TypeAlias = Callable[[BrokerState, Command, Connection], Answer]


def find_topic(state: BrokerState, name: str) -> TopicConfig:
    """Give a topic, or refuse as RocketMQ does; a slave also knows what its log holds (A10).

    A topic made on the master a moment before it died is in the slave's log and in no table.
    """
    topic = state.topics.get(name)
    if topic is None and state.slave is not None:
        queue_ids = [queue_id for topic, queue_id in state.store.queues.table if topic == name]
        if queue_ids:
            topic = state.topics.learn(name, max(queue_ids) + 1)
    if topic is None:
        remark = f"topic[{name}] not exist, apply first please!"
        raise BrokerError(ResponseCode.TOPIC_NOT_EXIST, remark)
    return topic


def refuse_on_slave(state: BrokerState, what: str) -> None:
    """Refuse a change that only a master may make (P9), whether the master is up or not."""
    if state.config.is_slave:
        remark = f"service not available now: {what} on a slave; its master takes writes"
        raise BrokerError(ResponseCode.SERVICE_NOT_AVAILABLE, remark)
