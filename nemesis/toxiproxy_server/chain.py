"""The toxics of one direction of one connection, one behind the other.

    entry -> [toxic] -> channel -> [toxic] -> channel -> exit

Bytes are fed into the entry and taken from the exit; ``advance`` moves all that can move. A
channel holds few chunks, so a toxic that waits stops those before it, and in the end the reader:
that is how a slow link slows its sender. Without toxics the entry is the exit.

Toxics come and go while bytes flow. Every change stops the toxic itself and the one before it,
sends on what they held, and starts them afresh, which draws their toxicity again. Nothing here
waits for anything, so no change can hang.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from random import Random

from nemesis.toxiproxy_server.pipes import (
    FIN,
    TIMED_OUT,
    Answer,
    Chunk,
    Pipe,
    Receive,
    Request,
    Send,
    Sleep,
    Stage,
    Toxic,
)
from nemesis.toxiproxy_server.toxics import KINDS, Kind
from nemesis.toxiproxy_server.toxics.noop import Noop

__all__ = ["CHUNK_SIZE", "Chain", "Channel", "Placed"]

CHUNK_SIZE = 32 * 1024


@dataclass(slots=True, eq=False)
class Placed:
    """A toxic that somebody added to a proxy: shared by all its connections, changed in place."""

    name: str
    type: str
    stream: str  # as it was spelled
    toxicity: float
    toxic: Toxic

    @property
    def kind(self) -> Kind:
        """What its type is like."""
        return KINDS[self.type]


@dataclass(slots=True)
class Channel:
    """Chunks on their way from one toxic to the next."""

    capacity: int = 1
    chunks: deque[Chunk] = field(default_factory=deque)
    closed: bool = False  # FIN comes after the last chunk

    @property
    def has_room(self) -> bool:
        """Whether a sender need not wait."""
        return len(self.chunks) < self.capacity

    @property
    def ended(self) -> bool:
        """Whether nothing will ever come out again."""
        return self.closed and not self.chunks


class _Runner:
    """One placed toxic at work between two channels."""

    __slots__ = ("pipe", "placed", "request", "sink", "source", "stage")

    def __init__(self, placed: Placed, source: Channel, sink: Channel, stage: Stage) -> None:
        self.placed = placed
        self.source = source
        self.sink = sink
        self.stage = stage
        self.pipe: Pipe | None = None
        self.request: Request = Receive()

    @property
    def wakes_at(self) -> float:
        """When time alone lets it go on."""
        if self.pipe is None or isinstance(self.request, Send) or self.request.until is None:
            return inf
        return self.request.until

    def start(self) -> None:
        """Begin afresh, with the toxic or, if the dice say so, without."""
        if self.pipe is not None or self.sink.closed:
            return
        spared = self.stage.rng.random() >= self.placed.toxicity
        toxic = Noop() if spared else self.placed.toxic
        self.pipe = toxic.pipe(self.stage)
        self._resume(None)

    def stop(self) -> bool:
        """Stop where it stands and send on what it holds; False if it has closed or will not."""
        while self.pipe is not None and isinstance(self.request, Send):
            self.sink.chunks.append(self.request.chunk)
            self._resume(None)
        if self.pipe is None:
            return not self.sink.closed
        if isinstance(self.request, Sleep):
            if self.request.firm:
                return False
            if self.request.held is not None and self.request.held.data:
                self.sink.chunks.append(self.request.held)
        self.pipe.close()
        self.pipe = None
        return True

    def run(self) -> bool:
        """Go on until it must wait; tell whether it moved at all."""
        moved = False
        while self.pipe is not None and self._may_go_on():
            self._resume(self._answer())
            moved = True
        return moved

    def _may_go_on(self) -> bool:
        match self.request:
            case Send():
                return self.sink.has_room
            case Sleep(until=until):
                return self.stage.now >= until
            case Receive(until=until):
                timed_out = until is not None and self.stage.now >= until
                return bool(self.source.chunks) or self.source.closed or timed_out

    def _answer(self) -> Answer:
        match self.request:
            case Send(chunk=chunk):
                self.sink.chunks.append(chunk)
                return None
            case Sleep():
                return None
            case Receive():
                if self.source.chunks:
                    return self.source.chunks.popleft()
                return FIN if self.source.closed else TIMED_OUT

    def _resume(self, answer: Answer) -> None:
        assert self.pipe is not None, "only a running toxic can go on"
        try:
            self.request = self.pipe.send(answer)
        except StopIteration:
            self.pipe = None
            self.sink.closed = True


class Chain:
    """A row of toxics, with a way in and a way out."""

    __slots__ = ("_entry", "_rng", "_runners", "exit")

    def __init__(self, toxics: Iterable[Placed], rng: Random, now: float) -> None:
        self.exit = Channel()
        self._entry = self.exit
        self._rng = rng
        self._runners: list[_Runner] = []
        for placed in toxics:
            self.add(placed, now)

    @property
    def is_plain(self) -> bool:
        """Whether bytes may pass it by."""
        return self._entry is self.exit and not self.exit.chunks

    @property
    def wants_bytes(self) -> bool:
        """Whether the reader may read on."""
        return self._entry.has_room and not self._entry.closed

    @property
    def wakes_at(self) -> float:
        """When to call ``advance`` though nothing came; ``inf`` for never."""
        return min((runner.wakes_at for runner in self._runners), default=inf)

    def feed(self, data: bytes, now: float) -> None:
        """Take in what was read."""
        assert not self._entry.closed, "nothing is read after FIN"
        for start in range(0, len(data), CHUNK_SIZE):
            self._entry.chunks.append(Chunk(data[start : start + CHUNK_SIZE], now))

    def finish(self) -> None:
        """Take in FIN."""
        self._entry.closed = True

    def advance(self, now: float) -> None:
        """Move everything that can move."""
        for runner in self._runners:
            runner.stage.now = now
        moved = True
        while moved:
            moved = False
            for runner in reversed(self._runners):
                moved |= runner.run()

    def add(self, placed: Placed, now: float) -> None:
        """Put a toxic at the end."""
        source = Channel(placed.kind.capacity)
        last = self._runners[-1] if self._runners else None
        if last is not None:
            last.stop()
            last.sink = source
        else:
            self._entry = source
        # What is past the old end is past this toxic too, and so is a FIN.
        source.closed = self.exit.closed

        runner = _Runner(placed, source, self.exit, Stage(now, self._rng))
        self._runners.append(runner)
        self._restart(last, now)
        self._restart(runner, now)

    def update(self, placed: Placed, now: float) -> None:
        """Let a toxic whose attributes have changed begin afresh."""
        runner = self._find(placed)
        if runner is not None and runner.stop():
            self._restart(runner, now)

    def remove(self, placed: Placed, now: float) -> None:
        """Take a toxic out; what waits before it goes on at once."""
        runner = self._find(placed)
        if runner is None or not runner.stop():
            return  # It has closed the way, or is about to, and nothing can undo that.
        if placed.kind.closes_when_removed:
            runner.sink.closed = True
            return

        place = self._runners.index(runner)
        before = self._runners[place - 1] if place else None
        if before is not None:
            before.stop()
        runner.sink.chunks.extend(runner.source.chunks)
        runner.sink.closed = runner.source.closed
        if before is not None:
            before.sink = runner.sink
        else:
            self._entry = runner.sink
        del self._runners[place]
        self._restart(before, now)

    def _restart(self, runner: _Runner | None, now: float) -> None:
        if runner is not None:
            runner.stage.now = now
            runner.start()

    def _find(self, placed: Placed) -> _Runner | None:
        return next((runner for runner in self._runners if runner.placed is placed), None)
