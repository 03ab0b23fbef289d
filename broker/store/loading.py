"""Carries out a recovery: reads the log, mends it, and makes queues and index agree with it."""

from dataclasses import dataclass

from broker.ports import CrashPoint, Disk
from broker.store.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from broker.store.commit_log import CommitLog
from broker.store.config import StoreConfig
from broker.store.consume_queue import Entry
from broker.store.key_index import KeyIndex
from broker.store.queues import Queues
from broker.store.recovery import Recovery, Scanner, find_end
from broker.store.scan import Walk, walk
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

    async def recover(self, *, clean: bool) -> tuple[Recovery, Checkpoint, LastRecord]:
        """Recover log, queues and index; afterwards everything in the log is durable."""
        segments, config = self.log.segments, self.config
        odd = segments.load()
        checkpoint = read_checkpoint(self.disk, config.checkpoint_path)
        scanner = Scanner(segments, config.delay_levels_ms, config.check_crc_on_recover)
        start = scanner.start(checkpoint, config.verify_bytes_max)

        durable, _ = find_end(scanner.walk(start.verify_from, start.enter_from), lambda _: None)
        enter_from = start.enter_from if durable is None else min(durable, start.enter_from)
        odd += self.queues.load(enter_from, self._belongs)
        enter_from = min(enter_from, self._load_index(checkpoint, segments.stop, enter_from))

        count, last = 0, LastRecord(checkpoint.mark, checkpoint.physic_timestamp)

        def enter(found: Walk) -> None:
            nonlocal count
            if not found.records:
                return
            count += len(found.records)
            last.offset = found.records[-1].physical_offset
            last.store_timestamp = found.records[-1].store_timestamp
            self.queues.rebuild(found.records)
            if config.index_enable:
                self.index.add_again(found.records)

        end, cut = find_end(scanner.walk(enter_from), enter)
        end = enter_from if end is None else end
        self.crash_point("in-mid-recovery")

        if checkpoint.mark is not None and end <= checkpoint.mark:
            # The log will grow past the mark with other bytes: it must not be believed then.
            checkpoint = Checkpoint()
            last = last if count else LastRecord()
            await write_checkpoint(self.disk, config.checkpoint_path, checkpoint)
        await self._cut_log(end, start.verify_from)
        self.queues.remove_below(self.log.min_offset)
        recovery = Recovery(clean, start.verify_from, enter_from, end, count, cut, tuple(odd))
        return recovery, checkpoint, last

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

    def _load_index(self, checkpoint: Checkpoint, log_stop: int, enter_from: int) -> int:
        """Open the index; return from where the log must be read to make up for what it lost."""
        ours = checkpoint.mark is not None and enter_from >= checkpoint.mark
        sound_until = None if ours else checkpoint.index_timestamp
        redo = self.index.load(log_stop if ours else enter_from, sound_until)
        if redo is None or not self.config.index_enable:
            return enter_from
        return max(redo, self.log.segments.start)

    def _belongs(self, topic: str, queue_id: int, number: int, entry: Entry) -> bool:
        """Say whether the log has that message where a queue says it is."""
        segments = self.log.segments
        if entry.physical_offset < segments.start:
            return True  # gone by retention, and so can't be asked
        data = segments.read(entry.physical_offset, entry.size)
        found = walk(data, entry.physical_offset, segments.file_size, check_crc=False).records
        return bool(found) and found[0][:3] == (topic, queue_id, number)
