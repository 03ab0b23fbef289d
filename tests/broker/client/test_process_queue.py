"""What was pulled and not consumed: the offset to commit never passes it."""

from hypothesis import given
from hypothesis import strategies as st

from broker.client.process_queue import ProcessQueue
from broker.client.rebalance import allocate_averagely
from broker.nameserver.route import MessageQueue
from broker.store.message import (
    Host,
    MessageDraft,
    StoredMessage,
    decode_message,
    encode_record,
)

QUEUE = MessageQueue("T", "broker-a", 0)
HOST = Host("127.0.0.1", 1)


def message(offset: int, body: bytes = b"x") -> StoredMessage:
    return decode_message(encode_record(MessageDraft("T", 0, body), offset, offset, 0, HOST))


def filled(begin: int, end: int) -> ProcessQueue:
    process = ProcessQueue(QUEUE, begin)
    process.put([message(offset) for offset in range(begin, end)], end)
    return process


@given(st.permutations(range(8)), st.integers(0, 8))
def test_the_commit_offset_is_that_of_the_oldest_message_in_work(
    order: list[int], finished: int
) -> None:
    process = filled(0, 8)
    for offset in order[:finished]:
        process.consumed([message(offset)])
    left = sorted(order[finished:])
    assert process.commit_offset == (left[0] if left else 8)
    assert [one.queue_offset for one in process.oldest(100)] == left


def test_what_was_filtered_out_counts_as_consumed() -> None:
    process = filled(0, 2)
    process.put([], 9)
    assert process.commit_offset == 0
    process.consumed(process.oldest(2))
    assert (process.commit_offset, process.next_offset) == (9, 9)


def test_what_comes_twice_is_taken_once() -> None:
    process = filled(0, 3)
    assert [one.queue_offset for one in process.put([message(2), message(3)], 4)] == [3]


def test_it_is_full_by_count_by_bytes_and_by_span() -> None:
    assert not filled(0, 1000).is_full
    assert filled(0, 1001).is_full
    spread = filled(0, 1)
    spread.put([message(2001)], 2002)
    assert spread.is_full
    spread.consumed(spread.oldest(1))
    assert not spread.is_full
    heavy = ProcessQueue(QUEUE, 0)
    heavy.put([message(n, bytes(11 << 20)) for n in range(10)], 10)
    assert heavy.is_full
    heavy.consumed(heavy.oldest(1))
    assert not heavy.is_full


def test_a_jump_forgets_what_was_pulled() -> None:
    process = filled(5, 8)
    process.jump(2)
    assert (process.commit_offset, process.oldest(9)) == (2, [])


def test_a_lock_runs_out() -> None:
    process = ProcessQueue(QUEUE, 0)
    assert not process.is_locked(0)
    process.locked(1000)
    assert process.is_locked(30_999)
    assert not process.is_locked(31_000)


@given(st.integers(0, 20), st.lists(st.text(max_size=3), min_size=1, max_size=6, unique=True))
def test_members_share_every_queue_and_none_twice(queues: int, members: list[str]) -> None:
    """Nobody has more than one queue more than another, whatever the order they are listed in."""
    all_queues = [MessageQueue("T", "broker-a", number) for number in range(queues)]
    shares = [allocate_averagely(all_queues[::-1], members, me) for me in members]
    assert sorted(queue for share in shares for queue in share) == all_queues
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1
    assert allocate_averagely(all_queues, members, "a stranger") == []
