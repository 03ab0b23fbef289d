"""How safe a message is before its sender hears of it: on disk, on the slave, or on both.

Each wait is as RocketMQ's, but for what the slave gets: under SYNC_FLUSH a record is shipped once
it is on disk, so slaveTimeout begins there, and a record that did not reach the disk in time
cannot be on the slave either. Who waits leaves a callback: a task for every message would cost
more than its storing.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from broker.config import BrokerRole, FlushDiskType
from broker.errors import BrokerError, FlushError
from broker.processors.state import BrokerState
from broker.remoting.codes import ResponseCode, SendStatus
from broker.store.flushing import Flushed

__all__ = ["Settled", "settle", "settled"]

Settled: TypeAlias = SendStatus | BrokerError
"""What a sender is told: a status, or that nobody can say whether its message will survive."""


def settle(state: BrokerState, end: int, then: Callable[[Settled], None]) -> None:
    """Tell what ends there as soon as it is as safe as the broker's mode promises."""
    config = state.config
    on_disk = partial(_on_disk, state, end, then)
    if config.flush_disk_type is FlushDiskType.SYNC_FLUSH:
        state.store.when_flushed(end, config.sync_flush_timeout, on_disk)
    else:
        on_disk(True)  # noqa: FBT003 - as the store would say it


async def settled(state: BrokerState, end: int) -> SendStatus:
    """Wait for what ``settle`` tells; ``BrokerError`` if that is no acknowledgement of any kind."""
    future: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()
    settle(state, end, lambda told: None if future.done() else future.set_result(told))
    told = await future
    if isinstance(told, BrokerError):
        raise told
    return told


def _on_disk(
    state: BrokerState, end: int, then: Callable[[Settled], None], flushed: Flushed
) -> None:
    """Go on to the slave, if the mode wants that and there is something for it."""
    if isinstance(flushed, FlushError):
        then(BrokerError(ResponseCode.SYSTEM_ERROR, f"flush failed: {flushed}"))
    elif state.config.broker_role is not BrokerRole.SYNC_MASTER:
        then(SendStatus.SEND_OK if flushed else SendStatus.FLUSH_DISK_TIMEOUT)
    elif flushed:
        state.master.when_replicated(end, then)
    else:
        fed = state.master.core.mark is not None
        then(SendStatus.FLUSH_SLAVE_TIMEOUT if fed else SendStatus.SLAVE_NOT_AVAILABLE)
