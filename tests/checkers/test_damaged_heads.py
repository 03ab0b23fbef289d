"""No checksum covers a record's head: a bit flipped there makes it stand where it was not put."""

import pytest

from tests.checkers.judging import found

LAX = "ASYNC_MASTER+ASYNC_FLUSH"

STORY = """
    0 invoke send a @0
    0 ok     send a @0/0 node=master physical_offset=0
    0 invoke send b @0
    0 ok     send b @0/1 node=master physical_offset=100
    0 invoke send c @0
    0 ok     send c @0/2 node=master physical_offset=200
    nemesis info bit-flip fault=1 phase=inject class={sort} targets=master
    nemesis info bit-flip fault=1 phase=inject class={sort} targets=master bit=true {at}
    nemesis info bit-flip fault=1 phase=cure class={sort} targets=master
    nemesis info bit-flip fault=1 phase=cure class={sort} targets=master bit=true
    1 invoke drain @0 node=master
    1 ok     drain {queue0} @0 node=master certified=true min_offset=0 max_offset={end0}
    1 invoke drain @1 node=master
    1 ok     drain {queue1} @1 node=master certified=true min_offset=0 max_offset={end1}
"""


def told(queue0: str, queue1: str = "[]", *, at: int = 115, sort: str = "damage") -> dict[str, str]:
    text = STORY.format(
        sort=sort,
        at=f'options={{"damaged_from":{at}}}',
        queue0=queue0,
        end0=queue0.count(":"),
        queue1=queue1,
        end1=queue1.count(":"),
    )
    return found(text, LAX)


WANDERED = ("0:a,1:c", "[]")  # to a queue that nobody reads
ASTRAY = ("0:a,1:c", "0:b")
TWICE = ("0:a,1:b,2:c,3:b", "[]")
UPON = ("0:a,1:b,2:b", "[]")
"""What the master shows of three messages when b has a bad head."""


@pytest.mark.parametrize("shown", [WANDERED, ASTRAY, TWICE, UPON])
def test_the_record_in_which_a_bit_was_flipped_may_stand_elsewhere(shown: tuple[str, str]) -> None:
    assert "invalid" not in told(*shown).values()


@pytest.mark.parametrize(
    ("shown", "name"),
    [(WANDERED, "lost"), (ASTRAY, "unexpected"), (TWICE, "duplicated")],
)
@pytest.mark.parametrize(("at", "sort"), [(15, "damage"), (215, "damage"), (115, "process")])
def test_no_other_record_may(shown: tuple[str, str], name: str, at: int, sort: str) -> None:
    assert told(*shown, at=at, sort=sort)[name] == "invalid"
