"""CONSUMER_SEND_MSG_BACK: a consumer could not handle a message, and gets it again later.

A copy goes to %RETRY%group, delayed by a level that grows with each time; after too many times,
or with a level below 0, it goes to %DLQ%group, where nobody gets it without asking.

Whatever keeps the store from taking the copy, the answer is SYSTEM_ERROR, unlike a send's. RocketMQ
waits for neither disk nor slave here (``asyncConsumerSendMsgBack``); ours waits as for a send, but
a copy that is only weakly safe is taken all the same, lest the consumer sends another.
"""

from broker.errors import BrokerError
from broker.nameserver.topics import Permission
from broker.processors.delayed import delayed
from broker.processors.fields import int_field, text_field
from broker.processors.send import put
from broker.processors.settling import settled
from broker.processors.state import BrokerState, refuse_on_slave
from broker.remoting.codes import ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.store.message import MessageDraft, StoredMessage, decode_message
from broker.store.properties import DELAY
from broker.tables.groups import SubscriptionGroup
from broker.tables.topics import DLQ_PREFIX, RETRY_PREFIX

__all__ = ["send_back"]

RETRY_TOPIC = "RETRY_TOPIC"
ORIGIN_MESSAGE_ID = "ORIGIN_MESSAGE_ID"
FIRST_RETRY_LEVEL = 3
REFUSALS = (ResponseCode.SERVICE_NOT_AVAILABLE, ResponseCode.MESSAGE_ILLEGAL)
MAX_RECONSUME_VERSION = 318  # V3_4_9: from here on a client says how often at most


async def send_back(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Store a copy of a message for the group that sends it back."""
    group = _group(state, text_field(command, "group"))
    if group.retry_queue_nums <= 0:
        return command.reply()
    try:
        refuse_on_slave(state, "a send-back")
        appended = put(state, [_draft(state, command, group)])
    except BrokerError as error:
        if error.code not in REFUSALS:
            raise
        remark = f"{ResponseCode(error.code).name}: {error.remark}"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark) from error
    await settled(state, appended[-1].end)
    return command.reply()


def _group(state: BrokerState, name: str) -> SubscriptionGroup:
    group = state.groups.find(name)
    if group is None:
        remark = f"subscription group not exist, {name}"
        raise BrokerError(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark)
    if not state.config.broker_permission & Permission.WRITE:
        remark = f"the broker[{state.config.broker_ip1}] sending message is forbidden"
        raise BrokerError(ResponseCode.NO_PERMISSION, remark)
    return group


def _draft(state: BrokerState, command: Command, group: SubscriptionGroup) -> MessageDraft:
    """Find the message and make its copy, with the topic that it goes to."""
    offset = int_field(command, "offset")
    record = state.store.record_at(offset)
    if record is None:
        remark = f"look message by offset failed, {offset}"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark)
    message = decode_message(record)
    level = int_field(command, "delayLevel", 0)
    most = int_field(command, "maxReconsumeTimes", group.retry_max_times)
    if command.version < MAX_RECONSUME_VERSION:
        most = group.retry_max_times
    if message.reconsume_times >= most or level < 0:
        topic, level, queue_id = f"{DLQ_PREFIX}{group.group_name}", 0, 0
        state.topics.create_for_group(topic)
    else:
        topic = f"{RETRY_PREFIX}{group.group_name}"
        level = level or FIRST_RETRY_LEVEL + message.reconsume_times
        queue_id = state.ports.rng.randrange(group.retry_queue_nums)
        state.topics.create_for_group(topic, group.retry_queue_nums)
    return delayed(_copy(message, topic, queue_id, level), state.config)


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
