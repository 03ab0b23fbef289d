"""A cluster in memory: the ports of nemesis.targets, whole, and whatever effect may fail.

``World.fail_at`` makes the Nth effect raise, once or for ever; ``run`` gives a coroutine an event
loop whose clock jumps to the next timer, so that a schedule of an hour takes no time.
"""

import asyncio
import itertools
import selectors
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from nemesis.targets import (
    Controls,
    CutMode,
    LinkState,
    NodeEnds,
    Stream,
    TargetError,
)
from nemesis.topology import LINKS, listener_of

ResultT = TypeVar("ResultT")


class _Jump(selectors.DefaultSelector):  # type: ignore[valid-type,misc]
    """Never waits: what would have been waited is added to the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "every task waits for ever"
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = _Jump()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now


def run(coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)


class World:
    """Nodes, links and everything optional; counts its effects, and fails those it is told to."""

    def __init__(self, *, volatile: bool = False, optional: bool = True) -> None:
        self.effects: list[str] = []
        self.failing: Callable[[int, str], bool] = lambda _number, _what: False
        self.pids = itertools.count(100)
        self.controls = {name: FakeControls(self, name) for name in ("master", "slave")}
        self.nodes = {
            name: FakeNode(self, name, volatile and name != "nameserver")
            for name in ("nameserver", "master", "slave")
        }
        self.links = {name: FakeLink(self, name) for name in LINKS}
        self.stores = {name: FakeStore(self, name) for name in ("master", "slave")}
        self.settings = {name: FakeSettings(self, name) for name in ("master", "slave")}
        self.clients = FakeClients(self)
        if not optional:
            self.controls, self.stores, self.settings = {}, {}, {}
            self.clients = None  # type: ignore[assignment]

    def now_ns(self) -> int:
        return round(asyncio.get_running_loop().time() * 1e9)

    async def effect(self, what: str, seconds: float = 0.01) -> None:
        self.effects.append(what)
        if self.failing(len(self.effects), what):
            raise TargetError(f"{what}: made to fail")
        await asyncio.sleep(seconds)

    def sound(self) -> bool:
        """Whether nothing is broken any more."""
        return (
            all(node.serving and not node.frozen for node in self.nodes.values())
            and all(link.enabled and not link.toxics for link in self.links.values())
            and all(controls.now == Controls() for controls in self.controls.values())
            and all(not settings.running for settings in self.settings.values())
        )


class FakeNode:
    def __init__(self, world: World, name: str, volatile: bool) -> None:
        self.world, self.name, self.volatile = world, name, volatile
        self.frozen = False
        self.serving = True
        self.number: int | None = next(world.pids)
        self.end = 1000

    def pid(self) -> int | None:
        controls = self.world.controls.get(self.name)
        if controls and controls.now.crash_point and self.serving:
            self.number, self.serving = None, False  # there is traffic, so it is reached at once
        return self.number

    def paused(self) -> bool:
        return self.frozen

    async def start(self) -> None:
        if self.number is not None and self.serving:
            return
        self.number = next(self.world.pids)
        await self.world.effect(f"start {self.name}", 0.3)
        if self.number is None:
            raise TargetError(f"{self.name} ended before it served")
        controls = self.world.controls.get(self.name)
        if controls and controls.now.crash_point:
            self.number = None
            raise TargetError(f"{self.name} ended before it served")
        self.serving = True
        if self.name in self.world.settings:
            self.world.settings[self.name].running = self.world.settings[self.name].wanted
        if self.name in self.world.stores:
            self.world.stores[self.name].fill(1000)  # there is traffic, and replication

    async def stop(self) -> None:
        await self.world.effect(f"stop {self.name}", 0.1)
        self.number, self.serving = None, False

    async def kill(self) -> None:
        await self.world.effect(f"kill {self.name}")
        self.number, self.serving, self.frozen = None, False, False

    async def pause(self) -> None:
        await self.world.effect(f"pause {self.name}")
        self.frozen = self.number is not None

    async def resume(self) -> None:
        await self.world.effect(f"resume {self.name}")
        self.frozen = False

    async def ends(self) -> NodeEnds:
        assert self.number is not None, "the dead are not asked"
        assert not self.frozen, "nor are the frozen"
        if self.name == "nameserver" or not self.serving:
            return NodeEnds(None, None)
        return NodeEnds(self.end, self.end - 10)


class FakeLink:
    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.enabled = True
        self.toxics: dict[str, dict[str, Any]] = {}

    async def change(self, what: str) -> None:
        assert not any(
            node.frozen and node.name == listener_of(self.name)
            for node in self.world.nodes.values()
        ), "the proxy of a frozen node may wedge toxiproxy"
        await self.world.effect(f"{what} {self.name}", 0.002)

    async def cut(self, mode: CutMode, stream: Stream) -> None:
        await self.change(f"cut {mode} {stream}")
        if mode is CutMode.REFUSE:
            if stream is not Stream.BOTH:
                raise ValueError("one-way refuse")
            self.enabled = False
            return
        kinds = {"blackhole": ["timeout"], "stall": ["bandwidth"]}.get(
            mode, ["bandwidth", "slow_close"]
        )
        sides = ["upstream", "downstream"] if stream is Stream.BOTH else [str(stream)]
        for kind in kinds:
            for side in sides:
                self.toxics[f"{kind}_{side}"] = {"type": kind, "stream": side, "attributes": {}}

    async def add_toxic(self, name: str, kind: str, stream: Stream, **attributes: int) -> None:
        await self.change(f"add {kind}")
        sides = ["upstream", "downstream"] if stream is Stream.BOTH else [str(stream)]
        for side in sides:
            self.toxics[f"{name}_{side}"] = {
                "type": kind,
                "stream": side,
                "attributes": dict(attributes),
            }

    async def heal(self) -> None:
        await self.change("heal")
        self.enabled, self.toxics = True, {}

    async def cycle(self) -> None:
        await self.change("cycle")

    async def state(self) -> LinkState:
        return LinkState(self.enabled, dict(self.toxics))

    async def probe(self, timeout_ms: int) -> str:
        if not self.enabled:
            return "refused"
        if not self.world.nodes[listener_of(self.name)].serving:
            return "closed"
        if any(toxic["type"] in ("timeout", "bandwidth") for toxic in self.toxics.values()):
            await asyncio.sleep(timeout_ms / 1000)
            return "silent"
        return "answers"


class FakeControls:
    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.now = Controls()

    async def set(self, controls: Controls) -> None:
        await self.world.effect(f"controls {self.name}")
        self.now = controls

    async def wanted(self) -> Controls:
        return self.now

    async def applied(self) -> Controls | None:
        return self.now if self.world.nodes[self.name].serving else None


class FakeStore:
    """One commit log in two files of 600 bytes each, and a consume queue."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.contents: dict[str, bytearray] = {}
        self.kept: dict[str, bytearray] = {}
        self.fill(1000)

    def fill(self, end: int) -> None:
        log = bytes(1 + place % 255 for place in range(end))
        self.contents = {
            f"commitlog/{begin:020d}": bytearray(log[begin : begin + 600])
            for begin in range(0, end, 600)
        }
        self.contents["consumequeue/T/0/00000000000000000000"] = bytearray(b"q" * 40)

    def end(self) -> int:
        return sum(len(data) for path, data in self.contents.items() if "commitlog" in path)

    def down(self) -> None:
        self.world.effects.append(f"files {self.name}")
        assert not self.world.nodes[self.name].serving, "files change only while the node is down"

    def files(self) -> Sequence[str]:
        return sorted(self.contents)

    def size(self, path: str) -> int:
        return len(self.contents[path])

    def read(self, path: str, position: int, size: int) -> bytes:
        return bytes(self.contents[path][position : position + size])

    def write(self, path: str, position: int, data: bytes) -> None:
        self.down()
        self.contents[path][position : position + len(data)] = data

    def truncate(self, path: str, size: int) -> None:
        self.down()
        del self.contents[path][size:]

    def clear(self) -> None:
        self.down()
        self.contents = {}

    def snapshot(self) -> None:
        self.down()
        self.kept = {path: bytearray(data) for path, data in self.contents.items()}

    def restore(self) -> None:
        self.down()
        self.contents = {path: bytearray(data) for path, data in self.kept.items()}


OWN = {"startAcceptSendRequestTimeStamp": "0", "brokerPermission": "6"}
"""What a broker goes by that was told nothing else."""


class FakeSettings:
    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.wanted: Mapping[str, str] = {}
        self.running: Mapping[str, str] = {}

    async def override(self, properties: Mapping[str, str]) -> None:
        await self.world.effect(f"override {self.name}")
        self.wanted = dict(properties)

    async def reload(self, properties: Mapping[str, str]) -> None:
        await self.world.effect(f"reload {self.name}")
        changed = {**self.running, **properties}
        self.running = {key: value for key, value in changed.items() if OWN.get(key) != value}

    async def effective(self) -> Mapping[str, str] | None:
        if not self.world.nodes[self.name].serving:
            return None
        role = "SLAVE" if self.name == "slave" else "ASYNC_MASTER"
        return {"brokerRole": role, **OWN, **self.running}


class FakeClients:
    def __init__(self, world: World) -> None:
        self.world = world
        self.served: Callable[[int], int] = lambda now_ns: now_ns

    @property
    def served_ns(self) -> dict[str, int]:
        return dict.fromkeys(("send", "pull"), self.served(self.world.now_ns()))

    async def crash(self, count: int) -> Sequence[str]:
        await self.world.effect("crash clients")
        return [f"process {number}" for number in range(count)]


class Recorded:
    """The nemesis ops of a run, as the conductor's callback gets them."""

    def __init__(self) -> None:
        self.ops: list[Any] = []

    def __call__(self, f: str, fault: Any) -> None:
        assert f == fault.name
        self.ops.append(fault)

    def proofs(self, phase: str) -> list[Any]:
        return [op for op in self.ops if op.phase == phase and op.bit is not None]


__all__ = ["Recorded", "VirtualLoop", "World", "run"]
