"""A toxiproxy server of the suite's own: the real one where it is installed, else the embedded.

    ToxiproxyServer   a process, the proxies it should have, and their rebuilding
    Proxy             one proxy: what is wanted of it, what is read back

Each change is first noted as wanted, then carried out, then read back: what differs is an error.
A server that does not answer (spec/toxiproxy.md, A6: one paused receiver can wedge it for good)
is killed, started again and given everything that is wanted; its connections are lost, and
``restarts`` tells.

Toxics of a live proxy are changed in place. Where a backlog may have piled up before a receiver
that does not read, say ``while_disabled``: off, change, on, which never wedges but ends every
connection. And let no paused node's proxies be changed while it is paused.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from time import monotonic

from nemesis.processes import Process
from nemesis.proxy_plan import Step, Verb, in_order, plan
from nemesis.toxiproxy_client import (
    TIMEOUT_SECONDS,
    ProxySpec,
    ToxicSpec,
    ToxiproxyClient,
    ToxiproxyError,
    ToxiproxyUnansweredError,
)

__all__ = [
    "Kind",
    "Proxy",
    "ProxySpec",
    "ToxicSpec",
    "ToxiproxyError",
    "ToxiproxyServer",
    "ToxiproxyUnansweredError",
    "cached_executable",
    "find_executable",
]

HOST = "127.0.0.1"
READY_MS_MAX = 30_000
STOP_MS_MAX = 2_000
POLL_SECONDS = 0.01


class Kind(StrEnum):
    """Which toxiproxy runs; recorded with each run."""

    REAL = "real"
    EMBEDDED = "embedded"


def cached_executable(environ: Mapping[str, str] = os.environ) -> Path:
    """Say where ``make toxiproxy`` puts the real server."""
    cache = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "mqhavoc" / "bin" / "toxiproxy-server"


def find_executable(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Find the real server: TOXIPROXY_SERVER, then PATH, then the cache; None if there is none."""
    named = environ.get("TOXIPROXY_SERVER")
    if named:
        if shutil.which(named) is None:
            raise ToxiproxyError(f"expected TOXIPROXY_SERVER to be a program, found {named!r}")
        return Path(named)
    on_path = shutil.which("toxiproxy-server", path=environ.get("PATH"))
    if on_path:
        return Path(on_path)
    cached = cached_executable(environ)
    return cached if os.access(cached, os.X_OK) else None


class ToxiproxyServer:
    """One server process on a port below 32768, and what it should be doing."""

    def __init__(
        self,
        port: int,
        *,
        log: Path,
        executable: Path | None = None,
        timeout_s: float = TIMEOUT_SECONDS,
    ) -> None:
        self.port = port
        self.log = log
        self.kind = Kind.EMBEDDED if executable is None else Kind.REAL
        self.version = ""  # as it says itself; "git" if built by `go install`
        self.restarts: list[str] = []  # the reason for each
        self._executable = executable
        self._client = ToxiproxyClient(HOST, port, timeout_s)
        self._process: Process | None = None
        self._wanted: dict[str, ProxySpec] = {}
        self._lock = asyncio.Lock()

    @classmethod
    def found(cls, port: int, *, log: Path) -> "ToxiproxyServer":
        """Take the real one if it can be found, else the embedded one."""
        return cls(port, log=log, executable=find_executable())

    @property
    def pid(self) -> int | None:
        """The running process, or None."""
        return self._process.pid if self._process is not None and self._process.alive else None

    @property
    def wanted(self) -> Mapping[str, ProxySpec]:
        """What each proxy should be, by name."""
        return self._wanted

    async def start(self) -> None:
        """Start it and wait until it answers."""
        if self.pid is not None:
            return
        _refuse_if_taken(self.port)
        command = _command(self._executable, self.port)
        self._process = Process(command, log=self.log, env={"LOG_LEVEL": "warn"})
        deadline = monotonic() + READY_MS_MAX / 1000
        while not await _is_listening(self.port):
            if not self._process.alive or monotonic() > deadline:
                self._process.end()
                raise ToxiproxyError(
                    f"toxiproxy did not start on port {self.port}; "
                    f"{self.log.name} says: {self._process.tail()}"
                )
            await asyncio.sleep(POLL_SECONDS)
        self.version = await asyncio.to_thread(self._client.version)

    async def stop(self) -> None:
        """End it, by force if it hangs, and forget its proxies."""
        self._wanted.clear()
        await self._end()
        self._client.close()

    async def restart(self, reason: str) -> None:
        """Kill it, start it again, and give it all that is wanted."""
        self.restarts.append(reason)
        if self._process is not None:
            self._process.end()
        await self.start()
        for spec in self._wanted.values():
            await asyncio.to_thread(self._client.create, spec)

    async def create(self, spec: ProxySpec) -> "Proxy":
        """Make a proxy, toxics and all."""
        async with self._lock:
            self._wanted[spec.name] = spec
            try:
                await self._carry_out(lambda: self._client.create(spec))
                await self._check(spec)
            except ToxiproxyError:
                del self._wanted[spec.name]
                raise
        return Proxy(self, spec.name)

    async def destroy(self, name: str) -> None:
        """Remove a proxy."""
        async with self._lock:
            del self._wanted[name]
            await self._carry_out(lambda: self._client.destroy(name))

    async def read(self, name: str) -> ProxySpec:
        """Read a proxy back; a server that does not answer is restarted first."""
        async with self._lock:
            return await self._read(name)

    async def become(self, wanted: ProxySpec, *, while_disabled: bool = False) -> None:
        """Change a proxy's toxics and whether it is enabled, and read back that it is so."""
        async with self._lock:
            before = self._wanted[wanted.name]
            steps = plan(before, wanted, while_disabled=while_disabled)
            self._wanted[wanted.name] = wanted = in_order(before, wanted)
            try:
                await self._carry_out(lambda: self._take(wanted.name, steps))
            except ToxiproxyError:
                # Half done, perhaps: what it is now is what a restart should make it.
                self._wanted[wanted.name] = await self._read(wanted.name)
                raise
            await self._check(wanted)

    async def cycle(self, name: str) -> None:
        """Disable and enable a proxy, so that every connection through it ends."""
        wanted = self._wanted[name]
        await self.become(replace(wanted, enabled=False))
        await self.become(wanted)

    def end(self) -> None:
        """Kill it without awaiting anything."""
        if self._process is not None:
            self._process.end()

    def _take(self, name: str, steps: Sequence[Step]) -> None:
        for step in steps:
            match step:
                case Step(Verb.DISABLE | Verb.ENABLE as verb):
                    self._client.enable(name, enabled=verb is Verb.ENABLE)
                case Step(Verb.REMOVE, toxic_name):
                    self._client.remove_toxic(name, toxic_name)
                case Step(Verb.ADD, toxic_name, ToxicSpec() as toxic):
                    self._client.add_toxic(name, toxic_name, toxic)

    async def _carry_out(self, act: Callable[[], None]) -> None:
        acting = asyncio.ensure_future(asyncio.to_thread(act))
        try:
            await asyncio.shield(acting)
        except ToxiproxyUnansweredError as error:
            await self.restart(str(error))
        except asyncio.CancelledError:
            # The thread goes on all the same; whoever comes next must find its work done.
            await asyncio.gather(acting, return_exceptions=True)
            raise

    async def _read(self, name: str) -> ProxySpec:
        try:
            return await asyncio.to_thread(self._client.read, name)
        except ToxiproxyUnansweredError as error:
            await self.restart(str(error))
            return await asyncio.to_thread(self._client.read, name)

    async def _check(self, wanted: ProxySpec) -> None:
        found = await self._read(wanted.name)
        # "localhost:N" is read back as a number, and attributes not given as their defaults.
        if found.enabled != wanted.enabled or not _covers(found.toxics, wanted.toxics):
            raise ToxiproxyError(f"expected proxy {wanted}, read back {found}")

    async def _end(self) -> None:
        process = self._process
        if process is None or not process.alive:
            return
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGCONT)
        if not await process.wait(STOP_MS_MAX):
            process.end()


class Proxy:
    """A handle on one proxy of a server."""

    def __init__(self, server: ToxiproxyServer, name: str) -> None:
        self._server = server
        self.name = name

    @property
    def wanted(self) -> ProxySpec:
        """What it should be."""
        return self._server.wanted[self.name]

    @property
    def kind(self) -> Kind:
        """Whether the real toxiproxy serves it."""
        return self._server.kind

    async def read(self) -> ProxySpec:
        """Read back what it is."""
        return await self._server.read(self.name)

    async def enable(self) -> None:
        """Listen, and pass on."""
        await self._server.become(replace(self.wanted, enabled=True))

    async def disable(self) -> None:
        """Refuse connections and end those that are there."""
        await self._server.become(replace(self.wanted, enabled=False))

    async def cycle(self) -> None:
        """Disable and enable it."""
        await self._server.cycle(self.name)

    async def set_toxics(
        self, toxics: Mapping[str, ToxicSpec], *, while_disabled: bool = False
    ) -> None:
        """Have exactly these toxics."""
        wanted = replace(self.wanted, toxics=dict(toxics))
        await self._server.become(wanted, while_disabled=while_disabled)

    async def add_toxic(
        self, name: str, type: str, stream: str = "downstream", **attributes: int
    ) -> None:
        """Add a toxic, or change the one of this name."""
        toxic = ToxicSpec(type, stream, attributes)
        await self.set_toxics({**self.wanted.toxics, name: toxic})

    async def remove_toxic(self, name: str) -> None:
        """Remove a toxic; one that is not there is a KeyError."""
        toxics = dict(self.wanted.toxics)
        del toxics[name]
        await self.set_toxics(toxics)

    async def become(self, *, enabled: bool, toxics: Mapping[str, ToxicSpec]) -> None:
        """Change all that can be changed, at once."""
        await self._server.become(replace(self.wanted, enabled=enabled, toxics=dict(toxics)))

    async def destroy(self) -> None:
        """Remove it."""
        await self._server.destroy(self.name)


def _covers(found: Mapping[str, ToxicSpec], wanted: Mapping[str, ToxicSpec]) -> bool:
    return found.keys() == wanted.keys() and all(
        (toxic.type, toxic.stream) == (wanted[name].type, wanted[name].stream)
        and wanted[name].attributes.items() <= toxic.attributes.items()
        for name, toxic in found.items()
    )


def _command(executable: Path | None, port: int) -> list[str]:
    program = [sys.executable, "-m", "nemesis.toxiproxy_server"]
    if executable is not None:
        program = [str(executable)]
    return [*program, "-host", HOST, "-port", str(port)]


def _refuse_if_taken(port: int) -> None:
    # The real server would log the failure and live on, and somebody else would answer for it.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ToxiproxyError(f"port {port} for toxiproxy: {error.strerror}") from error


async def _is_listening(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True
