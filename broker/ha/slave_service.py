"""The slave's end of the stream: sockets, timers and the log around the slave's core.

Events go into ``SlaveReplication``; the effects that come out are carried out here, in order. What
arrives together is reported once, after the last of it is written: a report covers all before it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import cast

from broker.alarm import Alarm
from broker.config import BrokerConfig
from broker.errors import BrokerError, MqError, RemoteProtocolError, RemotingError
from broker.ha.frames import BatchDecoder, encode_report, encode_token
from broker.ha.handshake import Answer, Tail, tail_range
from broker.ha.resync import Digest, common_prefix
from broker.ha.slave import (
    Append,
    Ask,
    Dial,
    Drop,
    Effect,
    Following,
    Master,
    SendReport,
    SlaveReplication,
    SlaveTimes,
)
from broker.logging import EventLog
from broker.peers import Peers
from broker.ports import Ports
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.steady import steady_ms
from broker.store.message_store import MessageStore
from broker.tasks import spawn

__all__ = ["SlaveService"]

ASK_TIMEOUT_MS = 3000
DIAL_SECONDS = 5.0


class _MasterConnection(asyncio.Protocol):
    """The HA connection to a master: bytes to batches."""

    def __init__(self, attempt: int, service: "SlaveService") -> None:
        self.attempt = attempt
        self._service = service
        self._batches = BatchDecoder()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self._service.on_data(self, data, self._batches)

    def connection_lost(self, exc: Exception | None) -> None:
        self._service.on_lost(self.attempt, str(exc or "closed by the master"))


class SlaveService:
    """Follows the master that the name server names, and copies its log."""

    def __init__(
        self,
        config: BrokerConfig,
        ports: Ports,
        store: MessageStore,
        peers: Peers,
        log: EventLog,
    ) -> None:
        self.core = SlaveReplication(
            SlaveTimes(
                reconnect_ms=config.ha_reconnect_interval,
                heartbeat_ms=config.ha_send_heartbeat_interval,
                housekeeping_ms=config.ha_housekeeping_interval,
            )
        )
        self._config = config
        self._ports = ports
        self._store = store
        self._peers = peers
        self._log = log
        self._connection: _MasterConnection | None = None
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._alarm = Alarm(self.core.next_tick_ms, self._tick)
        self._said = ""

    @property
    def is_copying(self) -> bool:
        """Whether the master's log is proven to continue ours, and is being copied now."""
        return self.core.state is Following.COPYING

    async def start(self) -> None:
        """Begin where our log ends; whom to follow is told by ``on_master``."""
        self._loop = asyncio.get_running_loop()
        self.core.end = self._store.log.end

    async def stop(self) -> None:
        """End the connection and whatever is under way."""
        self._alarm.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._drop()

    def on_master(self, master: Master | None) -> None:
        """Follow whom the name server names."""
        self._carry_out(self.core.on_master(master, steady_ms()))

    async def resync(self) -> tuple[int, int]:
        """Give up what differs from the master: cut the log to what both have, and copy again.

        Returns where the log was cut and where it had ended.
        """
        master = self.core.master
        if master is None:
            raise RemotingError("no master is known to resynchronise with")
        if self.core.state is Following.RESYNCING:
            raise RemotingError("a resynchronisation is under way; ask again when it is over")
        self._carry_out(self.core.on_resync())
        log, old_end = self._store.log, self._store.log.end
        try:
            ours = Digest(log.min_offset, log.end, self._store.crc)
            common = await common_prefix(ours, lambda b, e: self._digest(master.address, b, e))
            kept = await self._store.truncate(common)  # to a whole record
        finally:
            self._carry_out(self.core.on_resynced(self._store.log.end, steady_ms()))
        self._log.warning("resynchronised", kept=kept, discarded=old_end - kept)
        return kept, old_end

    # What the connection tells us.

    def on_data(self, connection: _MasterConnection, data: bytes, batches: BatchDecoder) -> None:
        """Take bytes of the stream."""
        try:
            arrived = batches.feed(data)
        except RemoteProtocolError as error:
            self.on_lost(connection.attempt, str(error))
            connection.transport.abort()
            return
        report: SendReport | None = None
        for batch in arrived:
            effects = self.core.on_batch(connection.attempt, batch, steady_ms())
            for effect in self._written(effects):
                if isinstance(effect, SendReport):
                    report = effect
                else:
                    self._carry_out([effect])
        self._carry_out([report] if report else [])

    def on_lost(self, attempt: int, why: str) -> None:
        """Note that an attempt came to nothing, or a connection to its end."""
        self._carry_out(self.core.on_lost(attempt, why, steady_ms()))

    # Effects.

    def _carry_out(self, effects: Iterable[Effect]) -> None:
        queue = deque(effects)
        while queue:
            effect = queue.popleft()
            match effect:
                case Ask():
                    self._spawn(self._ask(effect))
                case Dial():
                    self._spawn(self._dial(effect))
                case Append():
                    queue.extend(self._written([effect]))
                case SendReport():
                    self._report(effect.end)
                case Drop():
                    self._drop()
        self._say_state()
        self._alarm.arm()

    def _written(self, effects: Iterable[Effect]) -> list[Effect]:
        """Carry out the appends among some effects, and give what there is left to do."""
        left: list[Effect] = []
        for effect in effects:
            if not isinstance(effect, Append):
                left.append(effect)
                continue
            try:
                end = self._store.append_raw(effect.batch.offset, effect.batch.body)
            except (MqError, OSError) as error:
                self._log.error("append-failed", offset=effect.batch.offset, why=str(error))
                left += self.core.on_lost(effect.attempt, f"append: {error}", steady_ms())
            else:
                left += self.core.on_appended(effect.attempt, end, steady_ms())
        return left

    async def _ask(self, effect: Ask) -> None:
        log = self._store.log
        begin, end = tail_range(log.min_offset, log.end, effect.floor)
        answer = None
        try:
            tail = Tail(self._config.broker_id, begin, end, self._store.crc(begin, end))
            command = Command(RequestCode.HA_HANDSHAKE, ext_fields=tail.to_fields())
            reply = await self._peers.request(effect.address, command, ASK_TIMEOUT_MS)
            if reply.code == ResponseCode.SUCCESS:
                answer = Answer.of_fields(reply.ext_fields)
        except (MqError, OSError, KeyError, ValueError) as error:
            self._log.info("handshake-failed", master=effect.address, why=str(error))
        self._carry_out(self.core.on_answer(effect.attempt, answer, steady_ms()))

    async def _dial(self, effect: Dial) -> None:
        try:
            host, port = self._peers.resolve(effect.address)
            async with asyncio.timeout(DIAL_SECONDS):
                _, connection = await self._ports.network.connect(
                    lambda: _MasterConnection(effect.attempt, self), host, port
                )
        except (MqError, OSError) as error:  # TimeoutError is one
            self.on_lost(effect.attempt, f"no connection to {effect.address}: {error}")
            return
        self._drop()
        self._connection = connection
        connection.transport.write(encode_token(effect.token))
        effects = self.core.on_connected(effect.attempt, steady_ms())
        if not effects:
            self._drop()  # the master changed while we dialled
        self._carry_out(effects)

    async def _digest(self, address: str, begin: int, end: int) -> Digest:
        fields = {"begin": str(begin), "end": str(end)}
        command = Command(RequestCode.LOG_DIGEST, ext_fields=fields)
        reply = await self._peers.request(address, command, ASK_TIMEOUT_MS)
        if reply.code != ResponseCode.SUCCESS:
            raise BrokerError(reply.code, reply.remark)
        found = reply.ext_fields
        crc = int(found["crc"])
        return Digest(int(found["min"]), int(found["end"]), lambda _begin, _end: crc)

    def _report(self, end: int) -> None:
        if self._connection is not None and not self._connection.transport.is_closing():
            self._connection.transport.write(encode_report(end))

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.transport.close()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = spawn(work, self._log)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    # Saying and timing.

    def _say_state(self) -> None:
        state, why = self.core.state, self.core.why
        said = f"{state} {why}" if state in (Following.DIVERGED, Following.WAITING) else state
        if said == self._said or state in (Following.ASKING, Following.DIALLING):
            return
        self._said = said
        say: Callable[..., None] = self._log.info
        if state is Following.DIVERGED:
            say = self._log.warning
        say("following", state=state, why=why, end=self.core.end)

    def _tick(self, now_ms: float) -> None:
        self._carry_out(self.core.on_tick(now_ms))
