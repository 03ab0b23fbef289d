"""What is below the min offset of its queue was deleted; whether rightly, the contract says."""

from tests.checkers.judging import found, judged

BELOW = """
    0 invoke send a @0
    0 ok     send a @0/0 node=master
    0 invoke send b @0
    0 ok     send b @0/1 node=master
    nemesis info {fault} fault=1 phase=inject class=other targets={target}
    nemesis info {fault} fault=1 phase=inject class=other targets={target} bit=true
    nemesis info {fault} fault=1 phase=cure class=other targets={target}
    nemesis info {fault} fault=1 phase=cure class=other targets={target} bit=true
    1 invoke drain @0 node=master {time}
    1 ok     drain 1:b @0 node=master certified=true min_offset=1 max_offset=2 {time}
    1 invoke drain @0 node=slave {time}
    1 ok     drain 1:b @0 node=slave certified=true min_offset=1 max_offset=2 {time}
"""
HOUR_NS = 3_600_000_000_000


def below(fault: str = "slow-fsync-master", target: str = "master", hours: int = 0) -> str:
    time = f"time={hours * HOUR_NS}" if hours else ""
    return BELOW.format(fault=fault, target=target, time=time)


def test_an_old_message_below_the_min_offset_is_expired() -> None:
    assert found(below(hours=49)) == {"expired": "valid"}
    assert found(below(hours=47)) == {"lost": "invalid"}


def test_a_disk_that_looked_full_explains_that_a_message_is_gone() -> None:
    """A slave has what its master has, so the master's disk explains both; its own does not."""
    assert found(below("disk-full-master", "master")) == {"expired": "valid"}
    assert found(below("disk-full-slave", "slave")) == {"lost": "invalid"}


def test_a_min_offset_excuses_nothing_by_itself() -> None:
    """It is the broker's own word, and one that forgot the head of its queues says the same."""
    (finding,) = judged(below()).anomalies["lost"].findings
    assert finding.text == (
        "a was acknowledged, and is below the min offset of its queue, "
        "though nothing let a node delete it"
    )


def test_without_times_nobody_knows_how_old_a_message_is() -> None:
    lines = [line for line in below().splitlines() if line.strip()]
    assert found("\n".join(f"{line} time=-1" for line in lines)) == {"expired": "valid"}
