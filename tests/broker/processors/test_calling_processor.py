"""What an operator asks a broker to ask of a consumer."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from broker.client.consuming import ConsumeStatus, Listener
from broker.client.push_consumer import ConsumeFrom, PushConsumer, PushOptions
from broker.nameserver.route import MessageQueue
from broker.remoting import fastjson
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.store.message import StoredMessage, message_id_offset
from tests.broker.cluster_rig import SLAVE, TOPIC, Rig, play

RUNNING_INFO, CONSUME_DIRECTLY = (
    RequestCode.GET_CONSUMER_RUNNING_INFO,
    RequestCode.CONSUME_MESSAGE_DIRECTLY,
)
ALONE = ("nameserver", "master")


async def succeed(_queue: MessageQueue, _messages: list[StoredMessage]) -> ConsumeStatus:
    return ConsumeStatus.SUCCESS


async def put_off(_queue: MessageQueue, _messages: list[StoredMessage]) -> ConsumeStatus:
    return ConsumeStatus.LATER


async def fail(_queue: MessageQueue, _messages: list[StoredMessage]) -> ConsumeStatus:
    raise ValueError("no such order")


async def hang(_queue: MessageQueue, _messages: list[StoredMessage]) -> ConsumeStatus:
    await asyncio.sleep(3600)
    return ConsumeStatus.SUCCESS


def with_consumer(
    listener: Listener,
    scenario: Callable[[Rig, PushConsumer, Command], Awaitable[None]],
    consume_from: ConsumeFrom = ConsumeFrom.LAST,
    start: tuple[str, ...] = ALONE,
) -> None:
    """Play a scenario with a consumer of a topic that holds one message."""

    async def run(rig: Rig) -> None:
        sent = await rig.send(b"one")
        session = rig.cluster.session(1000)
        options = PushOptions(consume_from=consume_from, stop_wait_ms=10)
        consumer = PushConsumer(session, "g", {TOPIC: "*"}, listener, options)
        await consumer.start()
        await asyncio.sleep(1)
        await scenario(rig, consumer, sent)
        await consumer.stop()
        await session.close()

    play(run, start=start)


def test_an_operator_sees_which_queues_a_consumer_has_and_how_far_it_is() -> None:
    async def scenario(rig: Rig, consumer: PushConsumer, _sent: Command) -> None:
        who = {"consumerGroup": "g", "clientId": consumer.client_id, "jstackEnable": "false"}
        reply = await rig.ask(RUNNING_INFO, **who)

        assert reply.code == ResponseCode.SUCCESS
        assert reply.body.startswith(b'{"mqTable":{{"brokerName"')  # as fastjson has object keys
        table = fastjson.loads_object(reply.body)["mqTable"]
        key = (("brokerName", "broker-a"), ("queueId", 0), ("topic", TOPIC))
        assert table[key]["commitOffset"] == 1
        assert len(table) == 4 + 1  # the topic's and the retry topic's

    with_consumer(succeed, scenario, ConsumeFrom.FIRST)


@pytest.mark.parametrize(
    ("listener", "result"),
    [(succeed, "CR_SUCCESS"), (put_off, "CR_LATER"), (fail, "CR_THROW_EXCEPTION")],
)
@pytest.mark.parametrize("at", ["master", "slave"])
def test_a_message_is_consumed_at_once_wherever_it_is(
    listener: Listener, result: str, at: str
) -> None:
    async def scenario(rig: Rig, consumer: PushConsumer, sent: Command) -> None:
        who = {"consumerGroup": "g", "clientId": consumer.client_id}
        address = {"at": SLAVE} if at == "slave" else {}
        reply = await rig.ask(CONSUME_DIRECTLY, msgId=sent.ext_fields["msgId"], **who, **address)
        found = fastjson.loads_object(reply.body)
        assert (found["consumeResult"], found["order"]) == (result, False)
        assert ("no such order" in found["remark"]) == (listener is fail)

    with_consumer(listener, scenario, start=("nameserver", "master", "slave"))


def test_a_message_to_be_consumed_at_once_has_its_own_topic_also_if_it_was_sent_back() -> None:
    topics: list[str] = []

    async def listener(_queue: MessageQueue, messages: list[StoredMessage]) -> ConsumeStatus:
        topics.extend(message.topic for message in messages)
        return ConsumeStatus.SUCCESS

    async def scenario(rig: Rig, consumer: PushConsumer, sent: Command) -> None:
        offset = message_id_offset(sent.ext_fields["msgId"])
        code = RequestCode.CONSUMER_SEND_MSG_BACK
        await rig.ask(code, offset=offset, group="other", delayLevel=1)
        await asyncio.sleep(2)
        (again,) = await rig.messages(topic="%RETRY%other")
        who = {"consumerGroup": "g", "clientId": consumer.client_id}
        topics.clear()
        await rig.ask(CONSUME_DIRECTLY, msgId=again.message_id, **who)
        assert topics == [TOPIC]

    with_consumer(listener, scenario)


def test_who_is_not_there_or_does_not_answer_is_named_and_keeps_its_connection() -> None:
    async def scenario(rig: Rig, consumer: PushConsumer, sent: Command) -> None:
        absent = await rig.ask(RUNNING_INFO, consumerGroup="g", clientId="nobody")
        assert absent.code == ResponseCode.SYSTEM_ERROR
        assert absent.remark == "The Consumer <g> <nobody> not online"
        who = {"consumerGroup": "g", "clientId": consumer.client_id}
        for message_id in ("7F00000200002A9F0000000000000FFF", "nonsense"):
            reply = await rig.ask(CONSUME_DIRECTLY, msgId=message_id, **who)
            assert reply.code == ResponseCode.SYSTEM_ERROR

        late = await rig.ask(CONSUME_DIRECTLY, msgId=sent.ext_fields["msgId"], **who)
        assert late.code == ResponseCode.CONSUME_MSG_TIMEOUT
        members = await rig.ask(RequestCode.GET_CONSUMER_LIST_BY_GROUP, consumerGroup="g")
        assert consumer.client_id.encode() in members.body

    with_consumer(hang, scenario)
