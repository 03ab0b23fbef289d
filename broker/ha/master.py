"""How far each slave has got, what it is sent next, and who waits for it: the master's side.

The decision without the world: every event gives a list of effects for the host to carry out, in
order. Time is milliseconds of a clock that never goes back.

    a connection's life

      on_connected        on_word: token            on_word: report        on_disconnected
      -------------> new -------------> introduced ----------------> fed ----------------> gone
                      |  a report, and plain slaves are accepted ---^  ^
                      |                                                |  on_written, on_shipped,
                      '-- anything else: Close                         '  on_word: report

The replicated mark is the longest log that a slave *of a connection now open* has reported. It
is not remembered: a slave that went away may come back with less. A report counts only if it
could be true, so it is an error to report what was never sent, or less than before.

A SYNC_MASTER's producer waits for the mark to reach the end of its record:

    at once     SEND_OK                the mark is there already
    at once     SLAVE_NOT_AVAILABLE    nobody is being fed, or is too far behind to wait for
    later       SEND_OK                a report reached it
    too late    FLUSH_SLAVE_TIMEOUT    slaveTimeout passed; the slave may have it all the same
"""

import heapq
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from broker.ha.frames import Report, Token
from broker.remoting.codes import SendStatus

__all__ = [
    "Close",
    "Effect",
    "Heartbeat",
    "Link",
    "MasterReplication",
    "Release",
    "ReplicationTimes",
    "Ship",
]

TOKENS_MAX = 16
"""Tokens given out and not used; the oldest is forgotten, so that asking often costs nothing."""

DIVERGED_MAX = 16
"""Slaves that are noted as diverged; the one noted first is forgotten, for anyone may ask."""


class Ship(msgspec.Struct, frozen=True):
    """Send up to ``size`` bytes of the log from ``offset``; then say ``on_shipped``.

    Or ``on_unreadable``, if the disk does not give them.
    """

    connection: int
    offset: int
    size: int


class Heartbeat(msgspec.Struct, frozen=True):
    """Send an empty batch, so that the slave knows that we live."""

    connection: int
    offset: int


class Close(msgspec.Struct, frozen=True):
    """End a connection."""

    connection: int
    why: str


class Release(msgspec.Struct, frozen=True):
    """Tell the producer with this ticket what became of its record."""

    ticket: int
    status: SendStatus


Effect: TypeAlias = Ship | Heartbeat | Close | Release


@dataclass(frozen=True, slots=True)
class ReplicationTimes:
    """The settings that replication goes by, with RocketMQ's defaults."""

    slave_timeout_ms: int = 3000
    heartbeat_ms: int = 5000
    housekeeping_ms: int = 20_000
    batch_size: int = 32 << 10
    fallbehind_max: int = 256 << 20
    accept_plain_slave: bool = False


@dataclass(slots=True)
class Link:
    """One connection to the HA port."""

    last_read_ms: float
    last_write_ms: float
    slave: str = ""  # who introduced itself; empty for a stranger
    expected: int | None = None  # the only first report that its token allows
    acked: int | None = None  # its last report; None until it is fed
    sent: int = 0
    shipping: bool = False  # a Ship is under way, and ``sent`` will move


class _Waiter(msgspec.Struct, frozen=True):
    ticket: int
    end: int
    deadline_ms: float


@dataclass(slots=True)
class MasterReplication:
    """The slaves of one master, and the producers who wait for them."""

    times: ReplicationTimes
    min_offset: int = 0
    available: int = 0  # the end of what may be shipped: under SYNC_FLUSH, of what is on disk
    links: dict[int, Link] = field(default_factory=dict)
    diverged: dict[str, str] = field(default_factory=dict)  # slave -> why it is not fed
    _tokens: dict[int, tuple[str, int]] = field(default_factory=dict)
    _waiters: dict[int, _Waiter] = field(default_factory=dict)  # in order of their deadlines
    _by_end: list[tuple[int, int]] = field(default_factory=list)  # heap of (end, ticket)

    @property
    def mark(self) -> int | None:
        """How much of the log a slave is known to have; None while none is being fed."""
        return max(
            (link.acked for link in self.links.values() if link.acked is not None), default=None
        )

    # The handshake, which comes before the connection.

    def on_proven(self, slave: str, end: int, token: int) -> None:
        """Note that a slave whose log ends there may open a stream with this token."""
        self.diverged.pop(slave, None)
        self._tokens[token] = (slave, end)
        while len(self._tokens) > TOKENS_MAX:
            del self._tokens[next(iter(self._tokens))]

    def on_diverged(self, slave: str, why: str) -> list[Effect]:
        """Note that a slave's log is no prefix of ours; it is not fed until it proves otherwise."""
        self.diverged[slave] = why
        if len(self.diverged) > DIVERGED_MAX:
            del self.diverged[next(iter(self.diverged))]
        self._tokens = {token: held for token, held in self._tokens.items() if held[0] != slave}
        return [
            Close(connection, f"diverged: {why}")
            for connection, link in self.links.items()
            if link.slave == slave
        ]

    # Connections.

    def on_connected(self, connection: int, now_ms: float) -> None:
        """Take note of a stranger; it counts for nothing yet."""
        self.links[connection] = Link(now_ms, now_ms)

    def on_disconnected(self, connection: int) -> None:
        """Forget a connection, and with it how far its slave was."""
        self.links.pop(connection, None)

    def on_word(self, connection: int, word: Report | Token, now_ms: float) -> list[Effect]:
        """Take a slave's token or report."""
        link = self.links.get(connection)
        if link is None:
            return []  # closed by us a moment ago, with bytes still coming
        link.last_read_ms = now_ms
        if isinstance(word, Token):
            return self._on_token(connection, link, word.value)
        return self._on_report(connection, link, word.offset)

    def on_written(self, available: int, min_offset: int) -> list[Effect]:
        """Ship what has become available."""
        self.available, self.min_offset = available, min_offset
        return [effect for c, link in self.links.items() for effect in self._ship(c, link)]

    def on_shipped(self, connection: int, size: int, now_ms: float) -> list[Effect]:
        """Go on after a Ship; its size is 0 if the log has no such bytes any more."""
        link = self.links.get(connection)
        if link is None:
            return []
        assert link.shipping, "only what was asked for can have been shipped"
        link.shipping = False
        if size == 0:
            return self._close(connection, f"nothing to send at {link.sent}: it has expired")
        link.sent += size
        link.last_write_ms = now_ms
        return self._ship(connection, link)

    def on_unreadable(self, connection: int, why: str) -> list[Effect]:
        """Give up a slave whose next bytes could not be read; it may ask for them again."""
        if connection not in self.links:
            return []
        return self._close(connection, f"nothing to send, the log cannot be read: {why}")

    def on_heartbeat_sent(self, connection: int, now_ms: float) -> None:
        """Count a heartbeat as a sign of life given."""
        if connection in self.links:
            self.links[connection].last_write_ms = now_ms

    # Producers.

    def on_waiting(self, ticket: int, end: int, now_ms: float) -> list[Effect]:
        """Hold a producer's answer until a slave has its record, which ends there."""
        mark = self.mark
        if mark is None or end - mark >= self.times.fallbehind_max:
            return [Release(ticket, SendStatus.SLAVE_NOT_AVAILABLE)]
        if mark >= end:
            return [Release(ticket, SendStatus.SEND_OK)]
        self._waiters[ticket] = _Waiter(ticket, end, now_ms + self.times.slave_timeout_ms)
        heapq.heappush(self._by_end, (end, ticket))
        return []

    # Time.

    def on_tick(self, now_ms: float) -> list[Effect]:
        """Give up on whoever was silent for too long, and speak up where we were."""
        effects: list[Effect] = []
        while self._waiters and (first := next(iter(self._waiters.values()))).deadline_ms <= now_ms:
            del self._waiters[first.ticket]
            effects.append(Release(first.ticket, SendStatus.FLUSH_SLAVE_TIMEOUT))
        while self._by_end and self._by_end[0][1] not in self._waiters:
            heapq.heappop(self._by_end)
        for connection, link in list(self.links.items()):
            if link.last_read_ms + self.times.housekeeping_ms <= now_ms:
                why = f"nothing read for {self.times.housekeeping_ms} ms"
                effects += self._close(connection, why)
            elif self._heartbeat_due_ms(link) <= now_ms:
                effects.append(Heartbeat(connection, link.sent))
        return effects

    def next_tick_ms(self) -> float | None:
        """When ``on_tick`` will next have something to do; None if never."""
        times = []
        for link in self.links.values():
            times.append(link.last_read_ms + self.times.housekeeping_ms)
            times.append(self._heartbeat_due_ms(link))
        if self._waiters:
            times.append(next(iter(self._waiters.values())).deadline_ms)
        return min(times, default=None)

    # How it is done.

    def _heartbeat_due_ms(self, link: Link) -> float:
        if link.acked is None or link.shipping:
            return float("inf")
        return link.last_write_ms + self.times.heartbeat_ms

    def _on_token(self, connection: int, link: Link, token: int) -> list[Effect]:
        held = self._tokens.pop(token, None)
        if link.expected is not None or link.acked is not None:
            return self._close(connection, "a second token on one connection")
        if held is None:
            return self._close(connection, "a token that was not given out, or was used before")
        link.slave, link.expected = held
        # One slave has one stream: an older one is a connection that it lost and we did not.
        return [
            effect
            for other, old in list(self.links.items())
            if old.slave == link.slave and other != connection
            for effect in self._close(other, "the slave has a newer connection")
        ]

    def _on_report(self, connection: int, link: Link, offset: int) -> list[Effect]:
        if link.acked is None:
            return self._on_first_report(connection, link, offset)
        if not link.acked <= offset <= link.sent:
            found = f"expected a report from {link.acked} to {link.sent}, found {offset}"
            return self._close(connection, found)
        link.acked = offset
        return [*self._release(offset), *self._ship(connection, link)]

    def _on_first_report(self, connection: int, link: Link, offset: int) -> list[Effect]:
        if link.expected is None and not self.times.accept_plain_slave:
            return self._close(connection, f"a report ({offset}) without a token")
        if link.expected is not None and offset != link.expected:
            return self._close(connection, f"expected {link.expected} as proven, found {offset}")
        if link.expected is None and offset > self.available:
            return self._close(connection, f"reported {offset}, beyond our end {self.available}")
        link.acked = offset
        # Unlike RocketMQ, which begins with its last file: an empty slave gets the whole log.
        link.sent = offset or self.min_offset
        return [*self._release(offset), *self._ship(connection, link)]

    def _ship(self, connection: int, link: Link) -> list[Effect]:
        if link.acked is None or link.shipping or link.sent >= self.available:
            return []
        link.shipping = True
        return [Ship(connection, link.sent, min(self.times.batch_size, self.available - link.sent))]

    def _release(self, mark: int) -> list[Effect]:
        effects: list[Effect] = []
        while self._by_end and self._by_end[0][0] <= mark:
            _, ticket = heapq.heappop(self._by_end)
            if self._waiters.pop(ticket, None) is not None:  # else it was timed out before
                effects.append(Release(ticket, SendStatus.SEND_OK))
        return effects

    def _close(self, connection: int, why: str) -> list[Effect]:
        del self.links[connection]
        return [Close(connection, why)]
