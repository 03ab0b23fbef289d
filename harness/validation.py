"""All that can be wrong with a run is said at once, before anything is started.

Each check gives the problems it found, as sentences that say what was expected, what was found and
what to do. Nothing here changes the machine but for one file, written to the output folder and
removed again, for there is no other way to know that it can be.
"""

import shutil
import socket
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from harness.fault_plan import schedule_of
from harness.leases import BLOCK_SIZE, port_is_free
from harness.options import MODES, WORLDS, RunOptions
from harness.rocketmq.distribution import problem_of
from harness.workloads import WORKLOADS
from nemesis.registry import NemesisNameError
from nemesis.scenario import ScenarioError
from nemesis.schedules import ScheduleError
from nemesis.toxiproxy import ToxiproxyError, find_executable

__all__ = ["free_bytes_needed", "option_problems", "problems_of", "stored_problems"]

BYTES_AT_LEAST = 300 << 20
BYTES_AN_OP = 2_000  # two copies of a message, its queue entries, and its lines of history
TOXIPROXIES = ("auto", "real", "embedded")
PLENTY_S = 3_600.0  # for whatever faults


def problems_of(options: RunOptions) -> list[str]:
    """List everything that would keep a run from being what was asked for."""
    return [
        *option_problems(options),
        *_one_of("world", options.world, WORLDS),
        *_toxiproxy(options),
        *(() if options.world == "simulated" else _ports(options)),
        *(_distribution(options) if options.world == "rocketmq" else _not_of_this_world(options)),
        *_folder(options),
        *_loopback(),
    ]


def option_problems(options: RunOptions) -> list[str]:
    """List what is wrong with the options themselves, on whatever machine."""
    return [
        *_one_of("workload", options.workload, WORKLOADS),
        *_one_of("mode", options.mode, MODES),
        *_nemeses(options),
        *_numbers(options),
    ]


def stored_problems(options: RunOptions) -> list[str]:
    """List what no run could have stored; its faults are stored beside its options."""
    return [
        *_one_of("workload", options.workload, WORKLOADS),
        *_one_of("mode", options.mode, MODES),
        *_one_of("world", options.world, WORLDS),
        *_numbers(options),
    ]


def free_bytes_needed(options: RunOptions) -> int:
    """Estimate how much disk a run may fill."""
    return BYTES_AT_LEAST + int(options.time_limit_s * options.rate * BYTES_AN_OP)


def _one_of(what: str, found: str, known: Iterable[str]) -> Iterator[str]:
    names = list(known)
    if found in names:
        return
    nearest = get_close_matches(found, names, n=1)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    yield f"{what}: expected one of {', '.join(names)}, got {found!r}{hint}"


def _nemeses(options: RunOptions) -> Iterator[str]:
    """Find the packages or the scenario and draw a schedule, as the run will."""
    if options.nemeses == ("",):
        yield "nemesis: expected names with commas between them, swarm or none, got nothing"
    if any(_numbers(options)):  # which is said anyway
        options = replace(options, time_limit_s=PLENTY_S)
    try:
        schedule_of(options)
    except (NemesisNameError, ScenarioError, ScheduleError) as error:
        yield str(error)


def _numbers(options: RunOptions) -> Iterator[str]:
    for what, value, least, most in (
        ("time-limit", options.time_limit_s, 0.1, 30 * 86_400),
        ("rate", options.rate, 0.1, 100_000),
        ("concurrency", options.concurrency, 1, 1000),
        ("queues", options.queues, 1, 1024),
    ):
        if not least <= value <= most:
            yield f"{what}: expected {least:g} to {most:,.10g}, got {value:,.10g}"


def _toxiproxy(options: RunOptions) -> Iterator[str]:
    """Look for the server that is asked for; only the embedded one is always there."""
    yield from _one_of("toxiproxy", options.toxiproxy, TOXIPROXIES)
    if options.toxiproxy == "embedded" or options.world == "simulated":
        return
    try:
        found = find_executable()
    except ToxiproxyError as error:
        yield f"toxiproxy: {error}"
        return
    if found is None and options.toxiproxy == "real":
        yield (
            "toxiproxy: expected toxiproxy-server on PATH or where TOXIPROXY_SERVER says, found "
            "none; `make toxiproxy` installs it, and --toxiproxy embedded needs none"
        )


def _ports(options: RunOptions) -> Iterator[str]:
    if not options.ports:
        return
    wanted = range(options.ports, options.ports + BLOCK_SIZE)
    if not 1024 <= wanted.start < wanted.stop <= 32_768:
        yield (
            f"ports: expected a first port from 1024 to {32_768 - BLOCK_SIZE}, below the ephemeral "
            f"ports, got {options.ports}"
        )
        return
    used = [str(port) for port in wanted if not port_is_free(port)]
    if used:
        yield f"ports: in use already: {', '.join(used)}; leave --ports out to lease a free block"


def _distribution(options: RunOptions) -> Iterator[str]:
    """Look for RocketMQ, and for what only our own brokers do."""
    if problem := problem_of(options.rocketmq):
        yield problem
    if options.volatile:
        yield (
            "volatile: RocketMQ maps its files into memory, which a SIGKILL does not take away; "
            "leave --volatile out, or use --world local or simulated"
        )
    if options.node_command:
        yield "node-command: expected none in the rocketmq world, whose nodes are RocketMQ's"


def _not_of_this_world(options: RunOptions) -> Iterator[str]:
    if options.rocketmq:
        yield f"rocketmq: only --world rocketmq runs it, got --world {options.world}"


def _folder(options: RunOptions) -> Iterator[str]:
    """Write a file where the run's folder will be, and count what is left."""
    folder = _nearest_existing(options.out_folder.absolute())
    if not folder.is_dir():
        yield f"out: expected a folder, found the file {folder}; choose another one with --out"
        return
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"mqhavoc")
    except OSError as error:
        yield f"out: cannot write to {folder}: {error.strerror}; choose another folder with --out"
        return

    latest = options.out_folder / "latest"
    if latest.is_dir() and not latest.is_symlink():
        yield f"out: expected a link to the newest run at {latest}, found a folder; move it away"
    if any(_numbers(options)):
        return  # nobody knows how much it would take
    needed, free = free_bytes_needed(options), shutil.disk_usage(folder).free
    if free < needed:
        yield (
            f"out: expected {needed >> 20} MB free in {folder} for a run this long and fast, found "
            f"{free >> 20} MB"
        )


def _nearest_existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _loopback() -> Iterator[str]:
    """Everything that a client connects to listens on 127.0.0.1."""
    try:
        with socket.create_server(("127.0.0.1", 0)):
            pass
    except OSError as error:
        yield f"loopback: cannot listen on 127.0.0.1: {error.strerror}"
