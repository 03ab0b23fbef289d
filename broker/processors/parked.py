"""Pulls that wait for a message to arrive: RocketMQ's long polling.

A pull that would get nothing is parked on its queue, and goes on when the queue grows beyond the
offset that it wants, or when its time is up. ``wake`` looks at every queue that someone waits for,
once in a turn of the event loop at most, however many messages were stored in that turn.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["ParkedPulls"]


@dataclass(slots=True)
class ParkedPulls:
    """The pulls that wait, by queue."""

    _parked: dict[tuple[str, int], dict[asyncio.Future[bool], int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(waiting) for waiting in self._parked.values())

    def __bool__(self) -> bool:
        return bool(self._parked)  # a queue that nobody waits for is not in it

    async def wait(self, topic: str, queue_id: int, offset: int, timeout_ms: float) -> bool:
        """Wait until the queue holds a message at ``offset``; False if time ran out."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[bool] = loop.create_future()
        waiting = self._parked.setdefault((topic, queue_id), {})
        waiting[arrived] = offset
        timer = loop.call_later(timeout_ms / 1000, _settle, arrived, False)  # noqa: FBT003 - a result
        try:
            return await arrived
        finally:
            timer.cancel()
            waiting.pop(arrived, None)
            if not waiting and self._parked.get((topic, queue_id)) is waiting:
                del self._parked[topic, queue_id]

    def wake(self, end_of: Callable[[str, int], int]) -> None:
        """Let those go on whose message is there."""
        for (topic, queue_id), waiting in self._parked.items():
            end = end_of(topic, queue_id)
            for arrived, offset in waiting.items():
                if offset < end:
                    _settle(arrived, True)  # noqa: FBT003 - a result

    def wake_all(self) -> None:
        """Let all go on, with nothing."""
        for waiting in self._parked.values():
            for arrived in waiting:
                _settle(arrived, False)  # noqa: FBT003 - a result


def _settle(arrived: asyncio.Future[bool], result: bool) -> None:  # noqa: FBT001 - a result
    if not arrived.done():
        arrived.set_result(result)
