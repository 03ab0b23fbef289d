"""Who is connected: the producers and consumers that heartbeats tell of.

A group's consumers share one subscription: the newest heartbeat's. Rebalancing is the clients' own
work; the broker only tells a group's members when the group has changed.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

__all__ = [
    "EXPIRY_MS",
    "Client",
    "ClientTable",
    "ConsumerData",
    "ConsumerGroup",
    "Heartbeat",
    "ProducerData",
    "Subscription",
]

EXPIRY_MS = 120_000
"""A client that has not been heard of for so long is gone (RocketMQ's channel expiry)."""

ChannelT = TypeVar("ChannelT")


class Subscription(msgspec.Struct, frozen=True, rename="camel"):
    """What a group wants of a topic (Java's ``SubscriptionData``)."""

    topic: str
    sub_string: str = "*"
    tags_set: tuple[str, ...] = ()
    code_set: tuple[int, ...] = ()
    sub_version: int = 0
    expression_type: str = "TAG"
    class_filter_mode: bool = False

    @property
    def tag_codes(self) -> Collection[int] | None:
        """The tag hashes to deliver; None for all."""
        return None if self.sub_string in ("*", "") or not self.code_set else self.code_set


_NAMES = {
    "consume_type": ("CONSUME_ACTIVELY", "CONSUME_PASSIVELY"),
    "message_model": ("BROADCASTING", "CLUSTERING"),
    "consume_from_where": (
        "CONSUME_FROM_LAST_OFFSET",
        "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST",
        "CONSUME_FROM_MIN_OFFSET",
        "CONSUME_FROM_MAX_OFFSET",
        "CONSUME_FROM_FIRST_OFFSET",
        "CONSUME_FROM_TIMESTAMP",
    ),
}
"""Java's enums in their order: the C++ client sends places, and Java's broker takes either."""


class ConsumerData(msgspec.Struct, frozen=True, rename="camel"):
    """A consumer group, as one of its members describes it; places become names."""

    group_name: str
    consume_type: str | int = "CONSUME_PASSIVELY"
    message_model: str | int = "CLUSTERING"
    consume_from_where: str | int = "CONSUME_FROM_LAST_OFFSET"
    subscription_data_set: tuple[Subscription, ...] = ()
    unit_mode: bool = False

    def __post_init__(self) -> None:
        """Spell places as names; ``ValueError`` for a place that there is not."""
        for member, names in _NAMES.items():
            place = getattr(self, member)
            if isinstance(place, int):
                if not 0 <= place < len(names):
                    raise ValueError(f"expected {member} below {len(names)}, got {place}")
                msgspec.structs.force_setattr(self, member, names[place])


class ProducerData(msgspec.Struct, frozen=True, rename="camel"):
    """A producer group."""

    group_name: str


class Heartbeat(msgspec.Struct, frozen=True, rename="camel"):
    """What a client says of itself, every 30 s."""

    client_id: str = msgspec.field(name="clientID")
    producer_data_set: tuple[ProducerData, ...] = ()
    consumer_data_set: tuple[ConsumerData, ...] = ()


@dataclass(slots=True)
class Client(Generic[ChannelT]):
    """One connected client."""

    client_id: str
    channel: ChannelT
    language: str
    version: int
    seen_ms: float  # by a clock that only grows


@dataclass(slots=True)
class ConsumerGroup(Generic[ChannelT]):
    """A group's members, and what they consume."""

    data: ConsumerData
    members: dict[str, Client[ChannelT]] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)


@dataclass(slots=True)
class ClientTable(Generic[ChannelT]):
    """Every client of a broker, by group."""

    producers: dict[str, dict[str, Client[ChannelT]]] = field(default_factory=dict)
    consumers: dict[str, ConsumerGroup[ChannelT]] = field(default_factory=dict)

    def on_producer(self, group: str, client: Client[ChannelT]) -> None:
        """Note a producer."""
        self.producers.setdefault(group, {})[client.client_id] = client

    def on_consumer(self, data: ConsumerData, client: Client[ChannelT]) -> bool:
        """Note a consumer; say whether its group has another member or subscription now."""
        group = self.consumers.setdefault(data.group_name, ConsumerGroup(data))
        known = group.members.get(client.client_id)
        is_new = known is None or known.channel is not client.channel
        group.members[client.client_id] = client
        group.data = data
        subscriptions = {one.topic: self._newer(group, one) for one in data.subscription_data_set}
        changed = is_new or subscriptions != group.subscriptions
        group.subscriptions = subscriptions
        return changed

    def remove(
        self, client_id: str, channel: ChannelT, producer_group: str, consumer_group: str
    ) -> list[str]:
        """Forget a client that says goodbye; give the consumer groups that changed.

        A goodbye that was held up on an old channel does not concern who has come back since.
        """
        producer = self.producers.get(producer_group, {}).get(client_id)
        if producer is not None and producer.channel is channel:
            self._drop_producer(producer_group, client_id)
        known = self.consumers.get(consumer_group)
        consumer = known.members.get(client_id) if known else None
        if consumer is None or consumer.channel is not channel:
            return []
        return [consumer_group] if self._drop_consumer(consumer_group, client_id) else []

    def remove_channel(self, channel: ChannelT) -> list[str]:
        """Forget whoever used a connection that ended; give the consumer groups that changed."""
        return self._remove_if(lambda client: client.channel is channel)

    def expire(self, now_ms: float) -> list[str]:
        """Forget whoever has been silent for too long; give the consumer groups that changed."""
        return self._remove_if(lambda client: client.seen_ms + EXPIRY_MS < now_ms)

    def producer_channel(self, client_id: str) -> ChannelT | None:
        """Give the connection of a producer by its client's id, of whatever group it is."""
        found = (group[client_id] for group in self.producers.values() if client_id in group)
        client = next(found, None)
        return None if client is None else client.channel

    def members(self, group: str) -> list[Client[ChannelT]]:
        """Give a consumer group's members."""
        known = self.consumers.get(group)
        return list(known.members.values()) if known else []

    def _newer(self, group: ConsumerGroup[ChannelT], said: Subscription) -> Subscription:
        known = group.subscriptions.get(said.topic)
        return known if known is not None and known.sub_version > said.sub_version else said

    def _remove_if(self, is_gone: Callable[[Client[ChannelT]], bool]) -> list[str]:
        for name, producers in list(self.producers.items()):
            for client in list(producers.values()):
                if is_gone(client):
                    self._drop_producer(name, client.client_id)
        changed = []
        for name, group in list(self.consumers.items()):
            gone = [client.client_id for client in group.members.values() if is_gone(client)]
            for client_id in gone:
                self._drop_consumer(name, client_id)
            changed += [name] if gone else []
        return changed

    def _drop_producer(self, group: str, client_id: str) -> None:
        members = self.producers.get(group, {})
        members.pop(client_id, None)
        if not members:
            self.producers.pop(group, None)

    def _drop_consumer(self, group: str, client_id: str) -> bool:
        known = self.consumers.get(group)
        if known is None or known.members.pop(client_id, None) is None:
            return False
        if not known.members:
            del self.consumers[group]
        return True
