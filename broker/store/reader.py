"""Everything that reads a store: by queue offset, by time, by key, by place in the log."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from broker.store.commit_log import CommitLog
from broker.store.config import StoreConfig
from broker.store.key_index import KeyIndex
from broker.store.queues import Queues
from broker.store.reading import GetStatus, Got, PullLimits, Query, choose, standing
from broker.store.records import nearest_in_time, read_record, read_spans, store_timestamp_at
from broker.store.scan import Dispatch, DispatchReader, walk

__all__ = ["StoreReader"]

# RocketMQ looks at this many entries for one pull, if few of them match.
SCAN_ENTRIES: Final = 16000 // 20


@dataclass(slots=True)
class StoreReader:
    """The readers of one store; ``readable_end`` says how far they see."""

    config: StoreConfig
    log: CommitLog
    queues: Queues
    index: KeyIndex
    readable_end: Callable[[], int]
    limits: PullLimits

    def get(
        self,
        topic: str,
        queue_id: int,
        offset: int,
        max_count: int,
        tag_codes: Collection[int] | None,
    ) -> Got:
        """Answer a pull."""
        queue = self.queues.table.get((topic, queue_id))
        if queue is None:
            return Got(GetStatus.NO_MATCHED_LOGIC_QUEUE, [], 0, 0, 0)
        readable = self.readable_end()
        end = queue.end if readable == self.log.end else queue.readable_end(readable)
        status, go_on = standing(offset, queue.start, end)
        if status is not GetStatus.FOUND:
            return Got(status, [], go_on, queue.start, end)

        limits = self.limits
        if tag_codes is None:
            scanned = min(max(1, max_count), max(limits.count_in_memory, limits.count_in_disk))
        else:
            scanned = SCAN_ENTRIES
        entries = queue.entries(offset, min(scanned, end - offset))
        spans, next_offset = choose(
            entries,
            offset,
            max_count,
            tag_codes=tag_codes,
            memory_from=self.log.end - self.config.memory_bytes,
            limits=limits,
        )
        records = read_spans(self.log, spans)
        if not records:
            status = GetStatus.MESSAGE_WAS_REMOVING if spans else GetStatus.NO_MATCHED_MESSAGE
        return Got(status, records, next_offset, queue.start, end)

    def queue_bounds(self, topic: str, queue_id: int) -> tuple[int, int]:
        """Give a queue's first offset and the one behind its last readable message."""
        queue = self.queues.get(topic, queue_id)
        if queue is None:
            return 0, 0
        return queue.start, queue.readable_end(self.readable_end())

    def take_grown(self) -> list[tuple[str, int]]:
        """Name the queues in which more may be read than when this was last asked."""
        grown = list(self.queues.grown)
        if self.readable_end() == self.log.end:
            self.queues.grown.clear()  # else the next sync makes more of them readable
        return grown

    def offset_by_time(self, topic: str, queue_id: int, timestamp: int) -> int:
        """Give the offset of the message stored at a time, or of the nearest one."""
        queue = self.queues.get(topic, queue_id)
        start, end = self.queue_bounds(topic, queue_id)
        if queue is None or start == end:
            return start
        return nearest_in_time(
            start,
            end,
            timestamp,
            lambda number: store_timestamp_at(self.log, queue.entry(number).physical_offset),
        )

    def store_timestamp(self, topic: str, queue_id: int, offset: int) -> int:
        """Give the store time of a message; -1 if there is none at that offset."""
        queue = self.queues.get(topic, queue_id)
        start, end = self.queue_bounds(topic, queue_id)
        if queue is None or not start <= offset < end:
            return -1
        return store_timestamp_at(self.log, queue.entry(offset).physical_offset)

    def record_at(self, physical_offset: int) -> bytes | None:
        """Give the record that begins at a place in the log, or None if none does."""
        record = read_record(self.log, physical_offset)
        if record is None or physical_offset + len(record) > self.readable_end():
            return None
        return record

    def query(self, topic: str, key: str, max_count: int, begin: int, end: int) -> Query:
        """Find the newest messages with a key, stored between two times."""
        records: dict[int, bytes] = {}
        for physical_offset in self.index.lookup(topic, key, begin, end):
            record = self.record_at(physical_offset)
            # What is being written out just now is found in memory and in its file.
            if record is None or physical_offset in records:
                continue
            found = self._facts(record, physical_offset)
            if found.topic == topic and key in found.keys and begin <= found.store_timestamp <= end:
                records[physical_offset] = record
                if len(records) >= max_count:
                    break
        index = self.index
        return Query([*records.values()], index.end_timestamp, max(0, index.end_offset))

    def _facts(self, record: bytes, offset: int) -> Dispatch:
        """Read what an index entry only hints at: topic, keys and time."""
        found = walk(record, offset, self.log.segments.file_size, DispatchReader())
        return found.records[0] if found.records else Dispatch("", 0, 0, offset, 0, 0, 0, ())
