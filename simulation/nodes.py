"""The nodes of the simulated world, with the verbs of ``nemesis.targets.Node``.

A node is a host, a disk that outlives its processes, a clock that a nemesis may shift, and a
recipe for the broker or name server that runs on it: the very classes that ``python -m broker``
runs, given simulated ports. What a SIGKILL is depends on the disk: with a volatile one it is a
power cut, and nothing is left of what was not synced.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from random import Random
from typing import Protocol

from broker.config import BrokerConfig, NameServerConfig
from broker.logging import EventLog
from broker.nameserver.server import NameServer
from broker.ports import Ports
from broker.server import Broker
from nemesis.targets import Controls, NodeEnds, TargetError
from simulation.disk import SimulatedDisk
from simulation.hosts import Host, HostDiedError
from simulation.network import Fabric, SimulatedNetwork
from simulation.stores import as_text

__all__ = ["EPOCH_MS", "SimulatedClock", "SimulatedControls", "SimulatedNode"]

EPOCH_MS = 1_767_225_600_000
"""When virtual time begins, by every node's wall clock: the first second of 2026, UTC."""

START_S_MAX = 60.0


class _Server(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class SimulatedClock:
    """A wall clock over virtual time, ahead or behind, too fast or too slow as it is told."""

    def __init__(self) -> None:
        self._offset_ms = 0.0
        self._skew_ppm = 0
        self._skewed_since_s = 0.0

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        now_s = asyncio.get_running_loop().time()
        off_ms = self._offset_ms
        if self._skew_ppm:
            off_ms += (now_s - self._skewed_since_s) * self._skew_ppm / 1e3
        return EPOCH_MS + int(now_s * 1e3 + off_ms)

    def shift(self, offset_ms: int, skew_ppm: int) -> None:
        """Be this far off from now on, and drift by so much."""
        self._offset_ms = offset_ms
        self._skew_ppm = skew_ppm
        self._skewed_since_s = asyncio.get_running_loop().time()


class SimulatedNode:
    """One node of the cluster, dead or alive."""

    def __init__(
        self,
        name: str,
        properties: str,
        fabric: Fabric,
        rng: Random,
        *,
        volatile: bool,
        log: Callable[[str], object],
    ) -> None:
        self.host = Host(name)
        self.disk = SimulatedDisk(Random(rng.random()))  # noqa: S311 -- all chance is seeded
        self.clock = SimulatedClock()
        self.controls = SimulatedControls(self)
        self.server: _Server | None = None
        self.properties = properties
        self.overridden: dict[str, str] = {}  # by an operator, from the next start on
        self.kept: dict[str, bytes] | None = None  # a copy of its disk
        self._fabric = fabric
        self._rng = rng
        self._volatile = volatile
        self._log = log
        self._stopping: asyncio.Event
        self._main: asyncio.Task[None]
        self.disk.use_clock(self.clock.now_ms)

    @property
    def name(self) -> str:
        """``nameserver``, ``master`` or ``slave``."""
        return self.host.name

    @property
    def volatile(self) -> bool:
        """Whether a kill is a power cut."""
        return self._volatile

    def pid(self) -> int | None:
        """Return the number of the running process, which is never used again."""
        return None if self.host.process is None else self.host.process.number

    def paused(self) -> bool:
        """Whether it is frozen."""
        return self.host.paused

    async def start(self) -> None:
        """Start it and wait until it serves."""
        if self.host.process is not None:
            return
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stopping = asyncio.Event()
        self._main = self.host.spawn(self._serve(ready), "main")
        died = asyncio.ensure_future(self.host.died())
        try:
            async with asyncio.timeout(START_S_MAX):
                await asyncio.wait({ready, died}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError as error:
            raise TargetError(f"{self.name} does not serve after {START_S_MAX} s") from error
        finally:
            died.cancel()
        if not ready.done():
            raise TargetError(f"{self.name} died before it served")
        if (why := ready.exception()) is not None:
            self._die(power=False)
            raise TargetError(f"{self.name} cannot start: {why}") from why

    async def stop(self) -> None:
        """Ask it to stop cleanly and wait for its end."""
        if self.host.process is None:
            return
        self._stopping.set()
        with suppress(Exception):
            await self._main
        self._die(power=False)

    async def kill(self) -> None:
        """End it at once; with a volatile disk the power goes with it."""
        if self.host.process is not None:
            self.crash()

    def crash(self) -> None:
        """Die between two steps, or in the middle of one at a crash point."""
        self._die(power=self._volatile)

    async def pause(self) -> None:
        """Freeze it."""
        self.host.pause()

    async def resume(self) -> None:
        """Let it go on."""
        self.host.resume()

    async def ends(self) -> NodeEnds:
        """Read the broker's log ends; nothing of a dead or frozen node, nor of a name server."""
        process = self.host.process
        if process is not None and process.runs and isinstance(self.server, Broker):
            log = self.server.state.store.log
            return NodeEnds(log.end, log.flushed)
        return NodeEnds(None, None)

    async def _serve(self, ready: "asyncio.Future[None]") -> None:
        """Be the node's process: start, say so, wait to be stopped, stop."""
        try:
            self.server = self._make()
            await self.server.start()
        except Exception as error:  # noqa: BLE001 -- whatever it was, who starts it must know
            ready.set_exception(error)
            ready.exception()  # who waits for it is told; a world that is over waits no longer
            return
        ready.set_result(None)
        await self._stopping.wait()
        await self.server.stop()

    def _make(self) -> _Server:
        ports = Ports(
            SimulatedNetwork(self._fabric, self.host),
            self.disk,
            self.clock,
            Random(self._rng.random()),  # noqa: S311 -- all chance is seeded
            self._reached,
        )
        log = EventLog(self._log, self.clock, node=self.name)
        if self.name == "nameserver":
            return NameServer(NameServerConfig.parse(self.properties, self.name), ports, log)
        config = _broker_config(self.properties, self.name, as_text(self.overridden))
        return Broker(config, ports, log)

    def _reached(self, crash_point: str) -> None:
        if self.controls.take(crash_point):
            self.crash()
            raise HostDiedError(f"{self.name} died at {crash_point}")

    def _die(self, *, power: bool) -> None:
        self.host.die()
        self._fabric.crashed(self.host, power=power)
        if power:
            self.disk.cut_power()


@lru_cache(64)
def _broker_config(properties: str, name: str, overridden: str) -> BrokerConfig:
    """Read a broker's configuration: a few texts, over thousands of runs."""
    return BrokerConfig.parse(properties, name).updated(overridden)


class SimulatedControls:
    """The testing hooks of one node; what is asked is in force at once."""

    def __init__(self, node: SimulatedNode) -> None:
        self._node = node
        self._wanted = Controls()

    async def set(self, controls: Controls) -> None:
        """Ask for exactly this."""
        before, self._wanted = self._wanted, controls
        disk = self._node.disk
        disk.full = controls.disk_full
        disk.slow_ms = controls.fsync_delay_ms
        disk.failing = controls.fsync_fails
        shift = (controls.clock_offset_ms, controls.clock_skew_ppm)
        if shift != (before.clock_offset_ms, before.clock_skew_ppm):
            self._node.clock.shift(*shift)

    async def wanted(self) -> Controls:
        """Return what was last asked for."""
        return self._wanted

    async def applied(self) -> Controls | None:
        """Return what is in force on the running node."""
        return self._wanted if self._node.host.process is not None else None

    def take(self, crash_point: str) -> bool:
        """Whether the node is to die here, which it does once."""
        if self._wanted.crash_point != crash_point:
            return False
        self._wanted = replace(self._wanted, crash_point="")
        return True
