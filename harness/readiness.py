"""A cluster is ready when it says so: asked for, never slept for.

both brokers are registered   the name server knows id 0 and id 1
the slave is fed              the master counts a slave that proved its likeness; of a master that
                              does not count: a message that was sent is on the slave, too
a topic has a route           clients can find its queues on both brokers
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from broker.errors import MqError
from harness.convergence import CONVERGENCE_TOPIC
from harness.sessions import ClusterOperator, OpensSessions
from harness.workloads.queue import TOPIC
from nemesis.targets import TargetError

__all__ = ["FindsRoutes", "ready_topic", "routed", "until_copied", "until_fed"]

READY_MS_MAX = 30_000
POLL_S = 0.02


class FindsRoutes(Protocol):
    """Whoever can ask the name server."""

    async def has_route(self, topic: str) -> bool:
        """Whether both nodes are known for a topic."""


async def until_fed(sessions: OpensSessions) -> None:
    """Wait until both brokers are registered and the slave is fed."""
    operator = ClusterOperator(sessions)
    try:
        await _until("both brokers are registered", lambda: _registered(operator))
        await _until("the slave is fed", lambda: _fed(operator))
    finally:
        await operator.close()


async def until_copied(sessions: OpensSessions) -> None:
    """Wait until both brokers are registered and a message reaches the slave."""
    operator = ClusterOperator(sessions)
    try:
        await _until("both brokers are registered", lambda: _registered(operator))
        await _until("a message is stored", lambda: _stored(operator))
        await _until("the slave copies it", lambda: _copied(sessions))
    finally:
        await operator.close()


async def ready_topic(sessions: OpensSessions, queues: int) -> None:
    """Make the workload's topic, and wait until clients can find it."""
    operator = ClusterOperator(sessions)
    try:
        await operator.create_topic(TOPIC, queues)
        await _until(f"topic {TOPIC} has a route", lambda: operator.has_route(TOPIC))
    finally:
        await operator.close()


async def routed(operator: FindsRoutes) -> str:
    """Wait until clients can find both nodes again; the answer is empty, or says what was missing.

    After the last cure a node may still be on its way back into the name server's routes.
    """
    try:
        await _until(f"both nodes are in the route of {TOPIC}", lambda: operator.has_route(TOPIC))
    except TargetError as error:
        return str(error)
    return ""


async def _registered(operator: ClusterOperator) -> bool:
    return set(await operator.brokers()) >= {0, 1}


async def _fed(operator: ClusterOperator) -> bool:
    return int((await operator.status("master")).get("haSlaves", "0")) > 0


async def _stored(operator: ClusterOperator) -> bool:
    return bool(await operator.send(CONVERGENCE_TOPIC, b"is the slave there?"))


async def _copied(sessions: OpensSessions) -> bool:
    master, slave = await asyncio.gather(sessions.ends("master"), sessions.ends("slave"))
    return bool(master.end) and master.end == slave.end


async def _until(what: str, holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it holds; an error is a no, and the last one is told if it never does."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY_MS_MAX / 1000
    last = "it did not hold"
    while loop.time() < deadline:
        try:
            if await holds():
                return
        except (MqError, OSError, ValueError) as error:
            last = f"{type(error).__name__}: {error}"
        await asyncio.sleep(POLL_S)
    raise TargetError(f"expected within {READY_MS_MAX} ms that {what}: {last}")
