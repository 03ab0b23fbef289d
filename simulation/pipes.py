"""One direction of a connection: bytes go in at one end and come out at the other, in order, later.

What happens to a chunk on its way is decided by the toxics of the link, with toxiproxy's meaning
(spec/toxiproxy.md, A4), each time the chunk at the head of the pipe is looked at:

    toxic       a chunk                                   a FIN
    (none)      arrives after the base latency            likewise, behind the data
    latency     arrives that much later                   not delayed by itself
    bandwidth   rate 0: is held; else paced               waits only behind held data
    timeout     is dropped                                passes
    slow_close  passes                                    is delayed
    limit_data  passes up to N bytes a connection,        passes
                then the connection closes
    slicer      arrives in pieces                         passes
    reset_peer  closes the connection with a reset        likewise

Toxics apply to what is still in the pipe at once, and when they change every pipe of the link is
looked at again. The decision is pure (``fate``); the pipe carries it out with one timer.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

__all__ = ["Fate", "Packet", "Pipe", "fate"]

Toxics = Mapping[str, Mapping[str, Any]]

_WORLD = contextvars.Context()
"""Bytes under way belong to no host: they arrive though their sender has died since."""


Packet: TypeAlias = tuple[bytes | None, float]
"""A chunk under way (None: the FIN), and when it is due, in virtual seconds, over the bare network.

A plain tuple: a run makes one for every chunk.
"""


class Fate(NamedTuple):
    """What becomes of the packet at the head of a pipe."""

    arrive_at: float | None = None  # None: held until the toxics change
    drop: bool = False
    reset: bool = False
    cut_after: int | None = None  # deliver so many bytes of it, then close
    slice: int | None = None  # deliver in pieces of about this size


def fate(packet: Packet, toxics: Toxics, stream: str, passed: int) -> Fate:
    """Decide on a packet; ``passed`` bytes went through this pipe before it.

    >>> held = {"stall": {"type": "bandwidth", "stream": "upstream", "rate": 0}}
    >>> fate((b"x", 1.5), held, "upstream", 0).arrive_at is None
    True
    >>> fate((b"x", 1.5), held, "downstream", 0).arrive_at
    1.5
    """
    data, arrive_at = packet
    cut_after = slice_ = None
    for toxic in toxics.values():
        if toxic["stream"] != stream:
            continue
        match toxic["type"]:
            case "reset_peer":
                return Fate(arrive_at + toxic.get("timeout", 0) / 1e3, reset=True)
            case "slow_close" if data is None:
                arrive_at += toxic.get("delay", 0) / 1e3
            case "timeout" if data is not None:
                return Fate(arrive_at, drop=True)
            case "bandwidth" if data is not None:
                if toxic.get("rate", 0) == 0:
                    return Fate()
                arrive_at += len(data) / (toxic["rate"] * 1e3)
            case "latency" if data is not None:
                arrive_at += toxic.get("latency", 0) / 1e3
            case "limit_data" if data is not None:
                left = max(toxic.get("bytes", 0) - passed, 0)
                cut_after = left if left <= len(data) else cut_after
            case "slicer" if data is not None:
                slice_ = max(toxic.get("average_size", 1), 1)
    return Fate(arrive_at, cut_after=cut_after, slice=slice_)


class Pipe:
    """A queue of packets, moved on by one timer; ``deliver`` and ``finish`` are the far end."""

    def __init__(
        self,
        stream: str,
        toxics: Toxics,
        deliver: Callable[[bytes], None],
        finish: Callable[[bool], None],
    ) -> None:
        self.stream = stream
        self.queued = 0  # bytes not yet delivered
        self.on_drained: Callable[[], None] = lambda: None
        self._loop = asyncio.get_running_loop()
        self._toxics = toxics  # those in force at any time
        self._deliver = deliver
        self._finish = finish  # called once, with whether it was a reset
        self._packets: deque[Packet] = deque()
        self._passed = 0
        self._last_arrival = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    def send(self, data: bytes | None, latency_s: float) -> None:
        """Put in a chunk, or the FIN; what comes after the FIN is an error of ours."""
        if self._ended:
            return
        self._packets.append((data, self._loop.time() + latency_s))
        if data is not None:
            self.queued += len(data)
        if len(self._packets) == 1:  # else the head of the queue is waited for already
            self.look()

    def look(self) -> None:
        """Look at the head of the queue (again): a first packet came, or the toxics changed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._packets and not self._ended:
            packet = self._packets[0]
            arrive_at = self._fate(packet).arrive_at if self._toxics else packet[1]
            if arrive_at is not None:
                self._wait(arrive_at)

    def end(self, *, reset: bool) -> None:
        """Lose what is under way and tell the far end that the connection is gone."""
        if self._ended:
            return
        self._ended = True
        self._packets.clear()
        self.queued = 0
        if self._timer is not None:
            self._timer.cancel()
        self._finish(reset)

    def _fate(self, packet: Packet) -> Fate:
        return fate(packet, self._toxics, self.stream, self._passed)

    def _wait(self, arrive_at: float) -> None:
        if arrive_at < self._last_arrival:  # noqa: PLR1730 -- a call of max for every chunk
            arrive_at = self._last_arrival  # packets never overtake each other
        self._timer = self._loop.call_at(arrive_at, self._move_on, context=_WORLD)

    def _move_on(self) -> None:
        """Let all arrive whose time has come; the timer waits for the next."""
        self._timer = None
        now = self._last_arrival = self._loop.time()
        while self._packets and not self._ended:
            packet = self._packets[0]
            decided = self._fate(packet) if self._toxics else None
            arrive_at = packet[1] if decided is None else decided.arrive_at
            if arrive_at is None:
                return
            if arrive_at > now:
                self._wait(arrive_at)
                return
            self._packets.popleft()
            self._arrive(packet[0], decided)

    def _arrive(self, data: bytes | None, decided: Fate | None) -> None:
        """Hand a packet over as it was decided; None: no toxic had a say."""
        reset = decided is not None and decided.reset
        if data is None or reset:
            self.end(reset=reset)
            return
        self.queued -= len(data)
        self._passed += len(data)
        if decided is None:
            self._deliver(data)
        else:
            self._pass(data, decided)
        self.on_drained()

    def _pass(self, data: bytes, decided: Fate) -> None:
        if not decided.drop:
            whole = data if decided.cut_after is None else data[: decided.cut_after]
            step = decided.slice or len(whole) or 1
            for begin in range(0, len(whole), step):
                self._deliver(whole[begin : begin + step])
        if decided.cut_after is not None:
            self.end(reset=False)
