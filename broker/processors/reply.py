"""SEND_REPLY_MESSAGE: the answer to a message whose sender waits for one.

A producer that *requests* marks its message with its own client id; whoever consumes it sends the
reply through the broker, which pushes it to that client at once and keeps a copy in the reply
topic. What the replier is told is whether it was pushed; the copy is by the way, as in RocketMQ's
``ReplyMessageProcessor``.
"""

import msgspec

from broker.errors import BrokerError, RemotingError
from broker.processors.calling import ask_client
from broker.processors.send import stored
from broker.processors.state import BrokerState
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.remoting.headers import SendHeader, read_send_header, write_fields
from broker.store.properties import format_properties, parse_properties

__all__ = ["send_reply"]

REPLY_TO_CLIENT = "REPLY_TO_CLIENT"
PUSH_REPLY_TIME = "PUSH_REPLY_TIME"
_SEND_CODES = {
    RequestCode.SEND_REPLY_MESSAGE: RequestCode.SEND_MESSAGE,
    RequestCode.SEND_REPLY_MESSAGE_V2: RequestCode.SEND_MESSAGE_V2,
}


async def send_reply(state: BrokerState, command: Command, connection: Connection) -> Command:
    """Push a reply to whom it is for, keep a copy, and say whether it was pushed."""
    send = msgspec.structs.replace(command, code=_SEND_CODES[RequestCode(command.code)])
    refusal = await _push(state, read_send_header(send), command.body, connection.peer)
    fields = await _keep(state, send, connection.peer)
    if refusal:
        return command.reply(ResponseCode.SYSTEM_ERROR, refusal, fields)
    return command.reply(ext_fields=fields)


async def _push(state: BrokerState, header: SendHeader, body: bytes, peer: str) -> str:
    """Push a reply; why that failed, or nothing."""
    properties = parse_properties(header.properties)
    client_id = properties.get(REPLY_TO_CLIENT)
    if client_id is None:
        return f"reply message properties[{REPLY_TO_CLIENT}] is null"
    channel = state.clients.producer_channel(client_id)
    if channel is None:
        return f"push reply message fail, channel of <{client_id}> not found."
    now_ms = str(state.ports.clock.now_ms())
    properties[PUSH_REPLY_TIME] = now_ms
    fields = {
        **write_fields(header),
        "properties": format_properties(properties),
        "bornHost": peer,
        "storeHost": state.config.broker_addr,
        "storeTimestamp": now_ms,
    }
    push = Command(RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, ext_fields=fields, body=body)
    try:
        answer = await ask_client(channel, push)
    except RemotingError as error:
        return f"push reply message to {client_id} fail: {error}"
    if answer.code != ResponseCode.SUCCESS:
        return f"push reply message to {client_id} fail: {answer.remark}"
    return ""


async def _keep(state: BrokerState, send: Command, peer: str) -> dict[str, str]:
    """Store a copy as if it had been sent; the fields of the answer either way."""
    try:
        kept = await stored(state, send, peer)
    except BrokerError as error:
        state.log.warning("reply-not-kept", code=error.code, why=error.remark)
        return {"msgId": "0", "queueId": "0", "queueOffset": "0"}
    return kept.ext_fields
