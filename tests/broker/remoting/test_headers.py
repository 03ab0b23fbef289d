"""Headers: typed in Python, text on the wire."""

import pytest

from broker.errors import RemoteProtocolError
from broker.remoting.codes import RequestCode
from broker.remoting.command import Command
from broker.remoting.headers import (
    V2_LETTERS,
    PullFlag,
    PullHeader,
    QueueHeader,
    SendHeader,
    SendReply,
    read_fields,
    read_send_header,
    write_fields,
    write_send_v2,
)

SEND = SendHeader(
    producer_group="g", topic="T", queue_id=-1, born_timestamp=1795493067272, batch=True
)


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        (RequestCode.SEND_MESSAGE, write_fields(SEND)),
        (RequestCode.SEND_MESSAGE_V2, write_send_v2(SEND)),
        (RequestCode.SEND_BATCH_MESSAGE, write_send_v2(SEND) | {"n": "broker-a"}),
    ],
)
def test_the_three_sends_carry_one_header(code: int, fields: dict[str, str]) -> None:
    """A newer client adds the letter n, which means nothing here."""
    assert read_send_header(Command(code, ext_fields=fields)) == SEND


def test_letters_and_names_match_one_to_one() -> None:
    assert len(set(V2_LETTERS.values())) == len(V2_LETTERS) == len(write_fields(SEND)) + 1
    assert "l" not in write_send_v2(SEND)  # Java leaves out what is null


def test_numbers_and_booleans_are_java_text() -> None:
    fields = write_send_v2(SEND)
    assert (fields["e"], fields["k"], fields["m"]) == ("-1", "false", "true")
    header = PullHeader(
        consumer_group="g", topic="T", queue_id=0, queue_offset=5, sys_flag=PullFlag.SUSPEND
    )
    assert write_fields(header)["sysFlag"] == "2"


def test_region_and_trace_keep_their_capitals() -> None:
    reply = SendReply(msg_id="A", queue_id=1, queue_offset=2, msg_region="R", trace_on="true")
    assert write_fields(reply) == {
        "msgId": "A",
        "queueId": "1",
        "queueOffset": "2",
        "MSG_REGION": "R",
        "TRACE_ON": "true",
    }


@pytest.mark.parametrize("fields", [{"topic": "T"}, {"topic": "T", "queueId": "x"}])
def test_a_missing_or_wrong_field_is_named(fields: dict[str, str]) -> None:
    with pytest.raises(RemoteProtocolError, match="queueId"):
        read_fields(fields, QueueHeader)
