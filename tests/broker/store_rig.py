"""A small store on a disk in memory, and the few verbs that a story about one needs."""

from broker.ports import CrashPoint
from broker.store.config import StoreConfig
from broker.store.message import MessageDraft, decode_message
from broker.store.message_store import MessageStore
from tests.broker.memory_disk import MemoryDisk, memory_ports

CONFIG = StoreConfig(
    root="/store", log_file_size=1024, queue_file_size=100, index_slots=5, index_entries=50
)


async def loaded(
    disk: MemoryDisk, config: StoreConfig = CONFIG, crash: CrashPoint | None = None
) -> MessageStore:
    store = MessageStore(config, memory_ports(disk, crash))
    store.recovery = await store.load()
    return store


def put(store: MessageStore, *bodies: str, queue_id: int = 0, topic: str = "t") -> None:
    for body in bodies:
        store.put(MessageDraft(topic, queue_id, body.encode(), {"KEYS": "k"}))


def bodies(store: MessageStore, queue_id: int = 0, topic: str = "t") -> list[str]:
    found, offset = [], store.queue_bounds(topic, queue_id)[0]
    while True:
        got = store.get(topic, queue_id, offset)
        if not got.records:
            return found
        found += [decode_message(record).body.decode() for record in got.records]
        offset = got.next_offset


async def die(store: MessageStore) -> MemoryDisk:
    await store.close(clean=False)
    disk = store._ports.disk
    disk.process_crash()
    return disk
