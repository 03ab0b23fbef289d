"""What a broker asks of one consumer, because an operator asked the broker.

    GET_CONSUMER_RUNNING_INFO    which queues it has, and how far it is  (consumerProgress -s)
    CONSUME_MESSAGE_DIRECTLY     consume this message now                (queryMsgById -g -d)

The consumer's own answer is passed on. One that is slow to give it keeps its connection: its
other requests have nothing to do with this one.
"""

import asyncio
from collections.abc import Mapping

from broker.errors import BrokerError, RemotingError, RemotingTimeoutError
from broker.processors.fields import text_field
from broker.processors.state import BrokerState
from broker.remoting.codes import ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.store.message import message_id_offset

__all__ = ["ask_client", "consume_directly", "consumer_running_info"]

CALL_SECONDS = 10.0
"""RocketMQ's ``Broker2Client.callClient``."""


async def consumer_running_info(
    state: BrokerState, command: Command, _connection: Connection
) -> Command:
    """Ask a consumer what it is doing."""
    return await _call(state, command, command.ext_fields, command.body)


async def consume_directly(
    state: BrokerState, command: Command, _connection: Connection
) -> Command:
    """Let a consumer consume the message with an offsetMsgId."""
    message_id = text_field(command, "msgId")
    try:
        record = state.store.record_at(message_id_offset(message_id))
    except ValueError as error:
        raise BrokerError(ResponseCode.SYSTEM_ERROR, str(error)) from error
    if record is None:
        remark = f"can not find message by the id, {message_id}"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark)
    fields = {**command.ext_fields, "brokerName": state.config.broker_name}
    return await _call(state, command, fields, record)


async def ask_client(channel: Connection, question: Command) -> Command:
    """Ask a client; ``RemotingError`` if there is no answer, in which case nothing else ends."""
    try:
        async with asyncio.timeout(CALL_SECONDS):
            # A time-out of the connection's own would cut it.
            return await channel.request(question, CALL_SECONDS * 2000)
    except TimeoutError as error:
        raise RemotingTimeoutError(f"no answer in {CALL_SECONDS:.0f} s") from error


async def _call(
    state: BrokerState, command: Command, ext_fields: Mapping[str, str], body: bytes
) -> Command:
    group, client_id = text_field(command, "consumerGroup"), text_field(command, "clientId")
    who = f"<{group}> <{client_id}>"
    members = state.clients.members(group)
    client = next((one for one in members if one.client_id == client_id), None)
    if client is None:
        return command.reply(ResponseCode.SYSTEM_ERROR, f"The Consumer {who} not online")
    try:
        question = Command(command.code, ext_fields=dict(ext_fields), body=body)
        answer = await ask_client(client.channel, question)
    except RemotingTimeoutError as error:
        return command.reply(ResponseCode.CONSUME_MSG_TIMEOUT, f"consumer {who} Timeout: {error}")
    except RemotingError as error:
        return command.reply(ResponseCode.SYSTEM_ERROR, f"invoke consumer {who}: {error}")
    return command.reply(answer.code, answer.remark, answer.ext_fields, answer.body)
