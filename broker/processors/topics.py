"""Topics and groups: asked for, made, removed. Changes are for a master alone, but for removals."""

from broker.errors import BrokerError
from broker.nameserver.topics import TopicConfig, from_json
from broker.processors.fields import flag_field, int_field, text_field
from broker.processors.state import BrokerState, refuse_on_slave
from broker.remoting import fastjson
from broker.remoting.codes import ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.tables.groups import SubscriptionGroup
from broker.tables.topics import TEMPLATE_TOPIC, check_topic_name

__all__ = [
    "all_groups",
    "all_topics",
    "delete_group",
    "delete_topic",
    "system_topic_list",
    "update_group",
    "update_topic",
]


async def update_topic(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Make a topic, or change one; a real slave would say yes and lose it again (#4175).

    As in RocketMQ, the answer comes once the topic is saved and the name servers know of it, so
    that whoever has the answer finds the route.
    """
    refuse_on_slave(state, "a change of topics")
    name = text_field(command, "topic")
    check_topic_name(name)
    if name in state.topics.system and name != TEMPLATE_TOPIC:
        remark = f"The topic[{name}] is conflict with system topic."
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark)
    state.topics.put(
        TopicConfig(
            topic_name=name,
            read_queue_nums=int_field(command, "readQueueNums", 4),
            write_queue_nums=int_field(command, "writeQueueNums", 4),
            perm=int_field(command, "perm", 6),
            topic_filter_type=text_field(command, "topicFilterType", "SINGLE_TAG"),
            topic_sys_flag=int_field(command, "topicSysFlag", 0),
            order=flag_field(command, "order"),
        )
    )
    await state.save_topics()
    await state.announce_topics()
    return command.reply()


async def delete_topic(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Remove a topic with its queues and offsets; its records stay in the log till they expire.

    A slave does so, too: ``mqadmin deleteTopic`` asks every broker of a cluster, and what the slave
    has of the topic would be there for good.
    """
    name = text_field(command, "topic")
    if name in state.topics.system:
        remark = f"The topic[{name}] is conflict with system topic."
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark)
    state.topics.remove(name)
    state.offsets.remove_topic(name)
    await state.store.remove_topic(name)
    return command.reply()


def all_topics(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give the whole topic table, as slaves and tools ask for it."""
    return command.reply(ext_fields=_incarnation(state), body=state.topics.to_json())


def system_topic_list(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Name the topics that every broker has."""
    return command.reply(body=fastjson.dumps({"topicList": list(state.topics.system)}))


def update_group(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Make a consumer group, or change one."""
    refuse_on_slave(state, "a change of groups")
    state.groups.put(from_json(command.body, SubscriptionGroup))
    return command.reply()


def delete_group(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Remove a consumer group, and its offsets if that is wanted."""
    refuse_on_slave(state, "a change of groups")
    name = text_field(command, "groupName")
    state.groups.remove(name)
    if flag_field(command, "removeOffset"):
        state.offsets.remove_group(name)
    return command.reply()


def all_groups(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Give the whole group table, as slaves ask for it."""
    return command.reply(ext_fields=_incarnation(state), body=state.groups.to_json())


def _incarnation(state: BrokerState) -> dict[str, str]:
    return {"incarnation": str(state.master.incarnation)}
