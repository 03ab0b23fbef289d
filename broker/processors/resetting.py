"""INVOKE_BROKER_TO_RESET_OFFSET: an operator sends a group to where a queue was at some time.

The broker only finds the offsets. The group's members are told them, one-way; whoever holds a queue
commits its offset and goes on from there. So somebody of the group must be online: for one that is
not, ``mqadmin resetOffsetByTime`` commits the offsets itself.
"""

from broker.errors import BrokerError
from broker.nameserver.route import MessageQueue
from broker.processors.fields import flag_field, int_field, text_field
from broker.processors.state import BrokerState
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.tables.queue_offsets import write_offsets

__all__ = ["reset_offsets"]

NOW = -1  # as a time: behind the last message


def reset_offsets(state: BrokerState, command: Command, _connection: Connection) -> Command:
    """Find the offsets, tell the group's members, and give them back."""
    name, group = text_field(command, "topic"), text_field(command, "group")
    body = write_offsets(_offsets(state, command, name, group))
    members = [one for one in state.clients.members(group) if not one.channel.is_closed]
    if not members:
        remark = f"Consumer not online, so can not reset offset, Group: {group} Topic: {name}"
        raise BrokerError(ResponseCode.CONSUMER_NOT_ONLINE, remark)
    fields = {key: command.ext_fields.get(key, "") for key in ("topic", "group", "timestamp")}
    told = Command(RequestCode.RESET_CONSUMER_CLIENT_OFFSET, ext_fields=fields, body=body)
    for member in members:
        member.channel.send_oneway(told)
    return command.reply(body=body)


def _offsets(
    state: BrokerState, command: Command, name: str, group: str
) -> dict[MessageQueue, int]:
    """Give where the group is to go on; not further than it is, unless it is forced to."""
    topic = state.topics.get(name)
    if topic is None:
        remark = f"[reset-offset] reset offset failed, no topic in this broker. topic={name}"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark)
    timestamp, is_forced = int_field(command, "timestamp"), flag_field(command, "isForce")
    offsets = {}
    for queue_id in range(topic.write_queue_nums):
        committed = state.offsets.get(group, name, queue_id)
        if committed is None:
            remark = f"THe consumer group <{group}> not exist"
            raise BrokerError(ResponseCode.SYSTEM_ERROR, remark)
        if timestamp == NOW:
            then = state.store.queue_bounds(name, queue_id)[1]
        else:
            then = state.store.offset_by_time(name, queue_id, timestamp)
        queue = MessageQueue(name, state.config.broker_name, queue_id)
        offsets[queue] = then if is_forced else min(then, committed)
    return offsets
