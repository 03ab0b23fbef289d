"""A consumer's place in its group: heartbeats, the members' list, and the locks of queues.

Heartbeats go to every broker of every topic that is subscribed to, masters and slaves; a group's
members are asked of its master, or of a slave if there is none. Locks are a master's to give:
without one an orderly consumer stands still.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from broker.client.session import Session, succeed
from broker.errors import MqError, NoRouteError
from broker.nameserver.route import MASTER_ID, MessageQueue
from broker.nameserver.topics import from_json, to_json
from broker.remoting.codes import RequestCode
from broker.remoting.command import Command
from broker.store.properties import tags_code
from broker.tables.clients import ConsumerData, Heartbeat, Subscription

__all__ = ["Membership"]


class _Members(msgspec.Struct, rename="camel"):
    consumer_id_list: list[str] = []


class _LockRequest(msgspec.Struct, rename="camel"):
    client_id: str
    consumer_group: str
    mq_set: Sequence[MessageQueue]


class _Locked(msgspec.Struct):
    queues: list[MessageQueue] = msgspec.field(name="lockOKMQSet", default_factory=list)


@dataclass(slots=True)
class Membership:
    """One client's membership in one group."""

    session: Session
    group: str
    client_id: str
    message_model: str
    consume_from_where: str
    subscriptions: Mapping[str, str]  # topic -> tags, as in ``TagA || TagB``
    timeout_ms: float = 3000
    _version: int = field(init=False)

    def __post_init__(self) -> None:
        self._version = self.session.ports.clock.now_ms()

    async def beat(self) -> int:
        """Tell every broker that we are there; return how many have heard."""
        command = Command(RequestCode.HEART_BEAT, body=to_json(self._heartbeat()))
        return await self._tell_all(command)

    async def leave(self) -> None:
        """Say goodbye to every broker."""
        fields = {"clientID": self.client_id, "consumerGroup": self.group}
        await self._tell_all(Command(RequestCode.UNREGISTER_CLIENT, ext_fields=fields))

    async def members(self, topic: str) -> list[str]:
        """List the ids of the group's members, as a broker of the topic knows them."""
        brokers = (await self.session.route(topic)).broker_datas
        addresses = next((one.broker_addrs for one in brokers if one.broker_addrs), None)
        if addresses is None:
            raise NoRouteError(f"no broker in the route of {topic}")
        address = addresses[MASTER_ID if MASTER_ID in addresses else min(addresses)]
        ask = Command(
            RequestCode.GET_CONSUMER_LIST_BY_GROUP, ext_fields={"consumerGroup": self.group}
        )
        reply = succeed(await self.session.request(address, ask, self.timeout_ms))
        return from_json(reply.body, _Members).consumer_id_list

    async def lock(self, queues: Sequence[MessageQueue]) -> list[MessageQueue]:
        """Lock queues for this client, or renew; return those that are ours now."""
        locked: list[MessageQueue] = []
        for group_queues in _by_broker(queues).values():
            try:
                reply = await self._ask_master(RequestCode.LOCK_BATCH_MQ, group_queues)
                locked += from_json(reply.body, _Locked).queues
            except MqError:
                continue  # no master, no lock
        return locked

    async def unlock(self, queues: Sequence[MessageQueue]) -> None:
        """Give queues up; locks that cannot be given up now run out by themselves."""
        for group_queues in _by_broker(queues).values():
            try:
                await self._ask_master(RequestCode.UNLOCK_BATCH_MQ, group_queues)
            except MqError:
                continue

    async def _ask_master(self, code: RequestCode, queues: Sequence[MessageQueue]) -> Command:
        body = to_json(_LockRequest(self.client_id, self.group, queues))
        first = queues[0]
        address = await self.session.address(first.topic, first.broker_name, MASTER_ID)
        command = Command(code, body=body)
        return succeed(await self.session.request(address, command, self.timeout_ms))

    async def _tell_all(self, command: Command) -> int:
        addresses = await self._addresses()
        told = await asyncio.gather(*(self._tell(address, command) for address in addresses))
        return sum(told)

    async def _tell(self, address: str, command: Command) -> bool:
        try:
            succeed(await self.session.request(address, command, self.timeout_ms))
        except MqError:
            return False  # It is told again with the next beat.
        return True

    async def _addresses(self) -> list[str]:
        found: dict[str, None] = {}
        for topic in self.subscriptions:
            try:
                route = await self.session.route(topic)
            except MqError:
                continue
            for broker in route.broker_datas:
                found.update(dict.fromkeys(broker.broker_addrs.values()))
        return list(found)

    def _heartbeat(self) -> Heartbeat:
        subscriptions = tuple(
            self._subscription(topic, tags) for topic, tags in self.subscriptions.items()
        )
        consumer = ConsumerData(
            self.group,
            "CONSUME_PASSIVELY",
            self.message_model,
            self.consume_from_where,
            subscriptions,
        )
        return Heartbeat(self.client_id, (), (consumer,))

    def _subscription(self, topic: str, tags: str) -> Subscription:
        names = [tag.strip() for tag in tags.split("||") if tag.strip() not in ("", "*")]
        codes = tuple(tags_code(name) for name in names)
        return Subscription(topic, tags, tuple(names), codes, self._version)


def _by_broker(queues: Sequence[MessageQueue]) -> dict[str, list[MessageQueue]]:
    found: dict[str, list[MessageQueue]] = {}
    for queue in queues:
        found.setdefault(queue.broker_name, []).append(queue)
    return found
