"""The record's bytes are RocketMQ's, bit for bit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.errors import MessageIllegalError, RecordError
from broker.store.message import (
    Host,
    MessageDraft,
    StoredMessage,
    body_crc,
    decode_message,
    decode_messages,
    encode_record,
    message_id,
    message_id_offset,
)
from broker.store.properties import (
    format_properties,
    java_hash,
    keys_of,
    parse_properties,
    tags_code,
)

# Written by a real RocketMQ 4.9.3: the first record of a log.
GOLDEN = bytes.fromhex(
    "000000e7daa320a7248c774f000000010000000000000000000000000000000000000000000000000000"
    "01a20bb9fa087f0000010000c6d0000001a20bb9fa4d7f00000100005597000000000000000000000000"
    "0000001048656c6c6f20526f636b65744d51203010546f7069634d6173746572536c617665006c4b4559"
    "53016b65793002554e49515f4b4559014644303030303030303030303030303030303030303030303030"
    "30303030303237334142354646443242323737373532313230373030303002434c555354455201446566"
    "61756c74436c757374657202544147530154616741"
)


def draft_of(message: StoredMessage) -> MessageDraft:
    return MessageDraft(
        message.topic,
        message.queue_id,
        message.body,
        message.properties,
        message.flag,
        message.sys_flag,
        message.born_timestamp,
        message.born_host,
        message.reconsume_times,
        message.prepared_transaction_offset,
    )


def encoded_again(message: StoredMessage) -> bytes:
    return encode_record(
        draft_of(message),
        message.queue_offset,
        message.physical_offset,
        message.store_timestamp,
        message.store_host,
    )


def test_the_golden_record_decodes() -> None:
    """Every field that the real broker wrote is read as it was meant."""
    message = decode_message(GOLDEN)

    assert (message.topic, message.queue_id, message.body) == (
        "TopicMasterSlave",
        1,
        b"Hello RocketMQ 0",
    )
    assert message.body_crc == 0x248C774F
    assert message.born_timestamp == 1795493067272
    assert message.store_timestamp == 1795493067341
    assert message.born_host == Host("127.0.0.1", 50896)
    assert message.store_host == Host("127.0.0.1", 21911)
    assert message.message_id == "7F000001000055970000000000000000"
    assert list(message.properties) == ["KEYS", "UNIQ_KEY", "CLUSTER", "TAGS"]
    assert keys_of(message.properties)[1:] == ["key0"]


def test_the_golden_record_encodes_bit_for_bit() -> None:
    """What we write, RocketMQ can read: no byte differs."""
    assert encoded_again(decode_message(GOLDEN)) == GOLDEN


hosts = st.builds(
    Host, st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str), st.integers(0, 65535)
)
texts = st.text(st.characters(exclude_characters="\0\1\2", exclude_categories=["Cs"]), max_size=20)
drafts = st.builds(
    MessageDraft,
    topic=st.text("abz%_-0", min_size=1, max_size=127),
    queue_id=st.integers(0, 1000),
    body=st.binary(max_size=300),
    properties=st.dictionaries(texts.filter(bool), texts, max_size=5),
    flag=st.integers(-(2**31), 2**31 - 1),
    sys_flag=st.integers(0, 0xF),
    born_timestamp=st.integers(0, 2**62),
    born_host=hosts,
    reconsume_times=st.integers(0, 16),
    prepared_transaction_offset=st.integers(0, 2**62),
)


@settings(max_examples=150)
@given(drafts, st.integers(0, 2**62), st.integers(0, 2**62), st.integers(0, 2**62), hosts)
def test_a_record_gives_back_what_was_put_into_it(
    draft: MessageDraft, queue_offset: int, physical_offset: int, time: int, host: Host
) -> None:
    """Round trip, IPv4 and IPv6 alike; and decoding then encoding changes no byte."""
    record = encode_record(draft, queue_offset, physical_offset, time, host)
    message = decode_message(record)

    assert (message.queue_offset, message.physical_offset) == (queue_offset, physical_offset)
    assert (message.topic, message.body, message.properties) == (
        draft.topic,
        draft.body,
        dict(draft.properties),
    )
    assert message.sys_flag & 0xF == draft.sys_flag
    assert message.size == len(record)
    assert encoded_again(message) == record
    assert message_id_offset(message.message_id) == physical_offset


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=300), st.just(GOLDEN)), st.data())
def test_any_bytes_decode_or_raise_the_documented_error(data: bytes, draws: st.DataObject) -> None:
    """A damaged record is a RecordError, never anything else and never another message."""
    if data == GOLDEN:
        at = draws.draw(st.integers(0, len(data) - 1))
        changed = bytes([data[at] ^ draws.draw(st.integers(1, 255))])
        data = draws.draw(st.sampled_from([data[:at], data[:at] + changed + data[at + 1 :]]))
    try:
        message = decode_message(data)
    except RecordError:
        return
    assert message.size <= len(data)
    assert message.body_crc == body_crc(message.body)


def test_a_pulls_answer_is_records_one_behind_the_other() -> None:
    """Whole records decode in order; a cut one is an error."""
    assert len(decode_messages(GOLDEN * 3)) == 3
    with pytest.raises(RecordError):
        decode_messages(GOLDEN * 2 + GOLDEN[:-1])


@pytest.mark.parametrize(
    "draft",
    [
        MessageDraft("t" * 128, 0, b""),
        MessageDraft("", 0, b""),
        MessageDraft("t", 0, b"", {"k": "v" * 32768}),
        MessageDraft("t", 0, b"", {"k": "a\0b"}),
        MessageDraft("t", 2**31, b""),
        MessageDraft("t", 0, b"", born_host=Host("localhost", 1)),
    ],
)
def test_what_the_format_has_no_room_for_is_refused(draft: MessageDraft) -> None:
    """Refused definitely, before anything is written."""
    with pytest.raises(MessageIllegalError) as raised:
        encode_record(draft, 0, 0, 0, Host("127.0.0.1", 10911))
    assert raised.value.definite


def reference_hash(text: str) -> int:
    """String.hashCode, written the slow way."""
    total = 0
    units = text.encode("utf-16-be", "surrogatepass")
    for at in range(0, len(units), 2):
        total = (total * 31 + int.from_bytes(units[at : at + 2], "big")) & 0xFFFFFFFF
    return total - (1 << 32) if total >= 1 << 31 else total


@given(st.text(max_size=700))
def test_a_tags_hash_is_javas(text: str) -> None:
    """Over UTF-16 units, signed, whatever the length."""
    assert java_hash(text) == reference_hash(text)
    assert tags_code(text) == java_hash(text)


@given(st.dictionaries(texts.filter(bool), texts, max_size=6))
def test_properties_survive_with_and_without_the_last_separator(properties: dict[str, str]) -> None:
    """Clients send one at the end, brokers store none."""
    text = format_properties(properties)
    assert parse_properties(text) == properties
    assert parse_properties(text + "\2") == properties


def test_an_ipv6_store_has_longer_ids() -> None:
    """Its 16 bytes make 56 digits."""
    assert len(message_id(Host("::1", 10911), 5)) == 56
    with pytest.raises(ValueError, match="expected 32 or 56"):
        message_id_offset("00")
