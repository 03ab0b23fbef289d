"""CONSUMER_SEND_MSG_BACK: a consumer could not handle a message, and gets it again later.

A copy goes to %RETRY%group, delayed by a level that grows with each time; after too many times,
or with a level below 0, it goes to %DLQ%group, where nobody gets it without asking.
"""

from broker.errors import BrokerError
from broker.processors.delayed import delayed
from broker.processors.fields import int_field, text_field
from broker.processors.send import put, settle
from broker.processors.state import BrokerState, refuse_on_slave
from broker.remoting.codes import ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.store.message import MessageDraft, StoredMessage, decode_message
from broker.store.properties import DELAY
from broker.tables.topics import DLQ_PREFIX, RETRY_PREFIX

__all__ = ["send_back"]

RETRY_TOPIC = "RETRY_TOPIC"
ORIGIN_MESSAGE_ID = "ORIGIN_MESSAGE_ID"
FIRST_RETRY_LEVEL = 3
MAX_RECONSUME_VERSION = 318  # V3_4_9: from here on a client says how often at most


async def send_back(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Store a copy of a message for the group that sends it back."""
    refuse_on_slave(state, "a send-back")
    group_name = text_field(command, "group")
    group = state.groups.find(group_name)
    if group is None:
        remark = f"subscription group not exist, {group_name}"
        raise BrokerError(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark)
    if group.retry_queue_nums <= 0:
        return command.reply()
    record = state.store.record_at(int_field(command, "offset"))
    if record is None:
        remark = f"look message by offset failed, {command.ext_fields.get('offset')}"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark)
    message = decode_message(record)
    level = int_field(command, "delayLevel", 0)
    most = int_field(command, "maxReconsumeTimes", group.retry_max_times)
    if command.version < MAX_RECONSUME_VERSION:
        most = group.retry_max_times
    if message.reconsume_times >= most or level < 0:
        topic, level = f"{DLQ_PREFIX}{group_name}", 0
        queue_id = 0
    else:
        topic, level = (
            f"{RETRY_PREFIX}{group_name}",
            level or FIRST_RETRY_LEVEL + message.reconsume_times,
        )
        queue_id = state.ports.rng.randrange(group.retry_queue_nums)
    state.topics.create_for_group(topic, group.retry_queue_nums)
    draft = delayed(_copy(message, topic, queue_id, level), state.config)
    await settle(state, put(state, [draft])[-1].end)
    return command.reply()


def _copy(message: StoredMessage, topic: str, queue_id: int, level: int) -> MessageDraft:
    properties = {
        **message.properties,
        RETRY_TOPIC: message.properties.get(RETRY_TOPIC, message.topic),
        ORIGIN_MESSAGE_ID: message.properties.get(ORIGIN_MESSAGE_ID, message.message_id),
    }
    properties.pop(DELAY, None)
    if level:
        properties[DELAY] = str(level)
    return MessageDraft(
        topic,
        queue_id,
        message.body,
        properties,
        message.flag,
        message.sys_flag,
        message.born_timestamp,
        message.born_host,
        message.reconsume_times + 1,
    )
