"""The consume queues of a store, by topic and queue id, and what the log puts into them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from broker.errors import MessageIllegalError
from broker.ports import Disk
from broker.store.consume_queue import ConsumeQueue, Entry
from broker.store.scan import Dispatch
from broker.store.segments import Segments

__all__ = ["Queues", "is_folder_name"]

# Unwritten bytes after which a rebuild writes a queue out, lest a big log end up in memory.
REBUILD_UNWRITTEN_MAX = 1 << 20


def is_folder_name(topic: str) -> bool:
    """Say whether a topic's name can be the name of a folder, and of no other place."""
    return "/" not in topic and topic not in (".", "..")


@dataclass(slots=True)
class Queues:
    """Every consume queue of one store."""

    disk: Disk
    folder: str
    file_size: int
    table: dict[tuple[str, int], ConsumeQueue] = field(default_factory=dict)
    grown: dict[tuple[str, int], None] = field(default_factory=dict)
    """Which have got messages since ``MessageStore.take_grown`` was asked."""

    def get(self, topic: str, queue_id: int) -> ConsumeQueue | None:
        """Give a queue that has been written to, or None."""
        return self.table.get((topic, queue_id))

    def end(self, topic: str, queue_id: int) -> int:
        """Give the number that a queue's next message will have."""
        queue = self.table.get((topic, queue_id))
        return queue.end if queue is not None else 0

    def of(self, topic: str, queue_id: int) -> ConsumeQueue:
        """Give a queue, beginning it if need be."""
        queue = self.table.get((topic, queue_id))
        if queue is None:
            if not is_folder_name(topic) or queue_id < 0:
                raise MessageIllegalError(f"no queue can be named {topic!r} {queue_id}")
            queue = ConsumeQueue(self._segments(topic, queue_id))
            self.table[topic, queue_id] = queue
        return queue

    def load(
        self, durable_below: int, belongs: Callable[[str, int, int, Entry], bool]
    ) -> list[str]:
        """Find the queues on disk, each up to a log offset; say what was odd about them."""
        odd: list[str] = []
        self.table.clear()
        for topic in self.disk.list(self.folder):
            for name in self.disk.list(f"{self.folder}/{topic}"):
                if not name.isdecimal():
                    continue
                queue_id = int(name)
                segments = self._segments(topic, queue_id)
                odd += segments.load()
                if not segments.files:
                    continue  # a deleted topic's: folders stay
                queue = ConsumeQueue(segments)
                queue.load(durable_below, partial(belongs, topic, queue_id))
                self.table[topic, queue_id] = queue
        return odd

    def append(self, topic: str, queue_id: int, offset: int, size: int, code: int) -> None:
        """Enter a message that was just appended to the log; its queue has been begun."""
        queue = topic, queue_id
        self.table[queue].append(offset, size, code)
        self.grown[queue] = None

    def put(self, records: Iterable[Dispatch]) -> None:
        """Enter records that the log already holds; entering them twice changes nothing."""
        for record in records:
            if record.queued and is_folder_name(record.topic) and record.queue_id >= 0:
                self.of(record.topic, record.queue_id).put(
                    record.queue_offset, record.physical_offset, record.size, record.tags_code
                )
                self.grown[record.topic, record.queue_id] = None

    def rebuild(self, records: Iterable[Dispatch]) -> None:
        """Enter many records at a start, without holding them all in memory."""
        self.put(records)
        for queue in self.table.values():
            if queue.unwritten > REBUILD_UNWRITTEN_MAX:
                queue.write_out()

    def write_out(self, least: int = 1) -> None:
        """Write out the queues that hold at least so many unwritten bytes."""
        for queue in self.table.values():
            if queue.unwritten >= least:
                queue.write_out()

    async def sync(self) -> None:
        """Return once every entry is written and durable."""
        for queue in list(self.table.values()):
            if queue.dirty:
                queue.write_out()
                await queue.sync()

    def remove_below(self, physical_offset: int) -> None:
        """Forget the messages whose records are gone."""
        for queue in self.table.values():
            queue.remove_below(physical_offset)

    def remove_topic(self, topic: str) -> list[str]:
        """Forget a topic's queues and remove their files; return the folders to sync."""
        folders = []
        for key in [key for key in self.table if key[0] == topic]:
            segments = self.table.pop(key).segments
            segments.remove_all()
            folders.append(segments.folder)
        return folders

    def close(self) -> None:
        """Close every file."""
        for queue in self.table.values():
            queue.segments.close()

    def _segments(self, topic: str, queue_id: int) -> Segments:
        return Segments(self.disk, f"{self.folder}/{topic}/{queue_id}", self.file_size)
