"""With its master down the slave serves: a refusal is held against it, silence is at least told."""

import pytest

from checkers.verdict import Validity
from tests.checkers.judging import judged

REFUSAL = 'error=["BrokerError","code\\u00201:\\u0020no"]'
BUSY = 'error=["BrokerError","code\\u00202:\\u0020no"]'
OTHER = "error=ClosedError"

STORY = """
    0 invoke send a @0
    0 ok     send a @0/0 node=master physical_offset=0 status=SEND_OK
    0 invoke send b @0
    0 ok     send b @0/1 node=master physical_offset=100 status=SEND_OK
    {before}
    nemesis info {name} fault=1 phase=inject class=process targets=master {ends}
    nemesis info {name} fault=1 phase=inject class=process targets=master bit=true stops_writes=true
    3 invoke send d @0
    3 fail   send d @0
    1 invoke pull @0/0 node={node}
    1 fail   pull @0/0 node={node} {error}
    1 invoke pull @0/0 node={node}
    1 fail   pull @0/0 node={node} {error}
    1 invoke pull @0/{asked} node={node} {time}
    1 {last} node={node} {time}
    nemesis info {name} fault=1 phase=cure class=process targets=master
    nemesis info {name} fault=1 phase=cure class=process targets=master bit=true
    {after}
    0 invoke send c @0
    0 ok     send c @0/2 node=master physical_offset={place} status=SEND_OK
    2 invoke pull @0/0 node=master
    2 ok     pull 0:a,1:b,2:c @0/0 node=master
    1 invoke drain @0 node=master
    1 ok     drain 0:a,1:b,2:c @0 node=master certified=true min_offset=0 max_offset=3
    1 invoke drain @0 node=slave
    1 ok     drain 0:a,1:b,2:c @0 node=slave certified=true min_offset=0 max_offset=3
"""
ENDS = 'ends={"slave":{"end":200,"flushed":200}}'
SHORT_ENDS = 'ends={"slave":{"end":200,"flushed":50}}'
LOST_LATER = """
    nemesis info disk-lost-master fault=2 phase=inject class=disk targets=master
    nemesis info disk-lost-master fault=2 phase=inject class=disk targets=master bit=true
    nemesis info disk-lost-master fault=2 phase=cure class=disk targets=master
    nemesis info disk-lost-master fault=2 phase=cure class=disk targets=master bit=true
"""
ELSEWHERE = """
    nemesis info kill-slave fault=2 phase=inject class=process targets=slave
    nemesis info kill-slave fault=2 phase=inject class=process targets=slave bit=true
    nemesis info kill-slave fault=2 phase=cure class=process targets=slave
    nemesis info kill-slave fault=2 phase=cure class=process targets=slave bit=true
"""


def told(
    error: str = REFUSAL,
    *,
    name: str = "kill-master",
    node: str = "slave",
    ends: str = ENDS,
    before: str = "",
    after: str = "",
    place: int = 200,
    last: str = "ok pull 0:a @0/0",
    asked: str = "0",
    time: str = "",
) -> tuple[Validity, list[str], tuple[str, ...]]:
    text = STORY.format(
        error=error,
        name=name,
        node=node,
        ends=ends,
        before=before,
        after=after,
        place=place,
        last=last,
        asked=asked,
        time=time,
    )
    judgement = judged(text)
    found = judgement.anomalies
    wrong = [one for one in found if found[one].validity is Validity.INVALID]
    return judgement.validity, wrong, judgement.why


def test_a_slave_that_refuses_readers_while_its_master_is_down_breaks_its_promise() -> None:
    """It is there for this, and it had the records by then."""
    assert told() == (Validity.INVALID, ["unserved"], ())


@pytest.mark.parametrize(
    "changed",
    [
        {"error": BUSY},
        {"error": OTHER},
        {"name": "slow-fsync-master"},
        {"node": "master"},
        {"ends": SHORT_ENDS},
        {"ends": ""},
        {"before": ELSEWHERE},
    ],
)
def test_what_is_no_refusal_by_a_slave_that_could_serve_is_not_held_against_it(
    changed: dict[str, str],
) -> None:
    """Busy, not heard, with the master up, not the slave, without records, or broken before."""
    assert told(**changed)[1] == []


FAILED = f"fail pull @0/0 {OTHER}"


LATE = "time=2000000000"
EMPTY = "ok pull [] @0/0 min_offset=0 max_offset={end}"


@pytest.mark.parametrize("end", [0, 2])
def test_a_slave_that_gives_nothing_of_what_it_has_breaks_its_promise(end: int) -> None:
    """Whatever it says of the queue's end: its log had the record as the master died."""
    assert told(BUSY, last=EMPTY.format(end=end), time=LATE)[1] == ["unserved"]


@pytest.mark.parametrize(
    "changed",
    [
        {"asked": "2"},
        {"last": "ok pull [] @0/0 min_offset=1 max_offset=2"},
        {"ends": SHORT_ENDS},
        {"time": ""},
        {"asked": "2", "after": LOST_LATER, "place": 50},
    ],
)
def test_what_it_need_not_have_it_need_not_give(changed: dict[str, str]) -> None:
    """Beyond what its log had whole, below its queue's begin, too soon, or of a later log."""
    late = {"last": EMPTY.format(end=2), "time": LATE}
    assert told(BUSY, **late | changed)[1] == []


def test_of_a_slave_that_answered_nothing_it_is_not_known_that_it_serves() -> None:
    reason = "kill-master: 3 pulls of the slave while it was on, and none was ok"
    assert told(OTHER, last=FAILED) == (Validity.UNKNOWN, [], (reason,))


@pytest.mark.parametrize("changed", [{"name": "slow-fsync-master"}, {"before": ELSEWHERE}])
def test_one_that_something_else_may_have_silenced_is_not_asked_for(
    changed: dict[str, str],
) -> None:
    _, _, why = told(OTHER, last=FAILED, **changed)
    assert not any("pulls of the slave" in reason for reason in why)
