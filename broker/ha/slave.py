"""Whom the slave follows, whether it may, and what it takes from the stream: the slave's side.

The decision without the world: every event gives a list of effects for the host to carry out, in
order. Time is milliseconds of a clock that never goes back.

    IDLE ---> ASKING ----> DIALLING ----> COPYING
     no         |  ^ proven   |              |
     master     |  |          |              |
                v  |          v              v
             WAITING or DIVERGED, until haReconnectInterval has passed

    ASKING        the handshake is under way (see ``handshake``)
    DIALLING      the log is proven, and the HA connection is being made
    COPYING       the stream is open; only now is the master worth copying metadata from
    WAITING       something failed
    DIVERGED      the master says that our log is not a prefix of its own. Nothing is taken from
                  it, but it is asked again: it may be rebuilt from our own store
    RESYNCING     an operator gave our differing records up; they are being cut off

Every attempt has a number, and an event of an older one is ignored: a handshake may be answered
after the master has changed. RocketMQ's slave takes any bytes at any offset; ours takes only what
begins where its log ends, and what it could not write it does not report.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import msgspec

from broker.ha.frames import Batch
from broker.ha.handshake import Answer, Outcome

__all__ = [
    "Append",
    "Ask",
    "Dial",
    "Drop",
    "Effect",
    "Following",
    "Master",
    "SendReport",
    "SlaveReplication",
    "SlaveTimes",
]


class Following(StrEnum):
    """What the slave is doing about its master."""

    IDLE = "IDLE"
    ASKING = "ASKING"
    DIALLING = "DIALLING"
    COPYING = "COPYING"
    WAITING = "WAITING"
    DIVERGED = "DIVERGED"
    RESYNCING = "RESYNCING"


@dataclass(frozen=True, slots=True)
class Master:
    """Where a master is, as the name server says: its remoting and its HA address."""

    address: str
    ha_address: str


class Ask(msgspec.Struct, frozen=True):
    """Ask for a token; show the log's tail, but nothing before ``floor``."""

    attempt: int
    address: str
    floor: int


class Dial(msgspec.Struct, frozen=True):
    """Connect to the HA port; once connected, send the token."""

    attempt: int
    address: str
    token: int


class SendReport(msgspec.Struct, frozen=True):
    """Tell the master how long our log is."""

    end: int


class Append(msgspec.Struct, frozen=True):
    """Write a batch to the log; then say ``on_appended`` or ``on_lost``."""

    attempt: int
    batch: Batch


class Drop(msgspec.Struct, frozen=True):
    """End the HA connection, if there is one."""

    why: str


Effect: TypeAlias = Ask | Dial | SendReport | Append | Drop


@dataclass(frozen=True, slots=True)
class SlaveTimes:
    """The settings that a slave goes by, with RocketMQ's defaults."""

    reconnect_ms: int = 5000
    heartbeat_ms: int = 5000
    housekeeping_ms: int = 20_000


@dataclass(slots=True)
class SlaveReplication:
    """One slave and the master that it follows."""

    times: SlaveTimes
    end: int = 0  # of our log
    state: Following = Following.IDLE
    master: Master | None = None
    attempt: int = 0
    incarnation: int = 0  # of the master that our log was last proven to
    why: str = ""  # the last thing that went wrong
    _retry_at_ms: float = 0.0
    _read_ms: float = 0.0
    _written_ms: float = 0.0

    def on_master(self, master: Master | None, now_ms: float) -> list[Effect]:
        """Follow the master that the name server names; None keeps the one we have."""
        if master is None or master == self.master:
            return []
        self.master = master
        if self.state is Following.RESYNCING:
            return []
        return [Drop("another master"), *self._ask(now_ms)]

    def on_answer(self, attempt: int, answer: Answer | None, now_ms: float) -> list[Effect]:
        """Take the master's answer to the handshake; None if there was none."""
        if attempt != self.attempt or self.state is not Following.ASKING:
            return []
        assert self.master is not None, "only a known master is asked"
        if answer is None:
            return self._wait(Following.WAITING, "the master did not answer the handshake", now_ms)
        match answer.outcome:
            case Outcome.DIVERGED:
                return self._wait(Following.DIVERGED, answer.why, now_ms)
            case Outcome.SHORTEN:
                return self._ask(now_ms, floor=answer.min_offset)
            case Outcome.PROVEN:
                self.state, self.incarnation = Following.DIALLING, answer.incarnation
                return [Dial(attempt, self.master.ha_address, answer.token)]

    def on_connected(self, attempt: int, now_ms: float) -> list[Effect]:
        """Report at once, not after a heartbeat's time as RocketMQ does: the token is sent."""
        if attempt != self.attempt or self.state is not Following.DIALLING:
            return []
        self.state, self.why = Following.COPYING, ""
        self._read_ms = self._written_ms = now_ms
        return [SendReport(self.end)]

    def on_lost(self, attempt: int, why: str, now_ms: float) -> list[Effect]:
        """Note that dialling, the connection or an append failed; try again later."""
        if attempt != self.attempt or self.state not in (Following.DIALLING, Following.COPYING):
            return []
        return self._wait(Following.WAITING, why, now_ms)

    def on_batch(self, attempt: int, batch: Batch, now_ms: float) -> list[Effect]:
        """Take the next stretch of the log, if it is the next."""
        if attempt != self.attempt or self.state is not Following.COPYING:
            return []
        self._read_ms = now_ms
        if self.end and batch.offset != self.end:
            why = f"expected bytes from {self.end}, found a batch at {batch.offset}"
            return self._wait(Following.WAITING, why, now_ms)
        return [Append(attempt, batch)] if batch.body else []

    def on_appended(self, attempt: int, end: int, now_ms: float) -> list[Effect]:
        """Report what is now in the log, and thereby in the page cache."""
        assert end >= self.end, "an append makes the log longer"
        self.end = end
        if attempt != self.attempt or self.state is not Following.COPYING:
            return []
        self._written_ms = now_ms
        return [SendReport(end)]

    def on_resync(self) -> list[Effect]:
        """Stop following while the operator's command cuts the log."""
        self.attempt += 1
        self.state = Following.RESYNCING
        return [Drop("an operator's resynchronisation")]

    def on_resynced(self, end: int, now_ms: float) -> list[Effect]:
        """Follow again, from a log that now ends there."""
        assert self.state is Following.RESYNCING, "only a resynchronisation makes a log shorter"
        self.end = end
        self.state = Following.IDLE
        return self._ask(now_ms) if self.master else []

    def on_tick(self, now_ms: float) -> list[Effect]:
        """Try again, give a silent master up, or show that we live; whatever is due."""
        match self.state:
            case Following.WAITING | Following.DIVERGED if self._retry_at_ms <= now_ms:
                return self._ask(now_ms)
            case Following.COPYING if self._read_ms + self.times.housekeeping_ms <= now_ms:
                # RocketMQ looks at its last write here, and so never notices a dead link.
                why = f"nothing read for {self.times.housekeeping_ms} ms"
                return self._wait(Following.WAITING, why, now_ms)
            case Following.COPYING if self._written_ms + self.times.heartbeat_ms <= now_ms:
                self._written_ms = now_ms
                return [SendReport(self.end)]
        return []

    def next_tick_ms(self) -> float | None:
        """When ``on_tick`` will next have something to do; None if never."""
        match self.state:
            case Following.WAITING | Following.DIVERGED:
                return self._retry_at_ms
            case Following.COPYING:
                return min(
                    self._read_ms + self.times.housekeeping_ms,
                    self._written_ms + self.times.heartbeat_ms,
                )
        return None

    def _ask(self, now_ms: float, floor: int = 0) -> list[Effect]:
        assert self.master is not None, "only a known master is asked"
        self.attempt += 1
        self.state = Following.ASKING
        self._retry_at_ms = now_ms + self.times.reconnect_ms
        return [Ask(self.attempt, self.master.address, floor)]

    def _wait(self, state: Following, why: str, now_ms: float) -> list[Effect]:
        self.state, self.why = state, why
        self._retry_at_ms = now_ms + self.times.reconnect_ms
        return [Drop(why)]
