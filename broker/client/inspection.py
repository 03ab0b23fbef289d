"""What a push consumer tells an operator, who asks it through a broker.

    GET_CONSUMER_RUNNING_INFO    its subscriptions, its queues, and how far each is
    CONSUME_MESSAGE_DIRECTLY     what its listener makes of one message, here and now

The shapes are RocketMQ's ``ConsumerRunningInfo`` and ``ConsumeMessageDirectlyResult``.
"""

import asyncio
from collections.abc import Iterable, Mapping

from broker.client.consumer import decode_bodies
from broker.client.consuming import ConsumeStatus, Listener, with_first_topic
from broker.client.process_queue import ProcessQueue
from broker.nameserver.route import MessageQueue
from broker.remoting import fastjson
from broker.remoting.command import Command
from broker.steady import steady_ms
from broker.tables.queue_offsets import queue_key

__all__ = ["consume_directly", "running_info"]


def running_info(
    command: Command,
    subscriptions: Mapping[str, str],
    held: Iterable[ProcessQueue],
    *,
    orderly: bool,
) -> Command:
    """Describe what a consumer has in hand."""
    now_ms = steady_ms()
    info = {
        "mqTable": {queue_key(one.queue): _described(one, now_ms) for one in held},
        "properties": {
            "PROP_CONSUMEORDERLY": str(orderly).lower(),
            "PROP_CONSUME_TYPE": "CONSUME_PASSIVELY",
        },
        "statusTable": {},
        "subscriptionSet": [
            {"subString": tags, "topic": topic} for topic, tags in subscriptions.items()
        ],
    }
    return command.reply(body=fastjson.dumps(info))


async def consume_directly(command: Command, listener: Listener, *, orderly: bool) -> Command:
    """Give the message to the listener, outside its queue, and say what it made of it."""
    begun = asyncio.get_running_loop().time()
    (message,) = map(with_first_topic, decode_bodies(command.body))
    queue = MessageQueue(message.topic, command.ext_fields.get("brokerName", ""), message.queue_id)
    remark = ""
    try:
        status = await listener(queue, [message])
        result = "CR_SUCCESS" if status is ConsumeStatus.SUCCESS else "CR_LATER"
    except Exception as error:  # noqa: BLE001 - whatever it was, the operator wants to see it
        result, remark = "CR_THROW_EXCEPTION", repr(error)
    spent_ms = int((asyncio.get_running_loop().time() - begun) * 1000)
    found = {
        "autoCommit": True,
        "consumeResult": result,
        "order": orderly,
        "remark": remark,
        "spentTimeMills": spent_ms,
    }
    return command.reply(body=fastjson.dumps(found))


def _described(process: ProcessQueue, now_ms: float) -> dict[str, object]:
    commit, count = process.commit_offset, process.cached_count
    return {
        "cachedMsgCount": count,
        "cachedMsgMaxOffset": process.next_offset - 1 if count else 0,
        "cachedMsgMinOffset": commit if count else 0,
        "commitOffset": commit,
        "droped": process.is_dropped,
        "locked": process.is_locked(now_ms),
    }
