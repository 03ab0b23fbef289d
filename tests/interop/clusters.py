"""One name server, one master, one slave, each either ours or Apache RocketMQ 4.9.3's.

Both kinds of node read the same ``.properties``, keep the same files and speak the same protocol,
so a cluster is put together node by node: ``await cluster.master(OURS)`` beside
``await cluster.slave(apache(java))``. Ports come from one leased block; each node is a process
that is ended by its pid, and dies with the suite.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from time import monotonic

from harness.leases import PortBlock
from harness.rocketmq.nodes import MAINS, READY_MS_MAX, boots, write_logback
from nemesis.nodes import ProcessNode, end_all

HOST = "127.0.0.1"
UNTIL_S_MAX = 40.0

STORE = {
    "mappedFileSizeCommitLog": "1048576",
    "mappedFileSizeConsumeQueue": "20000",
    "maxHashSlotNum": "1000",
    "maxIndexNum": "4000",
    "diskMaxUsedSpaceRatio": "95",
}
"""File sizes that both kinds of broker are given, so that either can read what the other wrote."""

FAST = {"registerNameServerPeriod": "10000", "haSendHeartbeatInterval": "500"}
"""Timers within the limits that RocketMQ puts on them."""

Program = Callable[[str, Path, Path], ProcessNode]
"""Makes a node, not yet started: its kind (nameserver or broker), its folder, its file."""


def ours(kind: str, folder: Path, config: Path) -> ProcessNode:
    command = [sys.executable, "-m", "broker", kind, "-c", config]
    return ProcessNode(folder.name, command, log=folder / "output.log")


def apache(java: list[str]) -> Program:
    def make(kind: str, folder: Path, config: Path) -> ProcessNode:
        write_logback(folder)
        return ProcessNode(
            folder.name,
            [*java, f"-Duser.home={folder}", MAINS[kind], "-c", config],
            log=folder / "output.log",
            env={"ROCKETMQ_HOME": str(folder)},
            ready=boots,
            ready_ms_max=READY_MS_MAX,
        )

    return make


class Cluster:
    """The nodes of one test, by name; whoever makes a cluster ends it."""

    def __init__(self, folder: Path, block: PortBlock) -> None:
        self.folder = folder
        self.nodes: dict[str, ProcessNode] = {}
        self.nameserver_port = block.take()
        self.master_port = _broker_port(block)
        self.slave_port = _broker_port(block)

    @property
    def namesrv(self) -> str:
        return f"{HOST}:{self.nameserver_port}"

    def end(self) -> None:
        end_all(self.nodes.values())

    async def nameserver(self, program: Program) -> ProcessNode:
        kv_config = self.folder / "nameserver" / "kv.json"
        properties = {"listenPort": str(self.nameserver_port), "kvConfigPath": str(kv_config)}
        return await self._start("nameserver", "nameserver", program, properties)

    async def master(
        self, program: Program, settings: Mapping[str, str] = {}, name: str = "master"
    ) -> ProcessNode:
        role = {"brokerId": "0", "brokerRole": "ASYNC_MASTER", "listenPort": str(self.master_port)}
        return await self._start(
            name, "broker", program, {**self._broker(name), **role, **settings}
        )

    async def slave(self, program: Program, settings: Mapping[str, str] = {}) -> ProcessNode:
        role = {"brokerId": "1", "brokerRole": "SLAVE", "listenPort": str(self.slave_port)}
        properties = {**self._broker("slave"), **role, **settings}
        return await self._start("slave", "broker", program, properties)

    def store(self, name: str) -> Path:
        return self.folder / name / "store"

    def _broker(self, name: str) -> dict[str, str]:
        return {
            **STORE,
            **FAST,
            "brokerClusterName": "DefaultCluster",
            "brokerName": "broker-a",
            "namesrvAddr": self.namesrv,
            "brokerIP1": HOST,
            "brokerIP2": HOST,
            "storePathRootDir": str(self.store(name)),
            "storePathCommitLog": str(self.store(name) / "commitlog"),
        }

    async def _start(
        self, name: str, kind: str, program: Program, properties: Mapping[str, str]
    ) -> ProcessNode:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        config = folder / "node.properties"
        config.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        self.nodes[name] = program(kind, folder, config)
        await self.nodes[name].start()
        return self.nodes[name]


def _broker_port(block: PortBlock) -> int:
    """A broker listens on three ports: its own, two below, one above."""
    block.skip(2)
    port = block.take()
    block.skip(1)
    return port


async def until(what: str, holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it holds; what is not there yet may answer with an error."""
    deadline = monotonic() + UNTIL_S_MAX
    last = "no"
    while monotonic() < deadline:
        try:
            if await holds():
                return
        except Exception as error:  # noqa: BLE001 - of a peer that is still starting
            last = repr(error)
        await asyncio.sleep(0.05)
    raise AssertionError(f"expected within {UNTIL_S_MAX} s that {what}; last answer: {last}")
