"""Whatever brokers do to a send, what the producer says of it is true.

The lines of a script are drawn; the model knows which of them may have stored the message.
"""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.client.attempts import SendFailedError, SendResult
from broker.client.message import Message
from broker.client.producer import Producer
from broker.remoting.command import Command
from broker.remoting.headers import read_send_header
from broker.store.properties import parse_properties
from tests.broker.client.scripted import Answer, Cluster, hang_up, refuse, silence, stored
from tests.broker.remoting.virtual_time import JumpingLoop

STORED = {
    "SEND_OK": stored(1),
    "FLUSH_DISK_TIMEOUT": stored(2, code=10),
    "FLUSH_SLAVE_TIMEOUT": stored(3, code=12),
    "SLAVE_NOT_AVAILABLE": stored(4, code=11),
}
REFUSED = {
    "SERVICE_NOT_AVAILABLE": refuse(14),
    "NO_PERMISSION": refuse(16),
    "TOPIC_NOT_EXIST": refuse(17),
    "MESSAGE_ILLEGAL": refuse(13),
}
IN_DOUBT = {
    "SYSTEM_ERROR": refuse(1),
    "SYSTEM_BUSY": refuse(2),
    "CODE_4321": refuse(4321),
    "ClosedError": hang_up,
    "RemotingTimeoutError": silence,
    "RemoteProtocolError": lambda command: command.reply(0, ext_fields={"msgId": "?"}),
}
LINES: dict[str, Answer] = {**STORED, **REFUSED, **IN_DOUBT}


async def play(
    script: list[str], retries: int
) -> tuple[SendResult | SendFailedError, list[Command]]:
    cluster = await Cluster().start()
    try:
        broker = await cluster.broker(*(LINES[line] for line in script))
        producer = Producer(cluster.session(), "g", retries=retries)
        try:
            ended: SendResult | SendFailedError = await producer.send(Message(topic="T", body=b"x"))
        except SendFailedError as error:
            ended = error
        return ended, broker.asked
    finally:
        await cluster.stop()


@given(st.lists(st.sampled_from(sorted(LINES)), min_size=1, max_size=5), st.integers(0, 4))
@settings(max_examples=60)
def test_what_is_said_of_a_send_is_true(script: list[str], retries: int) -> None:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        ended, asked = runner.run(play(script, retries))
    played = (script + script[-1:] * 10)[: len(asked)]

    assert [one.outcome for one in ended.attempts] == played
    assert 1 <= len(played) <= 1 + retries
    keys = [parse_properties(read_send_header(one).properties)["UNIQ_KEY"] for one in asked]
    assert set(keys) == {ended.key}
    if isinstance(ended, SendResult):
        assert ended.status == played[-1]
    else:
        assert not set(played) & set(STORED)
        assert ended.definite == set(REFUSED).issuperset(played)
