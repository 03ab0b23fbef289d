"""What our cluster costs beside Apache RocketMQ 4.9.3: same Go client, same machine, one run.

    python benchmarks/against_rocketmq.py [--rounds 3] [--seconds 1]

A cluster is a name server, a master and a slave. Both kinds get the same configuration: the
suite's timers as far as RocketMQ has them, 64 MiB files, and for the JVMs the heap below. In each
mode, first the one kind, then the other:

    first ack    from the command that starts the name server to the first SEND_OK
    sync 1, 16   latency of synchronous sends, by 1 and by 16 producers with a connection each
    async 64     sends a second, by one producer with 64 of them under way
    cpu          what the master's processor spends on a send of each kind; and what all three
                 spend to get to the first ack. These do not depend on what else the machine does
    memory       RSS of the three processes, thereafter; a JVM's counts the files that it maps
    back         from the master's SIGKILL, followed by its start, to the next SEND_OK

Loads come from the Go client; acks of starts and recoveries from ours, which asks for a route when
it has none (Go's asks every 30 s) and sees a connection's end. Bodies have 256 bytes. A figure is
the median of the rounds; ``first ack`` is one start a mode. Needs Java,
Maven and Go, as tests/interop does.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from time import time

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from broker.client.message import Message  # noqa: E402
from broker.client.producer import Producer  # noqa: E402
from broker.client.session import Session  # noqa: E402
from broker.errors import MqError  # noqa: E402
from broker.live import live_ports  # noqa: E402
from broker.remoting.codes import SendStatus  # noqa: E402
from harness.leases import lease_ports  # noqa: E402 - found by the line above
from harness.timings import BROKER_TIMINGS  # noqa: E402
from tests.interop.clusters import Cluster, Program, apache, ours  # noqa: E402
from tests.interop.conftest import go_program, java_command  # noqa: E402
from tests.interop.ourselves import until_registered  # noqa: E402
from tests.interop.programs import run  # noqa: E402

MODES = (("ASYNC_MASTER", "ASYNC_FLUSH"), ("SYNC_MASTER", "SYNC_FLUSH"))
HEAP = ["-Xms512m", "-Xmx512m", "-XX:+UseG1GC"]
WINDOW = 64
JIT_S = 6  # for the JVM to compile what it will need, before anything is measured
WARM_UP_S = 0.3  # during which the client sends, and does not count
BACK_S_MAX = 120.0
PATIENCE_MS = 1000
SETTINGS = {
    **{key: str(value) for key, value in BROKER_TIMINGS.items()},
    "mappedFileSizeConsumeQueue": "6000000",
    "maxHashSlotNum": "5000000",
    "maxIndexNum": "20000000",
    "slaveTimeout": "3000",
    "registerNameServerPeriod": "10000",
}
OURS_ALONE = ("haReconnectInterval", "slaveSyncInterval")
"""RocketMQ has these, too, but as constants: 5 s and 10 s."""

HIGHER_IS_BETTER = frozenset({"async 64, sends/s"})


@dataclass
class Figures:
    """What was measured of one kind of cluster in one mode; medians of what was noted."""

    noted: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, value: float) -> None:
        """Add one measurement."""
        self.noted.setdefault(name, []).append(value)

    def medians(self) -> dict[str, float]:
        """Give each figure once."""
        return {name: median(values) for name, values in self.noted.items()}


class Acks:
    """When sends were acknowledged."""

    def __init__(self) -> None:
        self._latest_s = 0.0
        self._noted = asyncio.Event()

    def note(self, moment_s: float) -> None:
        """Add one."""
        self._latest_s = moment_s
        self._noted.set()

    async def first_after(self, moment_s: float) -> float:
        """Wait for the first acknowledgement after a moment; how many seconds after."""
        async with asyncio.timeout(BACK_S_MAX):
            while self._latest_s <= moment_s:
                self._noted.clear()
                await self._noted.wait()
        return self._latest_s - moment_s


@asynccontextmanager
async def probing(namesrv: str) -> AsyncIterator[Acks]:
    """Send all the time, each time with the route of that moment; what fails is tried again."""
    session = Session(live_ports(Random(1)), [namesrv], route_refresh_ms=20)
    producer = Producer(session, "probe", timeout_ms=PATIENCE_MS, retries=0)
    acks = Acks()

    async def probe() -> None:
        while True:
            with suppress(MqError, OSError):
                sent = await producer.send(Message(topic="TopicProbe", body=bytes(256)))
                if sent.status is SendStatus.SEND_OK:
                    acks.note(time())
            await asyncio.sleep(0.005)

    probes = asyncio.ensure_future(probe())
    try:
        yield acks
    finally:
        probes.cancel()
        await asyncio.gather(probes, return_exceptions=True)
        await session.close()


async def measure(
    program: Program, mode: tuple[str, str], client: Path, rounds: int, seconds: int
) -> Figures:
    """Start one cluster, take every figure of it, and end it."""
    figures = Figures()
    with (
        tempfile.TemporaryDirectory(prefix="mqhavoc-benchmark-") as folder,
        lease_ports() as block,
    ):
        cluster = Cluster(Path(folder), block)
        try:
            async with probing(cluster.namesrv) as acks:
                begin_s = time()
                await start(cluster, program, mode)
                figures.note("first ack, s", await acks.first_after(begin_s))
                figures.note("first ack, cpu s", cpu_seconds(cluster))
            await until_registered(cluster, 0, 1)
            await run([client, "flood", cluster.namesrv, str(WINDOW), str(JIT_S)])
            await loads(figures, client, cluster, rounds, seconds)
            note_memory(figures, cluster)
            async with probing(cluster.namesrv) as acks:
                for _ in range(rounds):
                    await acks.first_after(time())
                    figures.note("back, s", await recovery(cluster, acks))
        finally:
            cluster.end()
    return figures


async def start(cluster: Cluster, program: Program, mode: tuple[str, str]) -> None:
    """Start all three, as soon as each can."""
    role, flush = mode
    settings = {**SETTINGS, "flushDiskType": flush}
    if program is not ours:
        settings = {key: value for key, value in settings.items() if key not in OURS_ALONE}
    await cluster.nameserver(program)
    await cluster.master(program, {**settings, "brokerRole": role})
    await cluster.slave(program, settings)


async def loads(
    figures: Figures, client: Path, cluster: Cluster, rounds: int, seconds: int
) -> None:
    """Put on each load in turn, round after round."""
    for _ in range(rounds):
        for producers in (1, 16):
            name = f"sync {producers}"
            words = await loaded(figures, name, client, cluster, "sends", producers, seconds)
            figures.note(f"{name}, p50 us", words[1])
            figures.note(f"{name}, p99 us", words[2])
        name = f"async {WINDOW}"
        words = await loaded(figures, name, client, cluster, "flood", WINDOW, seconds)
        figures.note(f"{name}, sends/s", words[0] / seconds)


async def loaded(
    figures: Figures, name: str, client: Path, cluster: Cluster, load: str, count: int, seconds: int
) -> list[int]:
    """Run the client and read its figures; failed sends would make them worthless."""
    before_s = cpu_seconds(cluster, "master")
    lines = await run([client, load, cluster.namesrv, str(count), str(seconds)])
    spent_s = cpu_seconds(cluster, "master") - before_s
    words = [int(word) for word in lines[-1].split()]
    if words[-1]:
        sys.stderr.write(f"{name}: {words[-1]} sends failed\n")
    figures.note(f"{name}, cpu us/send", spent_s * 1e6 / (words[0] * (1 + WARM_UP_S / seconds)))
    return words


def cpu_seconds(cluster: Cluster, *names: str) -> float:
    """Add up the processor time of some nodes, or of all."""
    found = [cluster.nodes[name].figures() for name in names or cluster.nodes]
    return sum(one.cpu_seconds for one in found if one is not None)


def note_memory(figures: Figures, cluster: Cluster) -> None:
    """Add up the three processes."""
    found = [node.figures() for node in cluster.nodes.values()]
    figures.note("memory, MiB", sum(one.rss_bytes for one in found if one is not None) / 2**20)


async def recovery(cluster: Cluster, acks: Acks) -> float:
    """Kill the master and start it again at once."""
    master = cluster.nodes["master"]
    killed_s = time()
    await master.kill()
    starting = asyncio.ensure_future(master.start())
    try:
        dead_s = time()
        return dead_s - killed_s + await acks.first_after(dead_s)
    finally:
        await starting


def show(mode: tuple[str, str], measured: dict[str, dict[str, float]]) -> None:
    """Print one mode as a table; a ratio above one says that ours is better."""
    print(f"\n{'+'.join(mode):<28}{'ours':>12}{'RocketMQ':>12}{'ratio':>9}")
    for name, mine in measured["ours"].items():
        theirs = measured["RocketMQ"][name]
        ratio = mine / theirs if name in HIGHER_IS_BETTER else theirs / mine
        print(f"  {name:<26}{mine:>12,.2f}{theirs:>12,.2f}{ratio:>8.2f}x")


async def main() -> None:
    """Measure both kinds in both modes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=1, help="of each load")
    options = parser.parse_args()

    client = go_program()
    java = [part for part in java_command() if not part.startswith(("-X", "-XX"))]
    kinds: dict[str, Program] = {"ours": ours, "RocketMQ": apache([java[0], *HEAP, *java[1:]])}
    for mode in MODES:
        measured = {
            name: (await measure(kind, mode, client, options.rounds, options.seconds)).medians()
            for name, kind in kinds.items()
        }
        show(mode, measured)


if __name__ == "__main__":
    asyncio.run(main())
