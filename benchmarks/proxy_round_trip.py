"""What a proxy costs: one round trip through nothing, the embedded toxiproxy, and the real one.

    python benchmarks/proxy_round_trip.py [rounds]

A hundred bytes there and back on loopback, one after the other. Each path takes turns of a few
hundred rounds, so that whatever else the machine does meets them all alike; the ratio is of the
medians within this one run.
"""

import asyncio
import multiprocessing
import socket
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns

from nemesis.toxiproxy import ProxySpec, ToxicSpec, ToxiproxyServer, find_executable

ROUNDS = 10_000
TURN = 500
BASE_PORT = 21_800
MESSAGE = bytes(100)


def echo(listener: socket.socket) -> None:
    """Give back what comes, on each connection by a thread of its own."""
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=echo_one, args=(connection,), daemon=True).start()


def echo_one(connection: socket.socket) -> None:
    """Give back what comes on one connection."""
    while data := connection.recv(65536):
        connection.sendall(data)


@contextmanager
def echoing() -> Iterator[int]:
    """Run the echo in a process of its own."""
    with socket.create_server(("127.0.0.1", BASE_PORT)) as listener:
        process = multiprocessing.Process(target=echo, args=(listener,))
        process.start()
        try:
            yield BASE_PORT
        finally:
            process.terminate()
            process.join()


def round_trips(connection: socket.socket, rounds: int) -> list[int]:
    """Measure round trips, in nanoseconds."""
    taken = []
    for _ in range(rounds):
        began = perf_counter_ns()
        connection.sendall(MESSAGE)
        missing = len(MESSAGE)
        while missing:
            missing -= len(connection.recv(missing))
        taken.append(perf_counter_ns() - began)
    return taken


def measure(ports: dict[str, int], rounds: int) -> dict[str, list[int]]:
    """Take turns over all paths."""
    connections = {name: socket.create_connection(("127.0.0.1", p)) for name, p in ports.items()}
    taken: dict[str, list[int]] = {name: [] for name in ports}
    for connection in connections.values():
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        round_trips(connection, TURN)
    for _ in range(0, rounds, TURN):
        for name, connection in connections.items():
            taken[name] += round_trips(connection, TURN)
    for connection in connections.values():
        connection.close()
    return taken


async def run(rounds: int, folder: Path) -> None:
    """Start both servers, measure, and print a table."""
    servers = [ToxiproxyServer(BASE_PORT + 1, log=folder / "embedded.log")]
    executable = find_executable()
    if executable is None:
        print("toxiproxy-server is not installed (make toxiproxy): embedded only")
    else:
        servers.append(
            ToxiproxyServer(BASE_PORT + 2, log=folder / "real.log", executable=executable)
        )
    ports = {}
    with echoing() as upstream:
        ports["direct"] = upstream
        try:
            for number, server in enumerate(servers):
                began = perf_counter_ns()
                await server.start()
                print(f"{server.kind:<9} ready in {(perf_counter_ns() - began) / 1e6:.0f} ms")
                for place, toxics in enumerate(({}, {"noop": ToxicSpec("noop", "upstream")})):
                    port = BASE_PORT + 10 + 2 * number + place
                    name = f"{server.kind}{' + noop' if toxics else ''}"
                    spec = ProxySpec(
                        name, f"127.0.0.1:{port}", f"127.0.0.1:{upstream}", toxics=toxics
                    )
                    await server.create(spec)
                    ports[name] = port
            report(await asyncio.to_thread(measure, ports, rounds))
        finally:
            for server in servers:
                await server.stop()


def report(taken: dict[str, list[int]]) -> None:
    """Print medians, tails and ratios to the direct path and to the real server."""
    medians = {name: statistics.median(times) / 1000 for name, times in taken.items()}
    print(f"{'path':<16} {'p50 us':>8} {'p99 us':>8} {'x direct':>9} {'x real':>7}")
    for name, times in taken.items():
        p99 = statistics.quantiles(times, n=100)[98] / 1000
        real = medians.get("real + noop" if name.endswith("noop") else "real")
        to_real = f"{medians[name] / real:>7.2f}" if real and name != "direct" else f"{'':>7}"
        to_direct = medians[name] / medians["direct"]
        print(f"{name:<16} {medians[name]:>8.1f} {p99:>8.1f} {to_direct:>9.2f} {to_real}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS, Path(folder)))
