"""Pulls that wait for a message to arrive: RocketMQ's long polling.

A pull that would get nothing is parked on its queue, and goes on when the queue grows beyond the
offset that it wants, when its time is up, or when nobody is there any more who could be answered.
Whoever stores says which queues have grown, and no other is looked at.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["ParkedPulls"]


_Wish: TypeAlias = tuple[int, object]  # the offset that is wanted, and by whom


@dataclass(slots=True)
class ParkedPulls:
    """The pulls that wait, by queue; ``end_of`` says how far one can be read."""

    end_of: Callable[[str, int], int]
    _parked: dict[tuple[str, int], dict[asyncio.Future[bool], _Wish]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(waiting) for waiting in self._parked.values())

    async def wait(
        self, topic: str, queue_id: int, offset: int, timeout_ms: float, reader: object = None
    ) -> bool:
        """Wait until the queue holds a message at ``offset``; False if it waited in vain."""
        if offset < self.end_of(topic, queue_id):
            return True  # it came between the look that found nothing and this wait
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[bool] = loop.create_future()
        waiting = self._parked.setdefault((topic, queue_id), {})
        waiting[arrived] = offset, reader
        timer = loop.call_later(timeout_ms / 1000, _settle, arrived, False)  # noqa: FBT003 - a result
        try:
            return await arrived
        finally:
            timer.cancel()
            waiting.pop(arrived, None)
            if not waiting and self._parked.get((topic, queue_id)) is waiting:
                del self._parked[topic, queue_id]

    def wake(self, grown: Iterable[tuple[str, int]]) -> None:
        """Let those go on whose message is there, in queues that have grown."""
        for queue in grown:
            waiting = self._parked.get(queue)
            if waiting:
                end = self.end_of(*queue)
                for arrived, (offset, _) in waiting.items():
                    if offset < end:
                        _settle(arrived, True)  # noqa: FBT003 - a result

    def forget(self, gone: object) -> None:
        """Let the pulls of a reader that is gone go on, with nothing."""
        for waiting in self._parked.values():
            for arrived, (_, reader) in waiting.items():
                if reader is gone:
                    _settle(arrived, False)  # noqa: FBT003 - a result

    def wake_all(self) -> None:
        """Let all go on, with nothing."""
        for waiting in self._parked.values():
            for arrived in waiting:
                _settle(arrived, False)  # noqa: FBT003 - a result


def _settle(arrived: asyncio.Future[bool], result: bool) -> None:  # noqa: FBT001 - a result
    if not arrived.done():
        arrived.set_result(result)
