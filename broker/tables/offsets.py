"""How far each group has consumed each queue.

Offsets belong to ``topic@group``, as in RocketMQ's consumerOffset.json. What a group committed may
be larger than what a queue holds, after a log lost its tail: ``clamp`` brings it back to the end,
where the next message will be, so that nothing is passed over (P11).

A slave is told offsets by consumers whose master is out of reach, and copies its master's table.
RocketMQ's lets each copy overwrite, and so forgets within seconds what it was told itself. Ours
keeps that until the master's offset has come as far, or has gone back: then somebody reset it. A
slave that gave its own records up gives up what was committed for them, too.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from broker.nameserver.topics import from_json, to_json

__all__ = ["OffsetTable"]

EVER = 1 << 62  # an offset that no queue reaches


class _Wrapper(msgspec.Struct, rename="camel"):
    """Java's ``ConsumerOffsetSerializeWrapper``, on the wire and in consumerOffset.json."""

    offset_table: dict[str, dict[int, int]] = {}


@dataclass(slots=True)
class OffsetTable:
    """Every committed offset of a broker."""

    offsets: dict[str, dict[int, int]] = field(default_factory=dict)
    _copied: dict[str, dict[int, int]] = field(default_factory=dict)  # the master's, as last seen

    def get(self, group: str, topic: str, queue_id: int) -> int | None:
        """Give the offset that a group committed for a queue, if it did."""
        return self.offsets.get(f"{topic}@{group}", {}).get(queue_id)

    def commit(self, group: str, topic: str, queue_id: int, offset: int) -> None:
        """Note how far a group is; also if that is less far than before."""
        self.offsets.setdefault(f"{topic}@{group}", {})[queue_id] = offset

    def topics_of(self, group: str) -> list[str]:
        """Give the topics that a group committed offsets for."""
        return [topic for topic, by in map(_parts, self.offsets) if by == group]

    def groups_of(self, topic: str) -> list[str]:
        """Give the groups that committed offsets for a topic."""
        return [group for name, group in map(_parts, self.offsets) if name == topic]

    def remove_topic(self, topic: str) -> None:
        """Forget what was committed for a topic that is gone."""
        self._remove_if(lambda key: _parts(key)[0] == topic)

    def remove_group(self, group: str) -> None:
        """Forget what a group committed."""
        self._remove_if(lambda key: _parts(key)[1] == group)

    def clamp(self, end_of: Callable[[str, int], int]) -> list[str]:
        """Bring offsets beyond their queue's end back to it; say which."""
        clamped = []
        for key, offsets in self.offsets.items():
            topic, _ = _parts(key)
            for queue_id, offset in offsets.items():
                end = end_of(topic, queue_id)
                if offset > end:
                    offsets[queue_id] = end
                    clamped.append(f"{key}:{queue_id} from {offset} to {end}")
        return clamped

    def give_up(self) -> None:
        """Let the next copy overwrite everything, as what was committed here was of another log."""
        self._copied = {key: dict.fromkeys(one, EVER) for key, one in self.offsets.items()}

    def to_json(self) -> bytes:
        """Write the table as it travels, and as consumerOffset.json keeps it."""
        return to_json(_Wrapper(self.offsets))

    def load(self, data: bytes) -> None:
        """Take over what was saved, whoever it came from."""
        for key, offsets in from_json(data, _Wrapper).offset_table.items():
            self.offsets.setdefault(key, {}).update(offsets)
            self._copied.setdefault(key, {}).update(offsets)

    def copy(self, data: bytes) -> None:
        """Take over a master's offsets, but for those that were committed here and are ahead."""
        for key, offsets in from_json(data, _Wrapper).offset_table.items():
            mine, before = self.offsets.setdefault(key, {}), self._copied.get(key, {})
            for queue_id, offset in offsets.items():
                is_ahead = mine.get(queue_id, offset) > offset
                went_back = offset < before.get(queue_id, 0)
                if went_back or not is_ahead:
                    mine[queue_id] = offset
            self._copied[key] = offsets

    def _remove_if(self, is_gone: Callable[[str], bool]) -> None:
        for table in (self.offsets, self._copied):
            for key in filter(is_gone, list(table)):
                del table[key]


def _parts(key: str) -> tuple[str, str]:
    """Take a key apart: no topic has an @ in its name."""
    topic, _, group = key.partition("@")
    return topic, group
