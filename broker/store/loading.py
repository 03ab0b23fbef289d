"""Carries out a recovery: reads the log, mends it, and makes queues and index agree with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.ports import CrashPoint, Disk
from broker.store.abort import LastStop
from broker.store.checkpoint import Checkpoint, Mark, read_checkpoint, write_checkpoint
from broker.store.commit_log import CommitLog
from broker.store.config import StoreConfig
from broker.store.consume_queue import Entry
from broker.store.key_index import KeyIndex
from broker.store.queues import Queues
from broker.store.recovery import CHUNK, Recovery, Scanner
from broker.store.scan import Dispatch, DispatchReader, walk
from broker.store.upkeep import LastRecord

__all__ = ["Loader"]


@dataclass(slots=True)
class Loader:
    """Brings the parts of one store to where the last run left them."""

    config: StoreConfig
    disk: Disk
    log: CommitLog
    queues: Queues
    index: KeyIndex
    crash_point: CrashPoint

    async def recover(self, last_stop: LastStop) -> tuple[Recovery, Checkpoint, LastRecord]:
        """Recover log, queues and index; afterwards everything in the log is durable."""
        segments, config = self.log.segments, self.config
        odd = segments.load()
        checkpoint = read_checkpoint(self.disk, config.checkpoint_path)
        reading = DispatchReader(config.delay_levels_ms, config.check_crc_on_recover)
        scanner = Scanner(segments, reading)
        start = scanner.start(checkpoint, config.verify_bytes_max)

        sound_until = scanner.verify(start.verify_from, start.enter_from)
        enter_from = self._load_index(scanner, checkpoint, last_stop, sound_until)
        # All that is entered anew goes in the log's order, or a topic that was deleted and made
        # anew would get old messages behind its new ones.
        odd += self.queues.load(enter_from, self._belongs)

        end, cut, count = enter_from, None, 0
        last = LastRecord(checkpoint.mark, checkpoint.physic_timestamp)
        for found in scanner.walk(enter_from):
            end, cut, count = found.end, found.problem, count + len(found.records)
            if found.records:
                self._enter(found.records)
                newest = found.records[-1]
                mark = Mark(newest.physical_offset, newest.physical_offset + newest.size)
                last = LastRecord(mark, newest.store_timestamp)
        self.crash_point("in-mid-recovery")

        if checkpoint.mark is not None and end < checkpoint.mark.end:
            # The log will grow past the mark with other bytes: it must not be believed then.
            checkpoint = Checkpoint()
            last = last if count else LastRecord()
            await write_checkpoint(self.disk, config.checkpoint_path, checkpoint)
        if last_stop is LastStop.FAILED:
            self._write_again(enter_from, end)
        await self._cut_log(end, start.verify_from)
        self.queues.remove_below(self.log.min_offset)
        recovery = Recovery(last_stop, start.verify_from, enter_from, end, count, cut, tuple(odd))
        return recovery, checkpoint, last

    def _enter(self, records: Sequence[Dispatch]) -> None:
        self.queues.rebuild(records)
        if self.config.index_enable:
            self.index.add_again(records)

    def _write_again(self, begin: int, end: int) -> None:
        """Make pages dirty that a failed sync left clean but not durable."""
        segments = self.log.segments
        while begin < end:
            data = segments.read(begin, min(CHUNK, end - begin))
            if not data:
                return  # the end lies in a file that is not there yet
            segments.write(begin, data)
            begin += len(data)

    async def _cut_log(self, end: int, verified_from: int) -> None:
        """Erase what lies behind the end, and make durable what lies before it."""
        segments = self.log.segments
        removed = segments.erase_from(end)
        for segment in segments.files:
            # The last run may have left it in the page cache alone.
            segment.written = segment.start + segments.file_size > verified_from
        await segments.sync(0, segments.stop)
        if removed:
            await segments.sync_folder()
        self.log.end = self.log.flushed = end

    def _load_index(
        self, scanner: Scanner, checkpoint: Checkpoint, last_stop: LastStop, enter_from: int
    ) -> int:
        """Open the index; return from where the log must be read to make up for what it lost."""
        sound = last_stop is not LastStop.FAILED and self._is_mark(checkpoint, enter_from)
        log_end = self.log.segments.stop if sound else enter_from
        redo = self.index.load(log_end, None if sound else checkpoint.index_timestamp)
        if redo is None or not self.config.index_enable:
            return enter_from
        if not scanner.record_at(redo):  # expired, or the index is damaged
            redo = self.log.segments.start
        return min(enter_from, redo)

    def _is_mark(self, checkpoint: Checkpoint, offset: int) -> bool:
        return checkpoint.mark is not None and checkpoint.mark.end == offset

    def _belongs(self, topic: str, queue_id: int, number: int, entry: Entry) -> bool:
        """Say whether the log has that message where a queue says it is."""
        segments = self.log.segments
        if entry.physical_offset < segments.start:
            return True  # gone by retention, and so can't be asked
        data = segments.read(entry.physical_offset, entry.size)
        found = walk(data, entry.physical_offset, segments.file_size, DispatchReader()).records
        places = [(one.topic, one.queue_id, one.queue_offset) for one in found[:1]]
        return places == [(topic, queue_id, number)]
