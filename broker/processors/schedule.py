"""Delayed messages leave SCHEDULE_TOPIC_XXXX when they are due; on the master alone.

One task a level, since within a level messages become due in the order in which they came. How
far a level has been delivered is kept in delayOffset.json, but only as far as the copies are on
disk: an offset that outlived its copies would lose them, one that is too old delivers some twice.
"""

import asyncio

import msgspec

from broker.errors import FlushError, MessageIllegalError, StoreError
from broker.nameserver.topics import from_json
from broker.processors.delayed import due
from broker.processors.state import BrokerState
from broker.remoting import fastjson
from broker.store.message import StoredMessage, decode_message
from broker.store.reading import GetStatus
from broker.tables.topics import SCHEDULE_TOPIC

__all__ = [
    "clamp_delay_offsets",
    "deliver_level",
    "durable_delay_offsets",
    "read_delay_offsets",
]

PATIENCE_MS = 10_000  # a level without messages is looked at so often, or when one arrives
RETRY_MS = 1000  # after the store refused


class _DelayOffsets(msgspec.Struct, rename="camel"):
    offset_table: dict[int, int] = {}


def read_delay_offsets(data: bytes) -> dict[int, int]:
    """Read delayOffset.json, or a master's answer."""
    return from_json(data, _DelayOffsets).offset_table


def clamp_delay_offsets(state: BrokerState) -> list[str]:
    """Bring offsets beyond their level's end back to it; say which.

    Before a message can come: one that takes a lost one's place has not been delivered.
    """
    clamped = []
    for level, offset in state.delay_offsets.items():
        end = state.store.queues.end(SCHEDULE_TOPIC, level - 1)
        if offset > end:
            state.delay_offsets[level] = end
            clamped.append(f"delay level {level} from {offset} to {end}")
    return clamped


async def durable_delay_offsets(state: BrokerState) -> bytes | None:
    """Give delayOffset.json as of now, once all it speaks of is on disk; None if it never is."""
    offsets = dict(state.delay_offsets)
    try:
        flushed = await state.store.wait_flushed(state.store.log.end, PATIENCE_MS)
    except FlushError:
        return None
    return fastjson.dumps({"offsetTable": offsets}) if flushed else None


async def deliver_level(state: BrokerState, level: int) -> None:
    """Deliver one level's messages as they become due, for ever."""
    while True:
        try:
            await _deliver_next(state, level)
        except (OSError, StoreError) as error:
            state.log.warning("delay-level-unreadable", level=level, why=str(error))
            await asyncio.sleep(RETRY_MS / 1000)


async def _deliver_next(state: BrokerState, level: int) -> None:
    """Deliver what the level holds next, or wait for it."""
    queue_id = level - 1
    offset = state.delay_offsets.get(level, 0)
    got = state.store.get(SCHEDULE_TOPIC, queue_id, offset)
    if got.status is not GetStatus.FOUND:
        if got.next_offset != offset:
            state.delay_offsets[level] = got.next_offset  # the log lost its head
        else:
            await state.parked.wait(SCHEDULE_TOPIC, queue_id, offset, PATIENCE_MS)
    for record in got.records:
        message = decode_message(record)
        await _sleep_until_due(state, message, level)
        if not _deliver(state, message):
            await asyncio.sleep(RETRY_MS / 1000)
            return
        state.delay_offsets[level] = message.queue_offset + 1


async def _sleep_until_due(state: BrokerState, message: StoredMessage, level: int) -> None:
    delay_ms = state.config.delay_levels_ms[level - 1]
    wait_ms = message.store_timestamp + delay_ms - state.ports.clock.now_ms()
    # A clock that was set back must not hold a message for longer than its level says.
    await asyncio.sleep(max(0, min(wait_ms, delay_ms)) / 1000)


def _deliver(state: BrokerState, message: StoredMessage) -> bool:
    """Put a message where it belongs; False if the store refuses now."""
    try:
        state.store.put(due(message))
    except StoreError as error:
        state.log.warning("delayed-message-refused", offset=message.physical_offset, why=str(error))
        return isinstance(error, MessageIllegalError)  # it never will be put: pass over it
    except (KeyError, ValueError):
        state.log.warning("delayed-message-without-a-place", offset=message.physical_offset)
    return True
