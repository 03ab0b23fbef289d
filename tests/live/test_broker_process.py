"""A name server, a master and a slave as real processes on loopback, driven by the real client."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil
import pytest

from broker.client.admin import Admin
from broker.client.attempts import SendFailedError
from broker.client.consumer import PullConsumer, PullStatus
from broker.client.message import Message
from broker.client.producer import Producer
from broker.client.session import Session
from broker.errors import ClosedError
from broker.live import live_ports
from broker.nameserver.route import MessageQueue
from broker.remoting.codes import SendStatus
from broker.store.message import StoredMessage
from harness.leases import PortBlock, lease_ports

pytestmark = pytest.mark.live

TOPIC = "TopicMasterSlave"
SECONDS_MAX = 20.0


@dataclass
class Node:
    """One node's process, started and stopped by its pid."""

    kind: str
    config: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = self.config.with_suffix(".log")
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "broker", self.kind, "-c", str(self.config)],
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        pid = self.process.pid
        wait_until(lambda: any(e["event"] == "ready" and e["pid"] == pid for e in self.events()))

    def events(self) -> list[dict[str, object]]:
        lines = self.config.with_suffix(".log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(SECONDS_MAX)
        self.process = None
        return code


@dataclass
class Cluster:
    """One master, one slave, one name server, and what the seed calls their configuration."""

    folder: Path
    block: PortBlock
    settings: str = ""
    nodes: dict[str, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.nameserver_port = self.block.take()
        self.block.skip(2)
        self.master_port = self.block.take()
        self.block.skip(4)
        self.slave_port = self.block.take()
        self.add("nameserver", "nameserver", f"listenPort={self.nameserver_port}")

    def add(self, name: str, kind: str, text: str) -> Node:
        config = self.folder / f"{name}.conf"
        config.write_text(text)
        self.nodes[name] = Node(kind, config)
        return self.nodes[name]

    def add_brokers(self, role: str, flush: str, settings: str = "") -> None:
        common = (
            f"brokerName=broker-a\nnamesrvAddr=127.0.0.1:{self.nameserver_port}\n"
            f"flushDiskType={flush}\nregisterNameServerPeriod=500\nhaReconnectInterval=200\n"
            "slaveSyncInterval=300\nhaSendHeartbeatInterval=500\nhaHousekeepingInterval=2000\n"
            f"slaveTimeout=800\nmappedFileSizeCommitLog=65536\n{settings}"
        )
        root = self.folder / "master"
        self.add(
            "master",
            "broker",
            f"{common}brokerRole={role}\nlistenPort={self.master_port}\n"
            f"brokerIP2=127.0.0.1:{self.master_port + 1}\nstorePathRootDir={root}\n",
        )
        root = self.folder / "slave"
        self.add(
            "slave",
            "broker",
            f"{common}brokerRole=SLAVE\nbrokerId=1\nlistenPort={self.slave_port}\n"
            f"storePathRootDir={root}\n",
        )

    def stop(self) -> None:
        for node in reversed(self.nodes.values()):
            if node.process is not None:
                node.process.kill()
                node.process.wait()


def wait_until(condition: object, seconds: float = SECONDS_MAX) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with lease_ports() as block:
        made = Cluster(tmp_path, block)
        try:
            yield made
        finally:
            made.stop()


@contextlib.asynccontextmanager
async def session_with(cluster: Cluster) -> AsyncIterator[Session]:
    session = Session(live_ports(Random(1)), [f"127.0.0.1:{cluster.nameserver_port}"])
    try:
        yield session
    finally:
        await session.close()


async def send(producer: Producer, count: int, first: int = 0) -> list[SendStatus]:
    bodies = [f"Hello RocketMQ {number}".encode() for number in range(first, first + count)]
    return [
        (await producer.send(Message(topic=TOPIC, body=body, tags="TagA"))).status
        for body in bodies
    ]


async def read_all(session: Session, broker_id: int) -> list[StoredMessage]:
    consumer = PullConsumer(session, "testGroupConsumer")
    found: list[StoredMessage] = []
    for queue_id in range(4):
        queue, offset = MessageQueue(TOPIC, "broker-a", queue_id), 0
        while True:
            try:
                result = await consumer.pull(queue, offset, broker_id=broker_id, suspend_ms=0)
            except ClosedError:
                continue  # a connection to the node's last life
            if result.status is not PullStatus.FOUND:
                break
            found += result.messages
            offset = result.next_offset
    return found


async def log_ends(session: Session, cluster: Cluster) -> list[int]:
    admin = Admin(session)
    ports = (cluster.master_port, cluster.slave_port)
    return [(await admin.log_digest(f"127.0.0.1:{port}")).end for port in ports]


async def until_equal(session: Session, cluster: Cluster) -> int:
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        master, slave = await log_ends(session, cluster)
        if master == slave:
            return master
        assert time.monotonic() < deadline, f"the slave is at {slave}, the master at {master}"
        await asyncio.sleep(0.02)


async def until_fed(session: Session, cluster: Cluster) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    master = f"127.0.0.1:{cluster.master_port}"
    while (await Admin(session).broker_status(master))["haSlaves"] != "1":
        assert time.monotonic() < deadline, "the slave never came back"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("role", "flush"), [("ASYNC_MASTER", "SYNC_FLUSH"), ("SYNC_MASTER", "ASYNC_FLUSH")]
)
async def test_the_seeds_experiment_holds_without_proxies(
    cluster: Cluster, role: str, flush: str
) -> None:
    """Ten sends, the slave has them, the master stops: they are read from the slave (P10, P9).

    In each of the four modes, through proxies, it is told by test_run_demo.py.
    """
    cluster.add_brokers(role, flush)
    for node in cluster.nodes.values():
        node.start()

    async with session_with(cluster) as session:
        producer = Producer(session, "testGroup")
        assert await send(producer, 10) == [SendStatus.SEND_OK] * 10
        await until_equal(session, cluster)

        assert cluster.nodes["master"].end(signal.SIGTERM) == 0
        bodies = sorted(message.body.decode() for message in await read_all(session, 1))
        assert bodies == sorted(f"Hello RocketMQ {number}" for number in range(10))
        with pytest.raises(SendFailedError) as refused:
            await send(producer, 1, first=10)
        assert refused.value.definite

        cluster.nodes["master"].start()
        await until_fed(session, cluster)
        assert await send(producer, 5, first=20) == [SendStatus.SEND_OK] * 5
        await until_equal(session, cluster)
        assert len(await read_all(session, 0)) == 15


async def test_a_killed_master_loses_nothing_and_the_slave_goes_on(cluster: Cluster) -> None:
    """SIGKILL leaves the page cache: a process fault may lose nothing in any mode (P1)."""
    cluster.add_brokers("SYNC_MASTER", "ASYNC_FLUSH")
    for node in cluster.nodes.values():
        node.start()

    async with session_with(cluster) as session:
        producer = Producer(session, "testGroup")
        await send(producer, 30)
        cluster.nodes["master"].end(signal.SIGKILL)
        cluster.nodes["master"].start()

        assert len(await read_all(session, 0)) == 30
        await until_equal(session, cluster)
        cluster.nodes["slave"].end(signal.SIGKILL)
        assert await send(producer, 1, 30) == [SendStatus.SLAVE_NOT_AVAILABLE]
        cluster.nodes["slave"].start()
        await until_equal(session, cluster)
        assert len(await read_all(session, 1)) == 31


async def test_a_slave_of_an_emptied_master_is_refused_until_an_operator_decides(
    cluster: Cluster,
) -> None:
    """An empty master must not wipe a full slave, nor count it as a copy (P7, P8)."""
    cluster.add_brokers("SYNC_MASTER", "ASYNC_FLUSH")
    for node in cluster.nodes.values():
        node.start()

    async with session_with(cluster) as session:
        producer, admin = Producer(session, "testGroup"), Admin(session)
        slave = f"127.0.0.1:{cluster.slave_port}"
        await send(producer, 20)
        cluster.nodes["master"].end(signal.SIGKILL)
        (cluster.folder / "master").rename(cluster.folder / "lost")
        cluster.nodes["master"].start()
        assert await send(producer, 3, 50) == [SendStatus.SLAVE_NOT_AVAILABLE] * 3

        await asyncio.sleep(1.0)  # long enough for a slave that would follow
        assert (await admin.broker_status(slave))["haState"] == "DIVERGED"
        assert len(await read_all(session, 1)) == 20
        assert {TOPIC} <= set(await admin.topic_list())

        kept = await admin.resynchronise(slave)
        assert (kept.kept, kept.old_end > 0) == (0, True)
        await until_equal(session, cluster)
        await until_fed(session, cluster)
        assert await read_all(session, 1) == await read_all(session, 0)
        assert await send(producer, 1, 60) == [SendStatus.SEND_OK]


def test_a_node_that_cannot_start_says_why(cluster: Cluster, tmp_path: Path) -> None:
    before = {one.pid for one in psutil.Process().children()}  # of other tests' fixtures
    cluster.add_brokers("ASYNC_MASTER", "ASYNC_FLUSH", "brokerFoo=1\n")
    assert run_and_fail(cluster.nodes["master"]) == (
        f"{tmp_path}/master.conf: line 11: brokerFoo: unknown key; "
        "the nearest known one is 'brokerRole'"
    )

    cluster.add_brokers("ASYNC_MASTER", "ASYNC_FLUSH")
    cluster.nodes["nameserver"].start()
    cluster.nodes["master"].start()
    slave = cluster.nodes["slave"].config
    slave.write_text(slave.read_text().replace(f"{tmp_path}/slave", f"{tmp_path}/master"))
    assert "is held by another process" in run_and_fail(cluster.nodes["slave"])
    slave.write_text(slave.read_text().replace(f"{tmp_path}/master", f"{tmp_path}/master.conf/s"))
    assert run_and_fail(cluster.nodes["slave"]) == (
        f"{tmp_path}/master.conf/s/lock: cannot be written: Not a directory"
    )
    slave.write_text(slave.read_text().replace(f"{tmp_path}/master.conf/s", f"{tmp_path}/master"))
    slave.write_text(
        slave.read_text().replace(f"{tmp_path}/master", f"{tmp_path}/slave")
        + f"listenPort={cluster.master_port}\n"
    )
    assert f"127.0.0.1:{cluster.master_port + 1}" in run_and_fail(cluster.nodes["slave"])
    mine = {node.process.pid for node in cluster.nodes.values() if node.process is not None}
    assert {one.pid for one in psutil.Process().children()} <= mine | before


def run_and_fail(node: Node) -> str:
    command = [sys.executable, "-m", "broker", node.kind, "-c", str(node.config)]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == 254, done
    return done.stderr.decode().strip()
