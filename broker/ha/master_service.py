"""The HA port: sockets, timers and the log around the master's core.

Events go into ``MasterReplication``; the effects that come out are carried out here, in order.
What has become available is looked at once in a turn of the event loop, so that messages stored
together travel together; and where nobody waits for the slave, every 10 ms (RocketMQ's
``WriteSocketService``: 100 ms), so that producers do not pay for its copy. A slave that does not
read pauses its own shipping and nothing else.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, cast

from broker.alarm import Alarm
from broker.config import BrokerConfig, BrokerRole, FlushDiskType
from broker.ha.frames import TOKEN_MAX, Report, Token, WordDecoder, encode_header
from broker.ha.handshake import Answer, LogSummary, Outcome, Tail, compare
from broker.ha.master import (
    Close,
    Effect,
    Heartbeat,
    MasterReplication,
    Release,
    ReplicationTimes,
    Ship,
)
from broker.logging import EventLog
from broker.ports import Listener, Ports
from broker.remoting.codes import SendStatus
from broker.steady import steady_ms
from broker.store.message_store import MessageStore

__all__ = ["MasterService"]

ASYNC_SHIP_S: Final = 0.010


class _SlaveConnection(asyncio.Protocol):
    """One accepted connection: bytes to events, and a place to write to."""

    def __init__(self, service: "MasterService", number: int) -> None:
        self.number = number
        self.held: Ship | None = None  # what waits for the peer to read
        self.is_paused = False
        self._service = service
        self._words = WordDecoder()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self.peer = transport.get_extra_info("peername")
        self._service.on_connected(self)

    def data_received(self, data: bytes) -> None:
        for word in self._words.feed(data):
            self._service.on_word(self, word)

    def pause_writing(self) -> None:
        self.is_paused = True

    def resume_writing(self) -> None:
        self.is_paused = False
        self._service.on_writable(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._service.on_disconnected(self, exc)


class MasterService:
    """Feeds slaves, and tells producers when a slave has what they sent."""

    def __init__(
        self, config: BrokerConfig, ports: Ports, store: MessageStore, log: EventLog
    ) -> None:
        self.core = MasterReplication(
            ReplicationTimes(
                slave_timeout_ms=config.slave_timeout,
                heartbeat_ms=config.ha_send_heartbeat_interval,
                housekeeping_ms=config.ha_housekeeping_interval,
                batch_size=config.ha_transfer_batch_size,
                fallbehind_max=config.ha_slave_fallbehind_max,
                accept_plain_slave=config.ha_accept_plain_slave,
            )
        )
        self.incarnation = ports.rng.randrange(1, TOKEN_MAX)
        self._config = config
        self._ports = ports
        self._store = store
        self._log = log
        self._connections: dict[int, _SlaveConnection] = {}
        self._accepted = 0
        self._producers: dict[int, Callable[[SendStatus], None]] = {}  # by ticket
        self._tickets = 0
        self._news_due = False
        self._listener: Listener | None = None
        self._alarm = Alarm(self.core.next_tick_ms, self._tick)

    async def start(self) -> None:
        """Listen on the HA port; ``OSError`` if it is taken."""
        self._loop = asyncio.get_running_loop()
        host, port = self._config.bind_address, self._config.ha_port
        self._listener = await self._ports.network.listen(self._accept, host, port)
        if self._config.is_slave:
            return  # the port is open as real peers expect, but nobody gets a token here
        self.core.on_written(self._store.readable_end, self._store.log.min_offset)
        if self._config.flush_disk_type is FlushDiskType.SYNC_FLUSH:
            self._store.on_flushed.append(self._on_news)
        else:
            self._store.on_appended.append(self._on_news)

    async def stop(self) -> None:
        """Close the port and every connection."""
        self._alarm.cancel()
        if self._listener is not None:
            self._listener.close()
            await self._listener.wait_closed()
        for connection in list(self._connections.values()):
            connection.transport.close()

    def handshake(self, tail: Tail) -> Answer:
        """Compare a slave's log with ours, and give it a token if it may be fed."""
        slave, store = f"{self._config.broker_name}-{tail.broker_id}", self._store
        log = LogSummary(store.log.min_offset, store.log.end, store.crc)
        answer = compare(tail, log)
        if answer.outcome is Outcome.PROVEN:
            token = self._ports.rng.randrange(1, TOKEN_MAX)
            # Since the last message old files may have gone: an empty slave begins with the first.
            self._carry_out(self.core.on_written(store.readable_end, store.log.min_offset))
            self.core.on_proven(slave, tail.end, token)
            self._log.info("slave-proven", slave=slave, end=tail.end)
            return Answer(Outcome.PROVEN, token, self.incarnation, answer.min_offset)
        if answer.outcome is Outcome.DIVERGED:
            if self.core.diverged.get(slave) != answer.why:
                self._log.warning("slave-diverged", slave=slave, why=answer.why)
            self._carry_out(self.core.on_diverged(slave, answer.why))
        return answer

    def when_replicated(self, end: int, then: Callable[[SendStatus], None]) -> None:
        """Tell once a slave has the log up to ``end``, or never will: a SYNC_MASTER's rules."""
        assert self._config.broker_role is BrokerRole.SYNC_MASTER, "nobody else waits"
        self._tickets += 1
        self._producers[self._tickets] = then
        self._carry_out(self.core.on_waiting(self._tickets, end, steady_ms()))

    # What connections and the store tell us.

    def on_connected(self, connection: _SlaveConnection) -> None:
        """Take note of a stranger."""
        self._connections[connection.number] = connection
        self.core.on_connected(connection.number, steady_ms())
        self._alarm.arm()

    def on_word(self, connection: _SlaveConnection, word: Report | Token) -> None:
        """Hear a slave's token or report."""
        self._carry_out(self.core.on_word(connection.number, word, steady_ms()))

    def on_writable(self, connection: _SlaveConnection) -> None:
        """Go on with what was held back."""
        held, connection.held = connection.held, None
        if held is not None:
            self._carry_out([held])

    def on_disconnected(self, connection: _SlaveConnection, exc: Exception | None) -> None:
        """Forget a connection."""
        link = self.core.links.get(connection.number)
        if link is not None and link.acked is not None:
            self._log.info(
                "slave-gone", slave=link.slave, acked=link.acked, why=str(exc or "closed")
            )
        self._connections.pop(connection.number, None)
        self.core.on_disconnected(connection.number)

    def _accept(self) -> _SlaveConnection:
        self._accepted += 1
        return _SlaveConnection(self, self._accepted)

    def _on_news(self, _end: int) -> None:
        if self._news_due:
            return
        self._news_due = True
        if self._config.broker_role is not BrokerRole.SYNC_MASTER:
            self._loop.call_later(ASYNC_SHIP_S, self._ship_news)
        elif self._config.flush_disk_type is FlushDiskType.SYNC_FLUSH:
            self._ship_news()  # what was synced together travels together
        else:
            self._loop.call_soon(self._ship_news)

    def _ship_news(self) -> None:
        self._news_due = False
        self._ports.crash_point("after-flush-before-replicate")
        store = self._store
        self._carry_out(self.core.on_written(store.readable_end, store.log.min_offset))

    # Effects.

    def _carry_out(self, effects: Iterable[Effect]) -> None:
        queue = deque(effects)
        while queue:
            effect = queue.popleft()
            match effect:
                case Ship():
                    queue.extend(self._ship(effect))
                case Heartbeat():
                    self._connections[effect.connection].transport.write(
                        encode_header(effect.offset, 0)
                    )
                    self.core.on_heartbeat_sent(effect.connection, steady_ms())
                case Close():
                    self._close(effect)
                case Release():
                    self._producers.pop(effect.ticket)(effect.status)
        self._alarm.arm()

    def _ship(self, effect: Ship) -> list[Effect]:
        connection = self._connections.get(effect.connection)
        if connection is None or connection.transport.is_closing():
            return []
        if connection.is_paused:
            connection.held = effect
            return []
        # A batch never crosses a file's end: a real slave writes it into one file.
        try:
            data = self._store.read_log(effect.offset, effect.size)
        except OSError as error:
            return self.core.on_unreadable(effect.connection, str(error))
        if data:
            connection.transport.write(encode_header(effect.offset, len(data)) + data)
        return self.core.on_shipped(effect.connection, len(data), steady_ms())

    def _close(self, effect: Close) -> None:
        connection = self._connections.get(effect.connection)
        if connection is not None:
            self._log.warning("ha-closed", peer=str(connection.peer), why=effect.why)
            connection.transport.abort()  # not to wait until a silent peer has read everything

    # Time.

    def _tick(self, now_ms: float) -> None:
        self._carry_out(self.core.on_tick(now_ms))
