"""Who is there: heartbeats, goodbyes, a group's members, and the locks of orderly consumers.

How long somebody was silent, and how old a lock is, is told by the event loop's clock: the wall
clock may jump, and must not give one queue to two consumers by it.
"""

import msgspec

from broker.errors import BrokerError
from broker.nameserver.route import MessageQueue
from broker.nameserver.topics import from_json
from broker.processors.fields import text_field
from broker.processors.state import BrokerState
from broker.remoting import fastjson
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.steady import steady_ms
from broker.tables.clients import Client, Heartbeat, Subscription
from broker.tables.topics import RETRY_PREFIX

__all__ = [
    "check_client_config",
    "consumer_connections",
    "consumer_list",
    "expire_clients",
    "heartbeat",
    "lock_queues",
    "notify_members",
    "on_connection_closed",
    "producer_connections",
    "unlock_queues",
    "unregister",
]


class _LockRequest(msgspec.Struct, rename="camel"):
    consumer_group: str
    client_id: str
    mq_set: tuple[MessageQueue, ...] = ()


class _ClientCheck(msgspec.Struct, rename="camel"):
    subscription_data: Subscription | None = None


def heartbeat(state: BrokerState, command: Command, connection: Connection) -> Command:
    """Note who a client is, and tell its groups if they have changed by it."""
    said = from_json(command.body, Heartbeat)
    language = getattr(command.language, "name", str(command.language))
    client = Client(said.client_id, connection, language, command.version, steady_ms())
    for producer in said.producer_data_set:
        state.clients.on_producer(producer.group_name, client)
    for consumer in said.consumer_data_set:
        group = state.groups.find(consumer.group_name)
        if group is not None and not state.config.is_slave:
            topic = f"{RETRY_PREFIX}{consumer.group_name}"
            state.topics.create_for_group(topic, group.retry_queue_nums)
        if state.clients.on_consumer(consumer, client):
            notify_members(state, [consumer.group_name])
    return command.reply()


def check_client_config(_state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Say whether a consumer's subscription can be served: only one by tags can."""
    subscription = from_json(command.body, _ClientCheck).subscription_data
    kind = subscription.expression_type if subscription is not None else ""
    if kind not in ("", "TAG"):
        remark = f"The broker does not support consumer to filter message by {kind}"
        return command.reply(ResponseCode.SYSTEM_ERROR, remark)
    return command.reply()


def unregister(state: BrokerState, command: Command, connection: Connection) -> Command:
    """Forget a client that stops."""
    groups = state.clients.remove(
        text_field(command, "clientID"),
        connection,
        text_field(command, "producerGroup", ""),
        text_field(command, "consumerGroup", ""),
    )
    notify_members(state, groups)
    return command.reply()


def on_connection_closed(state: BrokerState, connection: Connection) -> None:
    """Forget whoever used a connection that ended, and what they wait for."""
    state.parked.forget(connection)
    notify_members(state, state.clients.remove_channel(connection))


def expire_clients(state: BrokerState) -> None:
    """Forget whoever has been silent for too long."""
    notify_members(state, state.clients.expire(steady_ms()))


def notify_members(state: BrokerState, groups: list[str]) -> None:
    """Tell the members of some groups to share their queues out again."""
    for name in groups:
        group = state.groups.groups.get(name)
        wanted = group is None or group.notify_consumer_ids_changed_enable
        if not (wanted and state.config.notify_consumer_ids_changed_enable):
            continue
        command = Command(
            RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, ext_fields={"consumerGroup": name}
        )
        for client in state.clients.members(name):
            if not client.channel.is_closed:
                client.channel.send_oneway(command)


def consumer_list(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give the ids of a group's members."""
    name = text_field(command, "consumerGroup")
    members = [client.client_id for client in state.clients.members(name)]
    if not members:
        remark = f"no consumer for this group, {name}"
        return command.reply(ResponseCode.SYSTEM_ERROR, remark)
    return command.reply(body=fastjson.dumps({"consumerIdList": members}))


def lock_queues(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Lock what nobody else of the group holds."""
    asked = from_json(command.body, _LockRequest)
    held = state.locks.lock(asked.consumer_group, asked.client_id, list(asked.mq_set), steady_ms())
    return command.reply(body=fastjson.dumps({"lockOKMQSet": msgspec.to_builtins(held)}))


def unlock_queues(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Release what the client holds."""
    asked = from_json(command.body, _LockRequest)
    state.locks.unlock(asked.consumer_group, asked.client_id, list(asked.mq_set))
    return command.reply()


def consumer_connections(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Describe a consumer group that is online."""
    name = text_field(command, "consumerGroup")
    group = state.clients.consumers.get(name)
    if group is None:
        remark = f"the consumer group[{name}] not online"
        raise BrokerError(ResponseCode.CONSUMER_NOT_ONLINE, remark)
    described = {
        "connectionSet": [_connection_of(client) for client in group.members.values()],
        "consumeFromWhere": group.data.consume_from_where,
        "consumeType": group.data.consume_type,
        "messageModel": group.data.message_model,
        "subscriptionTable": msgspec.to_builtins(group.subscriptions),
    }
    return command.reply(body=fastjson.dumps(described))


def producer_connections(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Describe a producer group that is online."""
    name = text_field(command, "producerGroup")
    members = state.clients.producers.get(name)
    if not members:
        remark = f"the producer group[{name}] not exist"
        return command.reply(ResponseCode.SYSTEM_ERROR, remark)
    described = [_connection_of(client) for client in members.values()]
    return command.reply(body=fastjson.dumps({"connectionSet": described}))


def _connection_of(client: Client[Connection]) -> dict[str, object]:
    return {
        "clientAddr": client.channel.peer,
        "clientId": client.client_id,
        "language": client.language,
        "version": client.version,
    }
