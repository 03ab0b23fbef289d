"""Structs as JSON: what msgspec writes and reads for us is what fastjson would."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import RemoteProtocolError
from broker.nameserver.route import BrokerData, TopicRoute
from broker.nameserver.topics import DataVersion, TopicConfig, TopicWrapper, from_json, to_json
from broker.remoting import fastjson

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
TABLES = st.builds(
    TopicWrapper,
    st.builds(DataVersion, st.integers(0, 2**62), st.integers(0, 2**62)),
    st.dictionaries(
        NAMES, st.builds(TopicConfig, topic_name=NAMES, order=st.booleans()), max_size=3
    ),
)


@given(TABLES)
def test_a_plain_struct_is_written_as_ever_and_read_back(table: TopicWrapper) -> None:
    written = to_json(table)

    assert written == fastjson.dumps(msgspec.to_builtins(table))
    assert from_json(written, TopicWrapper) == table


@given(TABLES)
def test_spaces_and_numbers_in_quotes_are_read_alike(table: TopicWrapper) -> None:
    found = json.loads(to_json(table))
    found["dataVersion"] = {key: str(one) for key, one in found["dataVersion"].items()}

    assert from_json(json.dumps(found, indent=1), TopicWrapper) == table


def test_bare_keys_are_written_and_read_and_a_null_is_left_out() -> None:
    route = TopicRoute(broker_datas=[BrokerData({0: "a:1", 12: "b:2"}, "b", "c")], queue_datas=[])

    written = to_json(route)

    assert b'"brokerAddrs":{0:"a:1",12:"b:2"}' in written
    assert b"null" not in written
    assert from_json(written, TopicRoute) == route


def test_a_null_stands_for_the_default() -> None:
    """As fastjson's readers have it."""
    text = '{"topicName":"T","order":null,"perm":4}'
    assert from_json(text, TopicConfig) == TopicConfig(topic_name="T", perm=4)


@given(st.text(max_size=20) | st.sampled_from(["[]", '{"a":', '{0:"x"', "[" * 100_000, '"T"']))
def test_what_is_none_of_its_kind_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        from_json(text, TopicConfig)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.integers() | NAMES, inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_bare_keys_are_put_in_quotes_wherever_they_stand_and_nowhere_else(value: object) -> None:
    """Texts that look like keys, such as ``,1:``, are left alone."""
    assert fastjson.loads(fastjson.dumps(value)) == _with_text_keys(value)


@given(st.text(st.sampled_from('{},:"\\1 -a'), max_size=12))
def test_a_text_full_of_marks_survives_beside_a_bare_key(text: str) -> None:
    value = {1: text, text: {-2: [text]}}
    assert fastjson.loads(fastjson.dumps(value)) == _with_text_keys(value)


def _with_text_keys(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _with_text_keys(one) for key, one in value.items()}
    return [_with_text_keys(one) for one in value] if isinstance(value, list) else value
