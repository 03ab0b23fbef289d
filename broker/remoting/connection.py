"""One connection and the commands that cross it, in both directions at once.

Either end may ask: ``request`` waits for the reply with its opaque, any number at a time, in any
order; ``send_oneway`` waits for nothing. Either end may be asked: ``handler`` answers with a
command, with None (nobody is answered), with an awaitable of those, or with LATER (see ``answer``).

What an unanswered request tells its sender is definite if not one byte of it left this process.
So frames wait in an outbox until the transport has placed all that was written before, and leave
together: the answers to what one read brought, or all that a turn of the event loop asks for. Who
has nobody to share a write with does not wait for the turn's end: the only request under way, and
the last answer that is owed. What is still in the outbox was not sent.

    a request times out   RemotingTimeoutError, and the connection is cut, as by RocketMQ's client:
                          a late reply has nowhere to go, and what is unsent never will be sent
    the connection ends   ClosedError, for every request that still waits
    either, before the    SendError instead
    first byte was sent
    malformed bytes       the connection ends: nothing after them can be trusted
    no traffic            in either direction for ``idle_ms``: it ends
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import Enum
from functools import partial
from typing import Final, TypeAlias, cast

import msgspec

from broker.errors import (
    ClosedError,
    RemoteProtocolError,
    RemotingError,
    RemotingTimeoutError,
    SendError,
)
from broker.remoting.answers import explain
from broker.remoting.codec import FrameDecoder, encode
from broker.remoting.command import Command

__all__ = ["IDLE_MS", "LATER", "Answer", "Connection", "Handler", "Later"]

IDLE_MS: Final = 120_000
"""RocketMQ's ``serverChannelMaxIdleTimeSeconds``, and its client's."""

ALARM_EARLY_S: Final = 0.001
"""How much earlier than it was set for a timer may fire: uvloop counts in milliseconds."""


class Later(Enum):
    """The type of LATER."""

    LATER = "later"


LATER: Final = Later.LATER
"""What a handler says that will call ``answer`` itself, without a task."""

Answer: TypeAlias = Command | Awaitable[Command | None] | Later | None
"""What a handler gives back: at once, later, or never."""

Handler: TypeAlias = Callable[[Command, "Connection"], Answer]
"""What answers the requests of the other end."""

logger = logging.getLogger(__name__)


class _Waiting(msgspec.Struct, frozen=True):
    """A request without its reply."""

    reply: asyncio.Future[Command]
    number: int  # of its frame, counted over the connection's life
    timeout_ms: float
    due_s: float  # when it has lasted too long


def _answer_nobody(_command: Command, _connection: "Connection") -> None:
    return None


class Connection(asyncio.Protocol):
    """One end of a connection; the same class for who dialled and who accepted."""

    def __init__(self, handler: Handler = _answer_nobody, idle_ms: int = IDLE_MS) -> None:
        self.peer = "nobody yet"  # host:port of the other end
        self.on_close: list[Callable[[Connection], None]] = []
        self.is_closed = False  # or closing: it takes no more
        self.gone: asyncio.Future[None]  # done once the transport has ended
        self._handler = handler
        self._idle_ms = idle_ms
        self._decoder = FrameDecoder()
        self._waiting: dict[int, _Waiting] = {}
        self._opaque = 0
        self._outbox: list[bytes] = []
        self._frames = 0  # ever put into the outbox
        self._frames_written = 0  # of these, handed to the transport
        self._writing_paused = False
        self._flush_due = False
        self._why_closed = "closed by the peer"
        self._answering: dict[asyncio.Future[Command | None], None] = {}
        self._owed = 0  # answers of which a handler said LATER
        self._alarm: asyncio.TimerHandle | None = None  # for requests that last too long

    # What our own side calls.

    async def request(self, command: Command, timeout_ms: float) -> Command:
        """Ask, and wait for the reply; the connection gives the command its opaque."""
        self._require_open()
        self._opaque += 1
        opaque = self._opaque
        due_s = self._loop.time() + timeout_ms / 1000
        waiting = _Waiting(self._loop.create_future(), self._frames, timeout_ms, due_s)
        self._waiting[opaque] = waiting
        try:
            self._put(command.numbered(opaque), alone=len(self._waiting) == 1)
            self._wake_by(due_s)
            return await waiting.reply
        finally:
            self._waiting.pop(opaque, None)

    def send_oneway(self, command: Command) -> None:
        """Ask for something without wanting an answer; it may never arrive."""
        self._require_open()
        self._opaque += 1
        self.send(command.numbered(self._opaque).oneway())

    def send(self, command: Command) -> None:
        """Send a command as it is."""
        self._put(command)

    def answer(self, command: Command, reply: Command) -> None:
        """Answer a request whose handler said LATER; who asked one-way hears nothing."""
        self._owed -= 1
        if not command.is_oneway:
            self._put(reply, alone=self._owed == 0)

    def close(self, why: str = "closed by this side") -> None:
        """Send what the outbox holds, then end the connection."""
        self._writing_paused = False  # a transport that closes places all that it has been given
        self._flush()
        self._end(why)
        self._transport.close()

    def abort(self, why: str = "cut by this side") -> None:
        """End the connection at once; what was not sent never will be."""
        self._end(why)
        self._transport.abort()

    def cancel_answers(self) -> list[asyncio.Future[Command | None]]:
        """Stop the handlers at work here; return what to await until they have."""
        answers = list(self._answering)
        for answer in answers:
            answer.cancel()
        return answers

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # uvloop's transports are not subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self.gone = self._loop.create_future()
        # From the first byte it cannot place, the transport says so: see the outbox.
        self._transport.set_write_buffer_limits(high=0)
        self.peer = _address(transport.get_extra_info("peername"))
        self._touched = self._loop.time()
        self._idle_timer = self._loop.call_later(self._idle_ms / 1000, self._watch_idleness)

    def data_received(self, data: bytes) -> None:
        """Settle replies and serve requests, in the order in which they came."""
        self._touched = self._loop.time()
        self._flush_due = True  # at the end of this: what is answered at once leaves at once
        try:
            for command in self._decoder.feed(data):
                if self.is_closed:
                    return
                if command.is_reply:
                    self._settle(command)
                else:
                    self._serve(command)
        except RemoteProtocolError as error:
            logger.warning("%s sent what is no frame: %s", self.peer, error)
            self.close(str(error))
        finally:
            self._flush()

    def pause_writing(self) -> None:
        """Hold frames back until the transport has placed what it has."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """Go on with what was held back."""
        self._writing_paused = False
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everyone who waits, then everyone who asked to be told."""
        self._end(str(exc) if exc else self._why_closed)
        self._idle_timer.cancel()
        for callback in self.on_close:
            callback(self)
        self.gone.set_result(None)

    # How it is done.

    def _require_open(self) -> None:
        if self.is_closed:
            raise SendError(f"connection to {self.peer} ended: {self._why_closed}")

    def _put(self, command: Command, *, alone: bool = False) -> None:
        """Put a command into the outbox; one that is alone there has nobody to wait for."""
        if self.is_closed:
            return
        self._outbox.append(encode(command))
        self._frames += 1
        if alone:
            self._flush()
        elif not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if self._writing_paused or not self._outbox or self._transport.is_closing():
            return
        frames, self._outbox = self._outbox, []
        self._frames_written += len(frames)
        self._touched = self._loop.time()
        self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))

    def _settle(self, reply: Command) -> None:
        waiting = self._waiting.pop(reply.opaque, None)
        # Its asker may have been cancelled, and then nobody misses it.
        if waiting is not None and not waiting.reply.done():
            waiting.reply.set_result(reply)

    def _serve(self, command: Command) -> None:
        try:
            answer = self._handler(command, self)
        except Exception as error:  # noqa: BLE001 - the peer is owed an answer, whatever broke
            answer = explain(command, error)
        if answer is LATER:
            self._owed += 1
        elif answer is None or isinstance(answer, Command):
            self._answer(command, answer)
        else:
            task = asyncio.ensure_future(answer, loop=self._loop)
            self._answering[task] = None
            task.add_done_callback(partial(self._answer_late, command))

    def _answer_late(self, command: Command, task: asyncio.Future[Command | None]) -> None:
        del self._answering[task]
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._answer(command, task.result())
        elif isinstance(error, Exception):
            self._answer(command, explain(command, error))
        else:
            raise error

    def _answer(self, command: Command, answer: Command | None) -> None:
        if answer is not None and not command.is_oneway:
            self.send(answer)

    def _wake_by(self, due_s: float) -> None:
        """See to it that the alarm goes off by then; nearly every request is answered before.

        So there is one for all: it goes off for the oldest of them, and is set again for the next.
        """
        if self._alarm is not None:
            if self._alarm.when() <= due_s:
                return
            self._alarm.cancel()
        self._alarm = self._loop.call_at(due_s, self._look_for_time_outs)

    def _look_for_time_outs(self) -> None:
        self._alarm = None
        by_s = self._loop.time() + ALARM_EARLY_S
        waiting = [one for one in self._waiting.values() if not one.reply.done()]
        for one in waiting:
            if one.due_s <= by_s:
                self._time_out(one)
                return
        if waiting:
            self._wake_by(min(one.due_s for one in waiting))

    def _time_out(self, waiting: _Waiting) -> None:
        why = f"no answer from {self.peer} in {waiting.timeout_ms:.0f} ms"
        waiting.reply.set_exception(self._failure(waiting, RemotingTimeoutError(why)))
        self.abort(why)

    def _failure(self, waiting: _Waiting, if_sent: RemotingError) -> RemotingError:
        return if_sent if waiting.number < self._frames_written else SendError(str(if_sent))

    def _end(self, why: str) -> None:
        """Fail every request that waits; from now on the connection is closed."""
        if self.is_closed:
            return
        self.is_closed = True
        self._why_closed = why
        if self._alarm is not None:
            self._alarm.cancel()
        waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            if not one.reply.done():
                lost = ClosedError(f"connection to {self.peer} ended: {why}")
                one.reply.set_exception(self._failure(one, lost))

    def _watch_idleness(self) -> None:
        idle_s = self._loop.time() - self._touched
        left_s = self._idle_ms / 1000 - idle_s
        if left_s <= 0:
            # To close would be to wait until its peer has read everything.
            self.abort(f"idle for {self._idle_ms} ms")
        else:
            self._idle_timer = self._loop.call_later(left_s, self._watch_idleness)


def _address(name: object) -> str:
    if isinstance(name, tuple) and len(name) >= 2:
        return f"{name[0]}:{name[1]}"
    return str(name) if name else "unknown"
