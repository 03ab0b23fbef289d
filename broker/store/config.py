"""What a store needs to know: places, sizes and intervals, with every path resolved.

The keys and their defaults are those of ``broker.config``; ``StoreConfig.of`` takes them from
there, so that a store can also be made by a test that has no configuration file.
"""

from dataclasses import dataclass
from pathlib import Path

from broker.config import BrokerConfig, FlushDiskType, split_address
from broker.store.message import Host

__all__ = ["StoreConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig:
    """One store's settings; sizes in bytes, times in ms, ratios from 0.0 to 1.0."""

    root: str
    commit_log: str = ""
    consume_queue: str = ""
    index: str = ""
    checkpoint: str = ""
    abort: str = ""

    store_host: Host = Host("127.0.0.1", 10911)  # noqa: RUF009 - an immutable tuple
    flush_disk_type: FlushDiskType = FlushDiskType.ASYNC_FLUSH
    delay_levels_ms: tuple[int, ...] = ()

    log_file_size: int = 1 << 30
    queue_file_size: int = 300_000 * 20
    index_slots: int = 5_000_000
    index_entries: int = 20_000_000
    index_enable: bool = True
    message_size_max: int = 4 << 20

    flush_interval_ms: int = 500
    flush_least_pages: int = 4
    flush_thorough_interval_ms: int = 10_000
    queue_flush_interval_ms: int = 1000
    queue_flush_least_pages: int = 2
    queue_flush_thorough_interval_ms: int = 60_000

    check_crc_on_recover: bool = True
    verify_bytes_max: int = 8 << 20
    """How much of the last log file, known to be durable, a start reads again for damage."""

    delete_when: tuple[int, ...] = (4,)
    file_reserved_ms: int = 72 * 3_600_000
    clean_interval_ms: int = 10_000
    clean_first_ms: int = 60_000
    clean_files_max: int = 10
    clean_pause_ms: int = 100
    clean_forcibly: bool = True
    used_ratio_max: float = 0.75
    used_ratio_forcibly: float = 0.85
    used_ratio_full: float = 0.90

    memory_bytes: int = 1 << 30
    """How far behind the log's end a record still counts as being in memory."""
    pull_bytes_in_memory: int = 256 << 10
    pull_count_in_memory: int = 32
    pull_bytes_in_disk: int = 64 << 10
    pull_count_in_disk: int = 8

    @classmethod
    def of(cls, broker: BrokerConfig, memory_bytes: int = 1 << 30) -> "StoreConfig":
        """Take a broker's settings; ``memory_bytes`` is its share of the machine's memory."""
        # What is in a message id is where a client finds the message: the advertised address.
        advertised = Host(*split_address(broker.broker_addr))
        return cls(
            root=_home(broker.store_path_root_dir).rstrip("/"),
            commit_log=_home(broker.store_path_commit_log),
            consume_queue=_home(broker.store_path_consume_queue),
            index=_home(broker.store_path_index),
            checkpoint=_home(broker.store_checkpoint),
            abort=_home(broker.abort_file),
            store_host=advertised,
            flush_disk_type=broker.flush_disk_type,
            delay_levels_ms=broker.delay_levels_ms,
            log_file_size=broker.mapped_file_size_commit_log,
            queue_file_size=-(-broker.mapped_file_size_consume_queue // 20) * 20,
            index_slots=broker.max_hash_slot_num,
            index_entries=broker.max_index_num,
            index_enable=broker.message_index_enable,
            message_size_max=broker.max_message_size,
            flush_interval_ms=broker.flush_interval_commit_log,
            flush_least_pages=broker.flush_commit_log_least_pages,
            flush_thorough_interval_ms=broker.flush_commit_log_thorough_interval,
            queue_flush_interval_ms=broker.flush_interval_consume_queue,
            queue_flush_least_pages=broker.flush_consume_queue_least_pages,
            queue_flush_thorough_interval_ms=broker.flush_consume_queue_thorough_interval,
            check_crc_on_recover=broker.check_crc_on_recover,
            delete_when=tuple(int(hour) for hour in broker.delete_when.split(";")),
            file_reserved_ms=broker.file_reserved_time * 3_600_000,
            clean_interval_ms=broker.clean_resource_interval,
            clean_pause_ms=broker.delete_commit_log_files_interval,
            clean_forcibly=broker.clean_file_forcibly_enable,
            used_ratio_max=broker.disk_max_used_space_ratio / 100,
            memory_bytes=memory_bytes,
            pull_bytes_in_memory=broker.max_transfer_bytes_on_message_in_memory,
            pull_count_in_memory=broker.max_transfer_count_on_message_in_memory,
            pull_bytes_in_disk=broker.max_transfer_bytes_on_message_in_disk,
            pull_count_in_disk=broker.max_transfer_count_on_message_in_disk,
        )

    @property
    def sync_flush(self) -> bool:
        """Whether only synced records are acknowledged, readable and shipped."""
        return self.flush_disk_type is FlushDiskType.SYNC_FLUSH

    @property
    def commit_log_path(self) -> str:
        """The folder of the commit log."""
        return self.commit_log or f"{self.root}/commitlog"

    @property
    def consume_queue_path(self) -> str:
        """The folder of the consume queues."""
        return self.consume_queue or f"{self.root}/consumequeue"

    @property
    def index_path(self) -> str:
        """The folder of the index files."""
        return self.index or f"{self.root}/index"

    @property
    def tables_path(self) -> str:
        """The folder of topics, groups and offsets."""
        return f"{self.root}/config"

    @property
    def checkpoint_path(self) -> str:
        """The checkpoint file."""
        return self.checkpoint or f"{self.root}/checkpoint"

    @property
    def abort_path(self) -> str:
        """The file whose presence at a start says that the last stop was no clean one."""
        return self.abort or f"{self.root}/abort"


def _home(path: str) -> str:
    return str(Path(path).expanduser()) if path.startswith("~") else path
