"""``python -m nemesis.toxiproxy_server -host H -port P [-config FILE]``.

The flags are toxiproxy's. SIGINT and SIGTERM close everything and exit with 0; what happens is
told on stdout, one JSON object a line.
"""

import argparse
import asyncio
import json
import signal
import socket
import sys
from pathlib import Path
from random import Random

from nemesis.toxiproxy_server import gojson
from nemesis.toxiproxy_server.addresses import spoken
from nemesis.toxiproxy_server.api import VERSION, Api
from nemesis.toxiproxy_server.collection import Collection
from nemesis.toxiproxy_server.errors import ApiError
from nemesis.toxiproxy_server.http import HttpConnection

__all__ = ["main"]

try:
    import uvloop
except ImportError:  # not built for every platform
    uvloop = None  # type: ignore[assignment,unused-ignore]


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal says stop."""
    options = _parser().parse_args(arguments)
    collection = Collection(Random(options.seed))  # noqa: S311 - toxicity and jitter, not secrets
    try:
        sock = socket.create_server((options.host, options.port), backlog=128)
    except OSError as error:
        _log("error", f"cannot listen on {options.host}:{options.port}: {error.strerror}")
        return 1
    run = asyncio.run if uvloop is None else uvloop.run
    run(_serve(collection, sock, options.config))
    return 0


async def _serve(collection: Collection, sock: socket.socket, config: Path | None) -> None:
    if config is not None:
        _populate(collection, config)
    loop = asyncio.get_running_loop()
    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told_to_stop.set)

    api = Api(collection)
    server = await loop.create_server(lambda: HttpConnection(api), sock=sock)
    _log("info", "Starting Toxiproxy HTTP server", address=spoken(*sock.getsockname()[:2]))
    await told_to_stop.wait()
    server.close()
    collection.stop()
    _log("info", "Shutdown finished")


def _populate(collection: Collection, config: Path) -> None:
    """Make the proxies of a file; a bad file is told and passed over, as toxiproxy does."""
    try:
        collection.populate(gojson.decode(config.read_bytes()), [])
    except (OSError, ApiError) as error:
        _log("error", f"Failed to populate proxies from {config}: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="toxiproxy_server", description=__doc__)
    parser.add_argument("-host", "--host", default="localhost")
    parser.add_argument("-port", "--port", type=int, default=8474)
    parser.add_argument("-config", "--config", type=Path, help="JSON array of proxies")
    parser.add_argument("-seed", "--seed", type=int, help="of toxicity and jitter")
    parser.add_argument(
        "-version",
        "--version",
        action="version",
        version=f"toxiproxy-server version {VERSION} (embedded)",
    )
    return parser


def _log(level: str, message: str, **fields: object) -> None:
    print(json.dumps({"level": level, "message": message, **fields}), flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
