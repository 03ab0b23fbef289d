"""One send from its first attempt to its last, within one budget of time.

Each attempt goes to a queue's master, gets what is left of the budget, and is written down. What
ends the send is a status, an error that is not worth a retry, the last try, or the end of time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from broker.client.attempts import Attempt, SendFailedError, SendResult, attempt_that_failed
from broker.client.session import Session
from broker.client.turns import FAILED_MS, QueueTurns
from broker.errors import BrokerError, MqError, NoRouteError, RemoteProtocolError, RemotingError
from broker.nameserver.route import MASTER_ID, MessageQueue, TopicRoute
from broker.remoting.codes import ResponseCode, SendStatus
from broker.remoting.command import Command
from broker.remoting.headers import SendReply, read_fields
from broker.steady import steady_ms
from broker.store.message import message_id_offset

__all__ = ["RETRIED_CODES", "Destinations", "Sending", "WriteRequest", "find_destinations"]

TEMPLATE_TOPIC: Final = "TBW102"
TEMPLATE_QUEUES_MAX: Final = 4

RETRIED_CODES: Final = (
    ResponseCode.TOPIC_NOT_EXIST,
    ResponseCode.SERVICE_NOT_AVAILABLE,
    ResponseCode.SYSTEM_ERROR,
    ResponseCode.NO_PERMISSION,
    ResponseCode.NO_BUYER_ID,
    ResponseCode.NOT_IN_CURRENT_UNIT,
)
"""Answers after which RocketMQ's producer tries again."""

STATUSES: Final[dict[int, SendStatus]] = {
    ResponseCode.SUCCESS: SendStatus.SEND_OK,
    ResponseCode.FLUSH_DISK_TIMEOUT: SendStatus.FLUSH_DISK_TIMEOUT,
    ResponseCode.SLAVE_NOT_AVAILABLE: SendStatus.SLAVE_NOT_AVAILABLE,
    ResponseCode.FLUSH_SLAVE_TIMEOUT: SendStatus.FLUSH_SLAVE_TIMEOUT,
}

WriteRequest: TypeAlias = Callable[[MessageQueue], Command]
"""Writes the request that puts the message into a queue."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where a topic's messages may go: its queues, and the master of each group."""

    queues: list[MessageQueue]
    masters: dict[str, str]

    def master_of(self, queue: MessageQueue) -> str:
        """Give the address that takes a queue's messages; ``NoRouteError`` if none does."""
        address = self.masters.get(queue.broker_name)
        if address is None:
            raise NoRouteError(f"no master of {queue.broker_name} in the route of {queue.topic}")
        return address


async def find_destinations(session: Session, topic: str) -> Destinations:
    """Find them; ``NoRouteError`` if there are none.

    A topic that nobody knows goes to the brokers that would create it: those of the template.
    """
    try:
        route = await session.route(topic)
        queues = route.publish_queues(topic)
    except NoRouteError:
        route = await session.route(TEMPLATE_TOPIC)
        queues = [
            MessageQueue(topic, one.broker_name, one.queue_id)
            for one in route.publish_queues(TEMPLATE_TOPIC)
            if one.queue_id < TEMPLATE_QUEUES_MAX
        ]
    if not queues:
        raise NoRouteError(f"no master in the route of topic {topic} takes messages")
    return Destinations(queues, _masters(route))


def _masters(route: TopicRoute) -> dict[str, str]:
    return {
        broker.broker_name: broker.broker_addrs[MASTER_ID]
        for broker in route.broker_datas
        if MASTER_ID in broker.broker_addrs
    }


@dataclass(slots=True)
class Sending:
    """One send under way."""

    session: Session
    turns: QueueTurns
    topic: str
    key: str
    timeout_ms: float
    retry_weak_status: bool
    attempts: list[Attempt] = field(default_factory=list)
    definite: bool = True  # so far, it surely did not happen
    failure: MqError | None = None
    failed_broker: str = ""
    weak: SendResult | None = None
    begun_ms: float = field(init=False)

    async def run(self, write: WriteRequest, queue: MessageQueue | None, tries: int) -> SendResult:
        """Try until it is stored; ``SendFailedError`` if it is not, as far as we know."""
        self.begun_ms = steady_ms()
        for _ in range(tries):
            if self._left_ms() <= 0:
                break
            try:
                result = await self._try(write, queue)
            except NoRouteError:
                if not self.attempts:
                    raise
                break  # the route is gone, but an earlier attempt may still have arrived
            if result is not None:
                return result
            if not _is_worth_a_retry(self.failure):
                break
        if self.weak is not None:
            return self.weak
        raise self._give_up() from self.failure

    async def _try(self, write: WriteRequest, queue: MessageQueue | None) -> SendResult | None:
        """Make one attempt; None if it failed or came too late, or a better one is wanted."""
        destinations = await find_destinations(self.session, self.topic)
        to = queue or self.turns.choose(destinations.queues, self.failed_broker, steady_ms())
        address = destinations.master_of(to)
        left_ms = self._left_ms()
        if left_ms <= 0:
            return None  # finding the route took all the time
        begun_ms = steady_ms()
        try:
            reply = await self.session.request(address, write(to), left_ms)
            result = self._read(reply, to, address)
        except MqError as error:
            self.turns.on_sent(to.broker_name, FAILED_MS, steady_ms())
            self._note_failure(address, to, error)
            return None
        self.turns.on_sent(to.broker_name, steady_ms() - begun_ms, steady_ms())
        if self.retry_weak_status and result.status is not SendStatus.SEND_OK:
            self.weak, self.failed_broker = result, to.broker_name
            return None
        return result

    def _read(self, reply: Command, to: MessageQueue, address: str) -> SendResult:
        status = STATUSES.get(reply.code)
        if status is None:
            raise BrokerError(reply.code, reply.remark)
        found = read_fields(reply.ext_fields, SendReply)
        self.attempts.append(Attempt(address, sent=True, outcome=status.value))
        return SendResult(
            status=status,
            key=self.key,
            message_id=found.msg_id,
            queue=MessageQueue(self.topic, to.broker_name, found.queue_id),
            queue_offset=found.queue_offset,
            physical_offset=_first_offset(found.msg_id),
            node=address,
            attempts=tuple(self.attempts),
        )

    def _note_failure(self, address: str, to: MessageQueue, error: MqError) -> None:
        self.attempts.append(attempt_that_failed(address, error))
        self.definite = self.definite and error.definite
        self.failure, self.failed_broker = error, to.broker_name

    def _give_up(self) -> SendFailedError:
        took_ms = steady_ms() - self.begun_ms
        why = (
            f"sent {len(self.attempts)} times to {self.topic} in {took_ms:.0f} ms"
            f" of {self.timeout_ms:.0f}, still failed: {self.failure or 'the time was up'}"
        )
        return SendFailedError(why, self.key, self.attempts, definite=self.definite)

    def _left_ms(self) -> float:
        return self.timeout_ms - (steady_ms() - self.begun_ms)


def _is_worth_a_retry(failure: MqError | None) -> bool:
    if isinstance(failure, BrokerError):
        return failure.code in RETRIED_CODES
    return failure is None or isinstance(failure, RemotingError | RemoteProtocolError)


def _first_offset(message_ids: str) -> int:
    first = message_ids.partition(",")[0]
    try:
        return message_id_offset(first)
    except ValueError as error:
        raise RemoteProtocolError(f"expected an offsetMsgId, got {first!r}") from error
