"""Whatever happens to a store, it holds what a list would hold, cut where a power cut may cut it.

The model is a list of messages in log order and the count of those that are durable. A clean stop
and a process crash leave the list as it is; a power cut leaves a prefix no shorter than what was
durable. Queues, ids and keys are all derived from the list.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from broker.config import FlushDiskType
from broker.store.config import StoreConfig
from broker.store.message import MessageDraft, decode_message
from broker.store.message_store import Appended, MessageStore
from broker.store.reading import GetStatus
from tests.broker.memory_disk import MemoryDisk, memory_ports

T = TypeVar("T")
QUEUES = [("apples", 0), ("apples", 1), ("pears", 0)]


class FrozenLoop(asyncio.SelectorEventLoop):
    """A loop whose timers never fire: what is flushed, a rule flushed."""

    def time(self) -> float:
        return 0.0


@dataclass(frozen=True)
class Kept:
    queue: tuple[str, int]
    body: bytes
    key: str
    where: Appended


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = FrozenLoop()
        self.disk = MemoryDisk()
        self.kept: list[Kept] = []
        self.durable = 0
        self.count = 0
        self.store: MessageStore | None = None

    def run(self, work: Awaitable[T]) -> T:
        return self.loop.run_until_complete(work)

    @initialize(sync=st.booleans(), verify=st.sampled_from([0, 1 << 20]))
    def open(self, sync: bool, verify: int) -> None:
        self.config = StoreConfig(
            root="/store",
            flush_disk_type=FlushDiskType.SYNC_FLUSH if sync else FlushDiskType.ASYNC_FLUSH,
            log_file_size=2048,
            queue_file_size=100,
            index_slots=7,
            index_entries=9,
            verify_bytes_max=verify,
        )
        self.load()

    def load(self) -> None:
        self.store = MessageStore(self.config, memory_ports(self.disk))
        self.run(self.store.load())

    def draft(self, queue: tuple[str, int], size: int, key: str) -> MessageDraft:
        self.count += 1
        body = b"%d " % self.count + b"x" * size
        return MessageDraft(*queue, body, {"KEYS": key, "TAGS": key})

    @rule(
        queue=st.sampled_from(QUEUES),
        size=st.sampled_from([0, 30, 400, 1800]),
        key=st.sampled_from("abc"),
    )
    def put(self, queue: tuple[str, int], size: int, key: str) -> None:
        draft = self.draft(queue, size, key)
        where = self.run(self.on_loop(lambda: self.store.put(draft)))
        self.kept.append(Kept(queue, draft.body, key, where))

    @rule(
        queue=st.sampled_from(QUEUES), sizes=st.lists(st.integers(0, 200), min_size=1, max_size=4)
    )
    def put_batch(self, queue: tuple[str, int], sizes: list[int]) -> None:
        drafts = [self.draft(queue, size, "abc"[size % 3]) for size in sizes]
        answers = self.run(self.on_loop(lambda: self.store.put_batch(drafts)))
        for draft, where in zip(drafts, answers, strict=True):
            self.kept.append(Kept(queue, draft.body, draft.properties["KEYS"], where))

    async def on_loop(self, work: Callable[[], T]) -> T:
        return work()

    @rule()
    def flush(self) -> None:
        assert self.run(self.store.wait_flushed(self.store.log.end, 5000))
        self.durable = len(self.kept)

    @rule()
    def save_checkpoint(self) -> None:
        self.run(self.store.save())
        self.durable = len(self.kept)

    @rule()
    def write_queues_out(self) -> None:
        self.store.queues.write_out()

    @rule()
    def stop_and_start(self) -> None:
        self.run(self.store.close())
        self.durable = len(self.kept)
        self.load()

    @rule()
    def process_crash(self) -> None:
        self.run(self.store.close(clean=False))
        self.disk.process_crash()
        self.load()
        self.durable = len(self.kept)

    @rule(seed=st.integers(0, 2**32))
    def power_cut(self, seed: int) -> None:
        self.run(self.store.close(clean=False))
        self.disk.power_cut(Random(seed))
        self.load()
        found = sum(1 for kept in self.kept if kept.where.end <= self.store.log.end)
        assert found >= self.durable, "a durable record was lost"
        del self.kept[found:]
        self.durable = found

    @invariant()
    def holds_what_the_list_holds(self) -> None:
        if self.store is None:
            return
        readable = self.kept[: self.durable] if self.config.sync_flush else self.kept
        for queue in QUEUES:
            mine = [kept for kept in readable if kept.queue == queue]
            assert [kept.where.queue_offset for kept in mine] == list(range(len(mine)))
            assert self.store.queue_bounds(*queue) == (0, len(mine))
            assert self.read(queue) == [kept.body for kept in mine]
        for key in "abc":
            found = self.store.query("apples", key, 1000).records
            wanted = [k for k in readable if k.key == key and k.queue[0] == "apples"]
            assert {decode_message(record).body for record in found} == {k.body for k in wanted}

    def read(self, queue: tuple[str, int]) -> list[bytes]:
        bodies, offset = [], 0
        while True:
            got = self.store.get(*queue, offset)
            if got.status is not GetStatus.FOUND:
                return bodies
            for number, record in enumerate(got.records, offset):
                message = decode_message(record)
                assert (message.topic, message.queue_id, message.queue_offset) == (*queue, number)
                bodies.append(message.body)
            offset = got.next_offset

    def teardown(self) -> None:
        if self.store is not None:
            self.run(self.store.close())
        self.loop.close()


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
