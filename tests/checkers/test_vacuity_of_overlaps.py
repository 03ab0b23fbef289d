"""A fault behind which another one stopped every write is no proof, and no lack of one either."""

from checkers.case import Case
from checkers.contract import Contract
from checkers.vacuity import vacuity
from histories.notation import parse_history

TEXT = """
    0        invoke  send  a  @0
    0        ok      send  a  @0/0
    nemesis  info  kill-master  fault=1 phase=inject targets=master stops_writes=true
    nemesis  info  kill-master  fault=1 phase=inject targets=master stops_writes=true bit=true
    nemesis  info  slow         fault=2 phase=inject targets=slave
    nemesis  info  slow         fault=2 phase=inject targets=slave bit=true
    0        invoke  send  b  @0
    0        fail    send  b  @0
    {slow_cure}
    nemesis  info  kill-master  fault=1 phase=cure targets=master stops_writes=true
    nemesis  info  kill-master  fault=1 phase=cure targets=master stops_writes=true bit=true
    {late_slow_cure}
    0        invoke  send  c  @0
    0        ok      send  c  @0/1
    1        invoke  drain  @0  node=master
    1        ok      drain  0:a,1:c  @0  node=master min_offset=0 max_offset=2 certified=true
    1        invoke  drain  @0  node=slave
    1        ok      drain  0:a,1:c  @0  node=slave min_offset=0 max_offset=2 certified=true
"""
CURE = """nemesis  info  slow  fault=2 phase=cure targets=slave
    nemesis  info  slow  fault=2 phase=cure targets=slave bit=true"""
COMPLAINT = "slow: writes were possible, but no send was ok while it was on"


def reasons(**cures: str) -> tuple[str, ...]:
    text = TEXT.format(**{"slow_cure": "", "late_slow_cure": "", **cures})
    return vacuity(Case(parse_history(text), Contract())).why


def test_a_fault_within_an_outage_need_not_show_an_ok_send() -> None:
    """The master was dead from before it to after it."""
    assert COMPLAINT not in reasons(slow_cure=CURE)


def test_a_fault_that_outlives_the_outage_must() -> None:
    """There was a send that could have been ok."""
    free = "2 invoke send d @0\n    2 info send d @0\n    "
    assert COMPLAINT in reasons(late_slow_cure=free + CURE)


WAITING = """
    0        invoke  send  a  @0
    0        ok      send  a  @0/0
    nemesis  info  kill-master  fault=1 phase=inject targets=master stops_writes=true
    nemesis  info  kill-master  fault=1 phase=inject targets=master stops_writes=true bit=true
    0        invoke  send  b  @0
    nemesis  info  kill-master  fault=1 phase=cure targets=master stops_writes=true
    nemesis  info  kill-master  fault=1 phase=cure targets=master stops_writes=true bit=true
    {before}
    nemesis  info  slow         fault=2 phase=inject targets=slave
    nemesis  info  slow         fault=2 phase=inject targets=slave bit=true
    {within}
    nemesis  info  slow         fault=2 phase=cure targets=slave
    nemesis  info  slow         fault=2 phase=cure targets=slave bit=true
    {after}
    1        invoke  send  c  @0
    1        ok      send  c  @0/1
"""
GIVEN_UP = "0 info send b @0"
REFUSED = "2 invoke send d @0\n    2 fail send d @0"

WELL_AGAIN = "3 invoke send e @0\n    3 ok send e @0/5"


def told(**parts: str) -> tuple[str, ...]:
    text = WAITING.format(**{"before": "", "within": "", "after": "", **parts})
    return vacuity(Case(parse_history(text), Contract())).why


def test_clients_that_still_wait_out_an_earlier_outage_send_nothing() -> None:
    """After a power cut nobody says that an answer will not come; a client waits to the end."""
    assert COMPLAINT not in told(after=GIVEN_UP)
    assert COMPLAINT not in told(within=GIVEN_UP)


def test_nor_need_their_successors_find_a_route_at_once() -> None:
    assert COMPLAINT not in told(within=f"{GIVEN_UP}\n    {REFUSED}")


def test_a_fault_during_which_nobody_sent_for_no_reason_proves_nothing() -> None:
    assert COMPLAINT in told(before=GIVEN_UP)
    assert COMPLAINT in told(before=f"{GIVEN_UP}\n    {WELL_AGAIN}", within=REFUSED)


def test_an_outage_lasts_until_a_send_is_ok_again() -> None:
    """Clients whose route has no master ask a name server that is killed now: none has a route."""
    assert COMPLAINT not in told(before=GIVEN_UP, within=REFUSED)
    in_doubt = "2 invoke send d @0\n    2 info send d @0"
    assert COMPLAINT in told(before=GIVEN_UP, within=in_doubt)
