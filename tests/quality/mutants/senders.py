"""A producer that does not say what it did."""

from typing import Any

from broker.client.sending import Sending
from broker.client.session import Session
from broker.errors import RemotingError
from broker.remoting.codes import RequestCode
from broker.remoting.command import Command
from tests.quality.mutants.mutant import Plant, mutant

__all__ = ["MUTANTS"]

SENDS = (RequestCode.SEND_MESSAGE, RequestCode.SEND_MESSAGE_V2)
DOUBTS = ("partition-master-to-client", "reset", "tear-client")


@mutant(finds=("duplicated",), nemeses=DOUBTS)
def hidden_retry(plant: Plant) -> None:
    """A request that got no answer is sent again behind the producer's back."""
    request = Session.request

    async def request_twice(self: Any, address: str, command: Command, timeout_ms: float) -> Any:
        if command.code not in SENDS:
            return await request(self, address, command, timeout_ms)
        try:
            return await request(self, address, command, timeout_ms / 2)
        except RemotingError:
            return await request(self, address, command, timeout_ms / 2)

    plant(Session, request=request_twice)


@mutant(finds=("aborted", "duplicated"), nemeses=DOUBTS, rate=120.0)
def doubt_as_failure(plant: Plant) -> None:
    """A send whose answer was lost counts as one that surely failed."""
    note_failure = Sending._note_failure

    def note_definite(self: Any, address: str, to: Any, error: Any) -> None:
        note_failure(self, address, to, error)
        self.definite = True
        self.attempts[-1] = type(self.attempts[-1])(address, False, "ConnectError")

    plant(Sending, _note_failure=note_definite)


@mutant(finds=("inconsistent-offset", "offset-reused", "misordered"), nemeses=("slow-client",))
def answers_mixed_up(plant: Plant) -> None:
    """A producer takes the answer to its last send for the answer to this one."""
    read = Sending._read
    last: list[Command] = []

    def read_the_last(self: Any, reply: Command, to: Any, address: str) -> Any:
        shown = last.pop() if last and reply.opaque % 7 == 0 else reply
        last[:] = [reply]
        return read(self, shown, to, address)

    plant(Sending, _read=read_the_last)


MUTANTS = (hidden_retry, doubt_as_failure, answers_mixed_up)
