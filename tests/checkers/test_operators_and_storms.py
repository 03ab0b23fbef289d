"""What operators and repeated kills may take: discarded, outside the contract, between kills."""

import pytest

from checkers.verdict import Validity
from tests.checkers.judging import found, judged

DIVERGED = """
nemesis info kill-master fault=1 class=power phase=inject targets=master
nemesis info kill-master fault=1 class=power phase=inject targets=master bit=true
0 invoke send a @0
0 fail send a @0
nemesis info kill-master fault=1 class=power phase=cure targets=master
nemesis info kill-master fault=1 class=power phase=cure targets=master bit=true
0 invoke send b @0
0 ok send b @0/1 node=master status=SEND_OK
1 invoke drain @0 node=slave
1 ok drain 0:x,1:y @0 node=slave certified=true min_offset=0 max_offset=2
1 invoke drain @0 node=master
1 ok drain 0:x,1:b @0 node=master certified=true min_offset=0 max_offset=2
"""
BEFORE = """
0 invoke send x @0
0 ok send x @0/0 node=master status=SEND_OK
0 invoke send y @0
0 ok send y @0/1 node=master status=SEND_OK
"""
COMMAND = """
nemesis info resynchronise fault=9 class=other phase=inject targets=slave
nemesis info resynchronise fault=9 class=other phase=cure targets=slave bit=true
"""
LAX = "ASYNC_MASTER+ASYNC_FLUSH"


def test_what_the_operator_gave_up_is_discarded_and_not_lost() -> None:
    judgement = judged(BEFORE + DIVERGED + COMMAND, LAX)
    assert judgement.anomalies["discarded"].count == 1
    assert judgement.anomalies["discarded"].validity is Validity.VALID
    assert judgement.anomalies["discarded"].findings[0].data["value"] == "y"
    assert "lost" not in judgement.anomalies


def test_nothing_is_discarded_without_the_command_or_if_it_is_still_there() -> None:
    assert "discarded" not in found(BEFORE + DIVERGED, LAX)
    again = """
    1 invoke drain @0 node=slave
    1 ok drain 0:x,1:y @0 node=slave certified=true min_offset=0 max_offset=2
    """
    assert "discarded" not in found(BEFORE + DIVERGED + COMMAND + again, LAX)


def test_what_nobody_saw_before_the_command_may_have_been_given_up() -> None:
    """The slave's drain failed, and it had y: lost, or discarded, nobody knows."""
    unread = DIVERGED.replace("1 ok drain 0:x,1:y @0 node=slave", "1 fail drain @0 node=slave")
    after = """
    1 invoke drain @0 node=slave
    1 ok drain 0:x,1:b @0 node=slave certified=true min_offset=0 max_offset=2
    """
    strict = "SYNC_MASTER+ASYNC_FLUSH"
    judgement = judged(BEFORE + unread + COMMAND + after, strict)
    assert judgement.validity is Validity.UNKNOWN, list(judgement.anomalies)
    assert "T/0: no certified drain after the last cure on slave" in judgement.why
    untouched = BEFORE + unread + COMMAND.replace("=slave", "=master") + after
    assert judged(untouched, strict).anomalies["lost"].count == 1


def test_the_command_does_not_cover_an_ack_that_was_a_lie_before_it() -> None:
    """A slave that is ahead must not raise the mark of a SYNC_MASTER, as it does in 4.9.3."""
    shown = "1 invoke drain @0 node=slave\n1 ok drain 0:x,1:b @0 node=slave"
    mended = f"{shown} certified=true min_offset=0 max_offset=2"
    strict = "SYNC_MASTER+ASYNC_FLUSH"
    assert found(BEFORE + DIVERGED + COMMAND + mended, strict)["dishonest-status"] == "invalid"
    assert "dishonest-status" not in found(BEFORE + DIVERGED + COMMAND + mended, LAX)


FAULT = """
nemesis info {name} fault=1 class=process phase=inject targets=slave {option}
nemesis info {name} fault=1 class=process phase=inject targets=slave bit=true {option}
0 invoke send a @0
0 ok send a @0/0
nemesis info {name} fault=1 class=process phase=cure targets=slave {option}
nemesis info {name} fault=1 class=process phase=cure targets=slave bit=true {option}
1 invoke drain @0
1 ok drain {read} @0
"""


@pytest.mark.parametrize(
    ("name", "option", "read", "validity"),
    [
        ("kill-slave", "", "0:a", Validity.VALID),
        ("second-master", "", "0:a", Validity.UNKNOWN),
        ("take-over", "", "0:a", Validity.UNKNOWN),
        ("second-master", "", "[]", Validity.INVALID),
        ("odd", 'options={"contract":false}', "0:a", Validity.UNKNOWN),
    ],
)
def test_a_run_outside_the_contract_says_so_and_is_never_valid(
    name: str, option: str, read: str, validity: Validity
) -> None:
    judgement = judged(FAULT.format(name=name, option=option, read=read), LAX)
    assert judgement.validity is validity
    assert any("nothing is promised" in why for why in judgement.why) is (name != "kill-slave")


STORM = """
nemesis info restart-storm fault=1 class=power phase=inject targets=master time=10000000
0 invoke send a @0 time=11000000
0 ok send a @0/0 status={status} time=12000000
nemesis info restart-storm fault=1 class=power phase=inject targets=master bit=true time=20000000
nemesis info restart-storm fault=1 class=power phase=cure targets=master time=30000000
nemesis info restart-storm fault=1 class=power phase=cure targets=master bit=true time=40000000
0 invoke send b @0 time=50000000
0 ok send b @0/0 time=51000000
1 invoke drain @0 time=60000000
1 ok drain 0:b @0 time=61000000
"""


@pytest.mark.parametrize(
    ("mode", "status", "name"),
    [
        ("ASYNC_MASTER+SYNC_FLUSH", "SEND_OK", "lost"),
        ("ASYNC_MASTER+SYNC_FLUSH", "FLUSH_DISK_TIMEOUT", "allowed-loss"),
        ("ASYNC_MASTER+ASYNC_FLUSH", "SEND_OK", "allowed-loss"),
    ],
)
def test_between_the_kills_of_a_storm_only_what_was_not_promised_to_be_on_disk_may_go(
    mode: str, status: str, name: str
) -> None:
    losses = {"lost", "allowed-loss"}
    assert losses & set(found(STORM.format(status=status), mode)) == {name}
