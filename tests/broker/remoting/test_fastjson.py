"""The dialect of Java's fastjson, read and written."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.errors import RemoteProtocolError
from broker.remoting.fastjson import dumps, loads, loads_object

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=6)
)
names = st.text(st.characters(codec="utf-8"), max_size=4)
object_keys = st.dictionaries(names, scalars, max_size=3).map(lambda d: tuple(d.items()))
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names | st.integers(-99, 99) | object_keys, inner, max_size=3)
    ),
    max_leaves=8,
)


def as_read(value: object) -> object:
    """Integer keys come back as their text; a text of the same digits is the same key."""
    if isinstance(value, dict):
        return {
            str(key) if isinstance(key, int) else key: as_read(one) for key, one in value.items()
        }
    return [as_read(one) for one in value] if isinstance(value, list) else value


@given(values)
def test_what_is_written_is_read(value: object) -> None:
    assert loads(dumps(value)) == as_read(value)


@given(st.text('{}[]:,"0a \\-.', max_size=20))
@example("[" * 100_000)
@example("{1:" * 100_000)
@example('{{"a":[1]}:2}')
@example("{1:" + "9" * 5000 + "}")
def test_any_text_parses_or_raises_the_one_error(text: str) -> None:
    try:
        loads(text)
    except RemoteProtocolError:
        return


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{0:"a:1",1:"b:2"}', {"0": "a:1", "1": "b:2"}),
        ('{"0":"a:1"}', {"0": "a:1"}),
        ('{ 0 : [ 1 , {2:3} ] , "x" : null }', {"0": [1, {"2": 3}], "x": None}),
        ('{{"q":3,"t":"T"}:{"m":2}}', {(("q", 3), ("t", "T")): {"m": 2}}),
        ('{1:{},2:[],3:"\\u00e9"}', {"1": {}, "2": [], "3": "é"}),
    ],
)
def test_bare_and_object_keys_are_read(text: str, value: object) -> None:
    assert loads(text) == value


@pytest.mark.parametrize("text", ["", "{1:}", "{1}", "{1:2", "{true:1}", "{1:2} x", "[{1:2},]"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match="expected JSON"):
        loads(text)


def test_bytes_that_are_no_utf8_are_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        loads(b'"\xff"')


def test_an_object_is_insisted_on() -> None:
    with pytest.raises(RemoteProtocolError, match="JSON object"):
        loads_object("[1]")


@pytest.mark.parametrize("end", ["", "\\"])
def test_a_text_that_never_ends_is_refused_in_no_time(end: str) -> None:
    """The body of a heartbeat is a stranger's: looking at it must not stop the broker."""
    begun_s = time.process_time()
    with pytest.raises(RemoteProtocolError):
        loads('{1:"' + '\\"' * 30_000 + end)
    assert time.process_time() - begun_s < 2  # and not twenty
