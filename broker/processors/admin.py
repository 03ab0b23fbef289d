"""What an operator asks a broker: its settings, its condition, its topics' and groups' progress."""

from broker.errors import BrokerError, ConfigError
from broker.nameserver.route import MessageQueue
from broker.nameserver.topics import DataVersion, to_json
from broker.processors.fields import text_field
from broker.processors.runtime_info import runtime_info
from broker.processors.state import BrokerState, find_topic
from broker.properties import to_properties
from broker.remoting import fastjson
from broker.remoting.codes import ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.tables.queue_offsets import queue_key

__all__ = [
    "all_consumer_offsets",
    "all_delay_offsets",
    "broker_config",
    "broker_runtime_info",
    "consume_stats",
    "topic_consumers",
    "topic_stats",
    "update_config",
]

CHANGEABLE = frozenset(
    {
        "autoCreateSubscriptionGroup",
        "brokerPermission",
        "longPollingEnable",
        "notifyConsumerIdsChangedEnable",
        "shortPollingTimeMills",
        "slaveReadEnable",
        "startAcceptSendRequestTimeStamp",
        "syncFlushTimeout",
        "traceOn",
    }
)
"""Keys that are looked up at each use, so that a change takes effect at once."""


def broker_runtime_info(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give the broker's condition as a table of texts."""
    return command.reply(body=fastjson.dumps({"table": runtime_info(state)}))


def broker_config(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give the settings as `.properties` text."""
    version = to_json(DataVersion()).decode()
    return command.reply(ext_fields={"version": version}, body=state.config.lines().encode())


async def update_config(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Change settings that can change while we run; all of them or none."""
    before = to_properties(state.config)
    try:
        updated = state.config.updated(command.body.decode())
    except (ConfigError, UnicodeDecodeError) as error:
        raise BrokerError(ResponseCode.SYSTEM_ERROR, str(error)) from error
    after = to_properties(updated)
    fixed = [key for key in after if after[key] != before[key] and key not in CHANGEABLE]
    if fixed:
        remark = f"{', '.join(fixed)} cannot change while the broker runs; restart it"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark)
    state.config = updated
    state.groups.auto_create = updated.auto_create_subscription_group
    if after["brokerPermission"] != before["brokerPermission"]:
        state.topics.renew()
        await state.announce_topics()
    return command.reply()


def all_consumer_offsets(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give every committed offset, as slaves ask for it."""
    ext_fields = {"incarnation": str(state.master.incarnation)}
    return command.reply(ext_fields=ext_fields, body=state.offsets.to_json())


def all_delay_offsets(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give how far each delay level has been delivered, as slaves ask for it."""
    ext_fields = {"incarnation": str(state.master.incarnation)}
    return command.reply(
        ext_fields=ext_fields, body=fastjson.dumps({"offsetTable": state.delay_offsets})
    )


def topic_stats(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give the bounds of a topic's queues, and when each was last written to."""
    topic = find_topic(state, text_field(command, "topic"))
    name = topic.topic_name
    table: dict[object, object] = {}
    for queue_id in range(topic.write_queue_nums):
        begin, end = state.store.queue_bounds(name, queue_id)
        last_ms = state.store.store_timestamp(name, queue_id, end - 1) if end > begin else 0
        stats = {"lastUpdateTimestamp": last_ms, "maxOffset": end, "minOffset": begin}
        table[_key(state, name, queue_id)] = stats
    return command.reply(body=fastjson.dumps({"offsetTable": table}))


def consume_stats(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give how far a group is behind on each queue of one topic, or of all that it has offsets of.

    While its members are there, topics that they do not subscribe to are left out.
    """
    group, only = text_field(command, "consumerGroup"), text_field(command, "topic", "").strip()
    known = state.clients.consumers.get(group)
    subscribed = known.subscriptions if known else {}
    table: dict[object, object] = {}
    for name in [only] if only else state.offsets.topics_of(group):
        topic = state.topics.get(name)
        if topic is None or (subscribed and name not in subscribed):
            continue
        for queue_id in range(topic.read_queue_nums):
            consumed = state.offsets.get(group, name, queue_id) or 0
            last_ms = state.store.store_timestamp(name, queue_id, consumed - 1)
            stats = {
                "brokerOffset": state.store.queue_bounds(name, queue_id)[1],
                "consumerOffset": consumed,
                "lastTimestamp": max(0, last_ms),
            }
            table[_key(state, name, queue_id)] = stats
    return command.reply(body=fastjson.dumps({"consumeTps": 0.0, "offsetTable": table}))


def topic_consumers(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Name the groups that consume a topic."""
    topic = text_field(command, "topic")
    online = [n for n, g in state.clients.consumers.items() if topic in g.subscriptions]
    groups = dict.fromkeys([*online, *state.offsets.groups_of(topic)])
    return command.reply(body=fastjson.dumps({"groupList": list(groups)}))


def _key(state: BrokerState, topic: str, queue_id: int) -> object:
    return queue_key(MessageQueue(topic, state.config.broker_name, queue_id))
