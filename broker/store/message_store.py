"""The store of one node: messages in, records out, and nothing acknowledged is ever lost.

    put, put_batch      append to the log and enter into queue and index, at once
    wait_flushed        until it is durable
    append_raw          the same for a slave, with its master's bytes
    get, query, ...     readers; under SYNC_FLUSH they see durable records only

A put that raises a definite error has left nothing behind. After a failed sync, or a failed write
that could not be erased, the store is read-only: ``failure`` says why, and ``close`` leaves the
abort file, so that the next start recovers.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final
from zlib import crc32

import msgspec

from broker.errors import (
    DiskFullError,
    MessageIllegalError,
    RecordError,
    StoreBlockedError,
    StoreClosedError,
    StoreError,
)
from broker.ports import Ports
from broker.store.abort import AbortFile, LastStop
from broker.store.checkpoint import Checkpoint, Mark, write_checkpoint
from broker.store.commit_log import CommitLog
from broker.store.config import StoreConfig
from broker.store.flushing import LogFlusher, Waiter
from broker.store.key_index import KeyIndex
from broker.store.loading import Loader
from broker.store.locking import take_lock
from broker.store.message import MessageDraft, encode_record, message_id
from broker.store.properties import keys_of
from broker.store.queues import Queues
from broker.store.raw_tail import RawTail
from broker.store.reader import StoreReader
from broker.store.reading import Got, PullLimits, Query
from broker.store.recovery import Recovery
from broker.store.scan import Dispatch, DispatchReader, queue_tags_code
from broker.store.segments import Segments
from broker.store.upkeep import LastRecord, Upkeep

__all__ = ["Appended", "MessageStore"]

CRC_CHUNK: Final = 1 << 20
EVER: Final = 1 << 62


class Appended(msgspec.Struct, frozen=True):
    """Where a message went; ``end`` is what ``wait_flushed`` and a slave must reach."""

    physical_offset: int
    size: int
    end: int
    queue_offset: int
    store_timestamp: int
    message_id: str


class MessageStore:
    """One node's messages, from ``load`` to ``close``."""

    def __init__(self, config: StoreConfig, ports: Ports) -> None:
        disk = ports.disk
        self.config = config
        self.log = CommitLog(Segments(disk, config.commit_log_path, config.log_file_size))
        self.queues = Queues(disk, config.consume_queue_path, config.queue_file_size)
        self.index = KeyIndex(disk, config.index_path, config.index_slots, config.index_entries)
        self.on_appended: list[Callable[[int], None]] = []
        self.failure: str | None = None
        self._ports = ports
        self._crash_point = ports.crash_point
        self._last = LastRecord()
        self._flusher = LogFlusher(self.log, ports.crash_point, on_failed=self._fail)
        self._upkeep = Upkeep(
            config, ports, self.log, self.queues, self.index, self._flusher, self._last, self._fail
        )
        limits = PullLimits(
            config.pull_bytes_in_memory,
            config.pull_count_in_memory,
            config.pull_bytes_in_disk,
            config.pull_count_in_disk,
        )
        self._reader = StoreReader(
            config, self.log, self.queues, self.index, lambda: self.readable_end, limits
        )
        self._reading = DispatchReader(config.delay_levels_ms)
        self._loaded = False
        self._unlock: Callable[[], None] | None = None
        self._tail = RawTail()

    # Life.

    async def load(self) -> Recovery:
        """Take the lock, recover what the last run left, and be ready for messages."""
        assert not self._loaded, "a store is loaded once"
        self._unlock = take_lock(self._ports.disk, self.config.root)
        try:
            abort = AbortFile(self._ports.disk, self.config.abort_path)
            recovery = await self._recover(abort.last_stop())
            await abort.make()
        except BaseException:
            await self.close(clean=False)
            raise
        self._loaded = True
        return recovery

    def start(self) -> None:
        """Start the timers that flush, save checkpoints and remove old files."""
        self._upkeep.start()

    async def close(self, *, clean: bool = True) -> None:
        """Stop; a clean stop makes everything durable and lets the next start trust it."""
        self._loaded, was_loaded = False, self._loaded
        await self._upkeep.stop()
        await self._flusher.stop()
        try:
            if clean and was_loaded and self.failure is None:
                await self._upkeep.save()
                await AbortFile(self._ports.disk, self.config.abort_path).remove()
        finally:
            self._flusher.abandon()
            self.log.segments.close()
            self.queues.close()
            self.index.close()
            if self._unlock is not None:
                self._unlock()
                self._unlock = None

    async def save(self) -> None:
        """Make everything durable and save a checkpoint now."""
        await self._upkeep.save()

    async def remove_expired(self) -> int:
        """Remove the old files that may go now; return how many log files went."""
        return await self._upkeep.remove_expired()

    async def truncate(self, offset: int) -> int:
        """Give up everything from an offset on (an operator's command); return the new end.

        The log ends at the last whole record before it. What was given up never comes back.
        """
        async with self._upkeep.saving:
            # A sync under way, or begun by a timer amid this, would call the old end durable.
            await self._flusher.wait(self.log.end)
            await write_checkpoint(self._ports.disk, self.config.checkpoint_path, Checkpoint())
            try:
                if self.log.segments.erase_from(offset):
                    await self.log.segments.sync_folder()
                self.queues.close()
                self.index.close()
                await self._recover(LastStop.CRASH)
            except (OSError, StoreError) as error:
                self._fail(f"cutting the log at {offset} failed: {error}; restart")
                raise
        return self.log.end

    async def remove_topic(self, topic: str) -> None:
        """Forget a topic's queues; made anew, they begin at 0 again."""
        async with self._upkeep.saving:
            for folder in self.queues.remove_topic(topic):
                await self._ports.disk.sync_folder(folder)
        # A later start must not find its old messages in the log and number on from them.
        await self._upkeep.save()

    # Writing.

    def put(self, draft: MessageDraft) -> Appended:
        """Store one message; ``StoreError`` if it can't be, and then nothing was."""
        if self._refusal() is not None:
            raise self._refuse()
        queue = self.queues.of(draft.topic, draft.queue_id)
        queue_offset = queue.end
        time = self._ports.clock.now_ms()
        host = self.config.store_host
        offset = self.log.end
        record = encode_record(draft, queue_offset, offset, time, host)
        size = len(record)
        if size > self.config.message_size_max:
            raise self._too_big(size)
        placed = self.log.place(size)
        if placed != offset:
            offset = placed
            record = encode_record(draft, queue_offset, offset, time, host)
        end = self.log.append(offset, record)
        self._enter(draft, offset, size, time)
        self._appended(Mark(offset, end), time, end)
        return Appended(offset, size, end, queue_offset, time, message_id(host, offset))

    def put_batch(self, drafts: Sequence[MessageDraft]) -> list[Appended]:
        """Store messages of one queue one behind the other, all or none, in one write."""
        if self._refusal() is not None:
            raise self._refuse()
        first = drafts[0]
        if any((d.topic, d.queue_id) != (first.topic, first.queue_id) for d in drafts):
            raise MessageIllegalError("expected a batch for one queue, found several")
        queue_offset = self.queues.of(first.topic, first.queue_id).end
        time = self._ports.clock.now_ms()
        offset = self.log.end
        records = self._encode_batch(drafts, queue_offset, offset, time)
        total = sum(len(record) for record in records)
        if total > self.config.message_size_max:
            raise self._too_big(total)
        placed = self.log.place(total)
        if placed != offset:
            offset = placed
            records = self._encode_batch(drafts, queue_offset, offset, time)
        end = self.log.append(offset, b"".join(records))

        answers = []
        for number, (draft, record) in enumerate(zip(drafts, records, strict=True), queue_offset):
            size = len(record)
            self._enter(draft, offset, size, time)
            where = message_id(self.config.store_host, offset)
            answers.append(Appended(offset, size, offset + size, number, time, where))
            offset += size
        self._appended(Mark(answers[-1].physical_offset, end), time, end)
        return answers

    def append_raw(self, offset: int, data: bytes | bytearray | memoryview) -> int:
        """Store a master's bytes, cut anywhere, at our end; return the new end.

        Whole records are entered into queues and index; the rest waits for what is to come.
        ``RecordError``, with nothing stored, if the bytes are no log.
        """
        if not self._loaded or self.failure is not None or self.index.backlog is not None:
            raise self._refuse()
        self.log.check_place(offset)
        records, tail = self._tail.joined(offset, data, self.config.log_file_size, self._reading)
        end = self.log.append_raw(offset, data)
        self._tail = tail
        try:
            self._enter_records(records)
        except OSError as error:
            # With what comes next there would be a hole in a queue, and then in a checkpoint.
            self._fail(f"records before {end} are in the log and in no queue: {error}; restart")
            raise
        self._appended(self._last.mark, self._last.store_timestamp, end)
        return end

    async def wait_flushed(self, end: int, timeout_ms: int | None = None) -> bool:
        """Wait until everything before ``end`` is durable: True, or False if time is up.

        ``FlushError`` if a sync failed: then nobody may be told that the record is safe.
        """
        return await self._flusher.wait(end, timeout_ms)

    def when_flushed(self, end: int, timeout_ms: int, then: Waiter) -> None:
        """Tell the same without a task, the error as a value."""
        self._flusher.tell(end, timeout_ms, then)

    # Reading.

    @property
    def readable_end(self) -> int:
        """How far readers and slaves see: under SYNC_FLUSH no further than the disk (A1)."""
        return self.log.flushed if self.config.sync_flush else self.log.end

    @property
    def on_flushed(self) -> list[Callable[[int], None]]:
        """Who is told how far the log is durable, after each sync."""
        return self._flusher.on_flushed

    def get(
        self,
        topic: str,
        queue_id: int,
        offset: int,
        max_count: int = 32,
        tag_codes: Collection[int] | None = None,
    ) -> Got:
        """Answer a pull: records from an offset on whose tag is among some codes, or all."""
        return self._reader.get(topic, queue_id, offset, max_count, tag_codes)

    def queue_bounds(self, topic: str, queue_id: int) -> tuple[int, int]:
        """Give a queue's first offset and the one behind its last readable message."""
        return self._reader.queue_bounds(topic, queue_id)

    def take_grown(self) -> list[tuple[str, int]]:
        """Name the queues in which more may be read than when this was last asked."""
        return self._reader.take_grown()

    def offset_by_time(self, topic: str, queue_id: int, timestamp: int) -> int:
        """Give the offset of the message stored at a time, or of the nearest one."""
        return self._reader.offset_by_time(topic, queue_id, timestamp)

    def store_timestamp(self, topic: str, queue_id: int, offset: int) -> int:
        """Give the store time of a message; -1 if there is none at that offset."""
        return self._reader.store_timestamp(topic, queue_id, offset)

    def record_at(self, physical_offset: int) -> bytes | None:
        """Give the record that begins at a place in the log, or None if none does."""
        return self._reader.record_at(physical_offset)

    def query(
        self, topic: str, key: str, max_count: int = 32, begin: int = 0, end: int = EVER
    ) -> Query:
        """Find the newest messages with a key, stored between two times."""
        return self._reader.query(topic, key, max_count, begin, end)

    def read_log(self, offset: int, size: int) -> bytes:
        """Give the log's bytes for a slave: readable ones, never across a file's end."""
        room = self.config.log_file_size - offset % self.config.log_file_size
        return self.log.read(offset, min(size, room, self.readable_end - offset))

    def crc(self, begin: int, end: int, value: int = 0) -> int:
        """Give the CRC-32 of a stretch of the log, going on from ``value``."""
        while begin < end:
            data = self.log.read(begin, min(CRC_CHUNK, end - begin))
            if not data:
                raise RecordError(f"no bytes in the log from {begin} to {end}")
            value = crc32(data, value)
            begin += len(data)
        return value

    # Within.

    def _enter(self, draft: MessageDraft, offset: int, size: int, time: int) -> None:
        """Enter a message that was just appended into its queue and the index."""
        properties = draft.properties
        code = queue_tags_code(draft.topic, properties, time, self.config.delay_levels_ms)
        self.queues.append(draft.topic, draft.queue_id, offset, size, code)
        self._crash_point("between-queue-and-index")
        if self.config.index_enable:
            keys = keys_of(properties)
            if keys:
                self.index.add(draft.topic, tuple(keys), offset, time)

    def _enter_records(self, records: Sequence[Dispatch]) -> None:
        """Enter records that came as bytes."""
        if not records:
            return
        self.queues.put(records)
        self._crash_point("between-queue-and-index")
        if self.config.index_enable:
            self.index.add_again(records)
        newest = records[-1]
        self._last.mark = Mark(newest.physical_offset, newest.physical_offset + newest.size)
        self._last.store_timestamp = newest.store_timestamp

    def _appended(self, mark: Mark | None, time: int, end: int) -> None:
        """Note the newest record, and tell who wants to know."""
        self._last.mark, self._last.store_timestamp = mark, time
        if self.config.sync_flush:
            self._flusher.tick_soon()
        for callback in self.on_appended:
            callback(end)

    def _encode_batch(
        self, drafts: Sequence[MessageDraft], queue_offset: int, offset: int, time: int
    ) -> list[bytes]:
        records = []
        for number, draft in enumerate(drafts, queue_offset):
            records.append(encode_record(draft, number, offset, time, self.config.store_host))
            offset += len(records[-1])
        return records

    async def _recover(self, last_stop: LastStop) -> Recovery:
        loader = Loader(
            self.config, self._ports.disk, self.log, self.queues, self.index, self._crash_point
        )
        recovery, checkpoint, last = await loader.recover(last_stop)
        self._upkeep.checkpoint = checkpoint
        self._last.mark, self._last.store_timestamp = last.mark, last.store_timestamp
        self._tail = RawTail(self.log.end)
        self._flusher.begin()
        self._upkeep.check_space()
        return recovery

    def _fail(self, why: str) -> None:
        """Become read-only for good."""
        if self.failure is None:
            self.failure = why
            AbortFile(self._ports.disk, self.config.abort_path).say_failed(why)

    def _refusal(self) -> str | None:
        """Say why nothing can be stored now, or None."""
        if not self._loaded:
            return "the store is not loaded, or closing"
        return self.failure or self.log.broken or self._upkeep.refusal

    def _refuse(self) -> StoreError:
        why = self._refusal() or "the store takes no writes"
        if not self._loaded:
            return StoreClosedError(why)
        if self.failure or self.log.broken:
            return StoreBlockedError(f"the store is read-only: {why}")
        return DiskFullError(why)

    def _too_big(self, size: int) -> MessageIllegalError:
        most = self.config.message_size_max
        return MessageIllegalError(f"expected at most {most} bytes (maxMessageSize), found {size}")
