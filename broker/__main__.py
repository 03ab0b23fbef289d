"""``python -m broker broker -c FILE`` and ``python -m broker nameserver -c FILE``: one node.

Standard output is the node's log, a JSON object a line; the line whose event is ``ready`` says
that the node listens, and how many files it may open. SIGTERM and SIGINT stop it cleanly. A node
that cannot start says why on standard error, one line a reason, and exits with 254.
"""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Protocol

from broker.config import BrokerConfig, DiskMode, NameServerConfig
from broker.errors import ConfigError, MqError
from broker.live import LiveClock, live_ports, raise_open_files
from broker.logging import EventLog, forward_standard_logging
from broker.ports import Ports

__all__ = ["main"]

CANNOT_START = 254

PortsOf = Callable[[bool], Ports]
"""Makes a node's world; True for a disk that forgets what was not synced."""


class _Node(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def _live_ports(volatile: bool) -> Ports:  # noqa: FBT001 - PortsOf
    return live_ports(Random(), volatile=volatile)  # noqa: S311 - tokens name, they do not guard


def main(arguments: list[str] | None = None, ports_of: PortsOf = _live_ports) -> int:
    """Run one node until it is told to stop; the exit code."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as wanted:
        return CANNOT_START if wanted.code else 0
    log = EventLog(_write_line, LiveClock(), node=options.node, pid=os.getpid())
    forward_standard_logging(log)
    try:
        text = _read(options.config)
        make = _make_broker if options.node == "broker" else _make_nameserver
        # What is imported and made here stays to the end: looking for garbage in it, now or at any
        # later time, finds none and costs a tenth of the start.
        gc.disable()
        try:
            node, facts = make(text, options, log, ports_of)
            gc.freeze()
        finally:
            gc.enable()
        return _run(node, {**facts, "open_files": raise_open_files()}, log)
    except (MqError, OSError) as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"{line}\n")
        return CANNOT_START


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m broker", description="run one node")
    parser.add_argument("node", choices=("broker", "nameserver"))
    parser.add_argument("-c", dest="config", metavar="FILE", help="its .properties file")
    parser.add_argument("-n", dest="namesrv", metavar="HOST:PORT;...", help="sets namesrvAddr")
    return parser


def _read(path: str | None) -> str:
    """Read a file as people write them: UTF-8, else Latin-1, which is what Java takes it for."""
    if path is None:
        return ""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    with suppress(UnicodeDecodeError):
        return data.decode("utf-8-sig")
    return data.decode("latin-1")


def _make_broker(
    text: str, options: argparse.Namespace, log: EventLog, ports_of: PortsOf
) -> tuple[_Node, dict[str, object]]:
    from broker.server import Broker  # noqa: PLC0415 - a name server starts without it

    config = BrokerConfig.parse(text, options.config or "defaults", partial(_without_effect, log))
    if options.namesrv:
        config = config.updated(f"namesrvAddr={options.namesrv}", "-n")
    facts = {
        "role": config.broker_role,
        "flush": config.flush_disk_type,
        "address": config.broker_addr,
        "port": config.listen_port,
        "ha_port": config.ha_port,
    }
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    share = memory_bytes * config.access_message_in_memory_max_ratio // 100
    ports = ports_of(config.disk_mode is DiskMode.VOLATILE)
    return Broker(config, ports, log, share), facts


def _make_nameserver(
    text: str, options: argparse.Namespace, log: EventLog, ports_of: PortsOf
) -> tuple[_Node, dict[str, object]]:
    from broker.nameserver.server import NameServer  # noqa: PLC0415 - a broker starts without it

    said = partial(_without_effect, log)
    config = NameServerConfig.parse(text, options.config or "defaults", said)
    ports = ports_of(False)  # noqa: FBT003 - PortsOf
    return NameServer(config, ports, log), {"port": config.listen_port}


def _without_effect(log: EventLog, key: str) -> None:
    log.warning("setting-without-effect", key=key)


def _run(node: _Node, facts: dict[str, object], log: EventLog) -> int:
    runner = asyncio.run
    with suppress(ImportError):
        import uvloop  # noqa: PLC0415 - optional

        runner = uvloop.run
    run: Callable[[Coroutine[object, object, None]], None] = runner
    run(_serve(node, log, facts))
    return 0


async def _serve(node: _Node, log: EventLog, facts: dict[str, object]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await node.start()
    log.info("ready", **facts)
    await stopped.wait()
    log.info("stopping")
    await node.stop()
    log.info("stopped")


def _write_line(line: str) -> None:
    # One write a line, so that a log read while it is written never holds half a line.
    with suppress(BrokenPipeError):
        os.write(1, line.encode())


if __name__ == "__main__":
    sys.exit(main())
