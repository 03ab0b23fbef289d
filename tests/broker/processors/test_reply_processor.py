"""A reply goes straight to the producer that waits for it, and into the reply topic by the way."""

from collections.abc import Awaitable, Callable

import pytest

from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection
from broker.remoting.headers import V2_LETTERS
from simulation.cluster import ADDRESSES
from tests.broker.cluster_rig import Rig, play

REPLY_TOPIC = "DefaultCluster_REPLY_TOPIC"
V1, V2 = RequestCode.SEND_REPLY_MESSAGE, RequestCode.SEND_REPLY_MESSAGE_V2
FIELDS = {"a": "p", "b": REPLY_TOPIC, "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": "5"}


class Asker:
    """A producer's connection that answers what is pushed to it."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.got: list[Command] = []

    async def connect(self, rig: Rig) -> None:
        network = rig.session.ports.network
        _, connection = await network.connect(lambda: Connection(self._hear), *ADDRESSES["master"])
        beat = b'{"clientID":"asker","producerDataSet":[{"groupName":"askers"}]}'
        await connection.request(Command(RequestCode.HEART_BEAT, body=beat), 1000)

    def _hear(self, command: Command, _connection: Connection) -> Command:
        self.got.append(command)
        return command.reply(self.code, "as the test says")


async def reply(rig: Rig, code: RequestCode = V2, text: str = "REPLY_TO_CLIENT\1asker") -> Command:
    fields = {**FIELDS, "h": "0", "i": text}
    if code == V1:
        fields = {V2_LETTERS[letter]: value for letter, value in fields.items()}
    return await rig.ask(code, b"the answer", **fields)


async def kept(rig: Rig) -> list[bytes]:
    return [message.body for message in await rig.messages(topic=REPLY_TOPIC)]


def alone(scenario: Callable[[Rig], Awaitable[None]], **settings: str) -> None:
    play(scenario, start=("nameserver", "master"), **settings)


@pytest.mark.parametrize("code", [V1, V2])
def test_a_reply_is_pushed_and_kept(code: RequestCode) -> None:
    async def scenario(rig: Rig) -> None:
        asker = Asker(ResponseCode.SUCCESS)
        await asker.connect(rig)
        answer = await reply(rig, code)

        assert answer.code == ResponseCode.SUCCESS
        assert answer.ext_fields["queueOffset"] == "0"
        (pushed,) = asker.got
        assert (pushed.code, pushed.body) == (326, b"the answer")
        assert pushed.ext_fields["topic"] == REPLY_TOPIC
        assert pushed.ext_fields["storeHost"] == "127.0.0.2:10911"
        assert "PUSH_REPLY_TIME\1" in pushed.ext_fields["properties"]
        assert await kept(rig) == [b"the answer"]

    alone(scenario)


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        ("REPLY_TO_CLIENT\1nobody", 0, "channel of <nobody> not found"),
        ("KEYS\1k", 0, "reply message properties[REPLY_TO_CLIENT] is null"),
        ("REPLY_TO_CLIENT\1asker", 1, "as the test says"),
    ],
)
def test_a_reply_that_did_not_arrive_is_an_error_and_is_kept(
    text: str, code: int, why: str
) -> None:
    async def scenario(rig: Rig) -> None:
        await Asker(code).connect(rig)
        answer = await reply(rig, text=text)

        assert answer.code == ResponseCode.SYSTEM_ERROR
        assert why in (answer.remark or "")
        assert await kept(rig) == [b"the answer"]

    alone(scenario)


def test_a_reply_that_arrived_is_none_the_worse_for_a_copy_that_could_not_be_kept() -> None:
    async def scenario(rig: Rig) -> None:
        await Asker(ResponseCode.SUCCESS).connect(rig)
        rig.broker("master").state.store.failure = "as the test says"
        answer = await reply(rig)

        assert (answer.code, answer.ext_fields["msgId"]) == (ResponseCode.SUCCESS, "0")

    alone(scenario)
