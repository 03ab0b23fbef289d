"""A walk over log bytes knows a whole record from a torn one, and a torn one from none."""

from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.store.message import BLANK, BLANK_MAGIC, Host, MessageDraft, encode_record
from broker.store.scan import (
    SCHEDULE_TOPIC,
    Dispatch,
    DispatchReader,
    check_record,
    queue_tags_code,
    walk,
)

FILE = 4096
HOST = Host("127.0.0.1", 10911)
read = DispatchReader()


def record(at: int, number: int = 0, body: bytes = b"body", **properties: str) -> bytes:
    draft = MessageDraft("topic", 1, body, properties or {"TAGS": "TagA", "KEYS": "k"})
    return encode_record(draft, number, at, 1000 + number, HOST)


def log(count: int) -> bytes:
    data = b""
    for number in range(count):
        data += record(len(data), number)
    return data


def test_a_walk_tells_what_goes_where() -> None:
    """Queue, place, size, tag and keys: everything that queues and index need."""
    data = log(2)
    found = walk(data, 0, FILE, read)

    assert found.end == len(data)
    assert found.problem is None
    assert found.records[1] == Dispatch(
        "topic", 1, 1, len(data) // 2, len(data) // 2, 2598919, 1001, ["k"]
    )


def test_bytes_that_run_out_inside_a_record_are_no_problem() -> None:
    """More may come: the walk goes on from the record's beginning."""
    data = log(3)
    for cut in range(len(data) // 3 * 2, len(data)):
        found = walk(data[:cut], 0, FILE, read)
        assert (found.end, found.problem, found.over) == (len(data) // 3 * 2, None, False)


def test_zeros_say_that_nothing_follows() -> None:
    """The rest of a file that was never written."""
    found = walk(log(1) + bytes(100), 0, FILE, read)
    assert found.over
    assert found.problem is None


def test_a_blank_leads_to_the_next_file() -> None:
    """Even if the bytes end before it; a blank of the wrong size is damage."""
    data = log(1)
    room = FILE - len(data)
    assert walk(data + BLANK.pack(room, BLANK_MAGIC), 0, FILE, read).end == FILE
    assert "blank" in str(walk(data + BLANK.pack(room - 1, BLANK_MAGIC), 0, FILE, read).problem)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda r: r[:4] + b"\1\2\3\4" + r[8:], "magic"),
        (lambda r: pack(">i", 50) + r[4:], "50 bytes"),
        (lambda r: pack(">i", FILE) + r[4:], "4096 bytes"),
        (lambda r: r[:28] + pack(">q", 8) + r[36:], "lies at 8"),
        (lambda r: r[:20] + pack(">q", 2) + r[28:], "number 2"),
        (lambda r: r[:20] + pack(">q", -1) + r[28:], "number -1"),
        (lambda r: r.replace(b"body", b"bodz"), "CRC"),
        (lambda r: r[:84] + pack(">i", -1) + r[88:], "body of -1"),
        (lambda r: r[:84] + pack(">i", 5) + r[88:], "topic|parts|leaves"),
        (lambda r: r[:-4] + b"\0" * 4, "zeros"),
        (lambda r: r[:-4] + b"\xff\xfe\xff\xff", "no text"),
    ],
)
def test_each_kind_of_damage_is_named(damage: object, problem: str) -> None:
    """The record before it counts, the damaged one does not."""
    whole = record(0)
    broken = damage(record(len(whole), 1))  # type: ignore[operator]
    found = walk(whole + broken, 0, FILE, read)

    assert found.end == len(whole)
    assert any(part in str(found.problem) for part in problem.split("|"))


@settings(max_examples=120)
@given(st.integers(0, 511), st.integers(0, 1200), st.integers(0, 300), st.data())
def test_a_torn_record_is_never_a_record(
    before: int, body_size: int, key_size: int, draws: st.DataObject
) -> None:
    """A power cut takes whole sectors: with zeros in the place of any, the record does not count.

    The CRC covers the body alone; a lost end of the properties is seen by its zeros.
    """
    whole = record(before, body=b"b" * body_size, KEYS="k" * key_size, TAGS="t")
    data = bytes(before) + whole
    lost = draws.draw(st.lists(st.integers(0, (len(data) - 1) // 512), min_size=1))
    torn = bytearray(data)
    for sector in lost:
        end = min(len(data), sector * 512 + 512)
        torn[sector * 512 : end] = bytes(end - sector * 512)

    assert walk(whole, before, FILE, read).records
    assert not walk(torn[before:], before, FILE, read).records or torn == data


@settings(max_examples=150)
@given(st.binary(max_size=200), st.integers(0, 3), st.integers(0, 2**40))
def test_any_bytes_are_walked_without_an_error(data: bytes, count: int, base: int) -> None:
    """What can't be read is said, not raised; what is checked is what is read."""
    base -= base % FILE
    begin = b"".join(record(base + at * len(record(0)), at) for at in range(count))
    found = walk(begin + data, base, FILE, read)
    assert len(found.records) >= count
    checked = walk(begin + data, base, FILE, check_record)
    assert (checked.end, checked.problem) == (found.end, found.problem)


def test_a_prepared_transaction_is_in_no_queue() -> None:
    """Its offset 0 would stand in for the first message's."""
    draft = MessageDraft("topic", 1, b"", {"KEYS": "k"}, sys_flag=0x4)
    (found,) = walk(encode_record(draft, 0, 0, 0, HOST), 0, FILE, read).records
    assert not found.queued


def test_a_delayed_messages_code_is_when_it_is_due() -> None:
    """The delay queue is read by time, not by tag."""
    properties = {"DELAY": "2", "TAGS": "TagA"}
    assert queue_tags_code(SCHEDULE_TOPIC, properties, 1000, (1000, 5000)) == 6000
    assert queue_tags_code("topic", properties, 1000, (1000, 5000)) == 2598919
    assert queue_tags_code(SCHEDULE_TOPIC, {"DELAY": "99"}, 1000, (1000, 5000)) == 6000


@pytest.mark.parametrize(
    ("level", "stored", "code"),
    [("9" * 5000, 1000, 0), ("1", (1 << 63) - 1, (1 << 63) - 1), ("", 1000, 0), ("-1", 1000, 0)],
)
def test_a_level_or_a_store_time_that_cannot_be_makes_a_code_all_the_same(
    level: str, stored: int, code: int
) -> None:
    """No CRC covers them; an error here would keep the node from starting."""
    assert queue_tags_code(SCHEDULE_TOPIC, {"DELAY": level}, stored, (1000, 5000)) == code
