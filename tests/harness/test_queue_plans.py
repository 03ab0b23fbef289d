"""What producers and consumers do next follows from their rng and from what they have seen."""

import zlib
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from harness.workloads.queue import ConsumerPlan, ProducerPlan, body_of, is_producer, queues_of
from harness.workloads.workload import Completion, Invocation
from histories.op import OpType


def consumer(seed: int = 1) -> ConsumerPlan:
    plan = ConsumerPlan([0, 2], Random(seed))
    first = plan.next()
    assert first.f == "assign"
    plan.on_completion(first, Completion(OpType.OK, {}, {"positions": {0: 5, 2: 9}}))
    return plan


def next_of(plan: ConsumerPlan, f: str) -> Invocation:
    """Take the plan's turns until it does f; what it does meanwhile comes to nothing."""
    for _ in range(10_000):
        invocation = plan.next()
        if invocation.f == f:
            return invocation
    raise AssertionError(f"the plan never did {f}")


@given(st.integers(2, 60), st.integers(1, 40))
def test_every_queue_has_exactly_one_consumer(concurrency: int, queues: int) -> None:
    shared = [queues_of(place, concurrency, queues) for place in range(concurrency)]

    assert sorted(queue for share in shared for queue in share) == list(range(queues))
    assert all(not share for place, share in enumerate(shared) if is_producer(place))


def test_a_producers_values_are_unique_and_name_their_body() -> None:
    plan = ProducerPlan(3, 4, Random(1))
    sends = [plan.next() for _ in range(100)]

    assert [send.fields["value"] for send in sends] == [f"3-{count}" for count in range(100)]
    for send in sends:
        assert send.body.split()[0].decode() == send.fields["value"]
        assert send.fields["crc"] == zlib.crc32(send.body)
        assert 0 <= send.fields["queue"] < 4


def test_the_same_seed_asks_for_the_same_things() -> None:
    one, other = (ProducerPlan(3, 4, Random(7)) for _ in range(2))

    assert [one.next() for _ in range(50)] == [other.next() for _ in range(50)]


def test_a_consumer_begins_where_its_group_has_committed() -> None:
    pull = next_of(consumer(), "pull")

    assert pull.fields["queue_offset"] == {0: 5, 2: 9}[pull.fields["queue"]]
    assert pull.fields["node"] == "master"


def test_a_position_is_one_past_the_last_message_delivered() -> None:
    plan = consumer()
    pull = next_of(plan, "pull")
    queue = pull.fields["queue"]

    plan.on_completion(pull, Completion(OpType.OK, {"value": [[7, "0-1", 1], [8, "0-2", 1]]}))

    assert plan.positions[queue] == 9


def test_an_empty_pull_moves_nothing() -> None:
    """A slave that lags answers with nothing, and its end is not ours to follow."""
    plan = consumer()
    before = dict(plan.positions)

    plan.on_completion(next_of(plan, "pull"), Completion(OpType.OK, {"next_offset": 0}))

    assert plan.positions == before


def test_a_position_outside_the_masters_queue_means_to_assign_anew() -> None:
    plan = consumer()

    plan.on_completion(next_of(plan, "pull"), Completion(OpType.OK, {}, {"seek": 3}))

    assert plan.next().f == "assign"


def test_only_what_was_delivered_is_committed() -> None:
    plan = consumer()
    for _ in range(200):
        assert plan.next().f in ("pull", "assign")

    pull = next_of(plan, "pull")
    plan.on_completion(pull, Completion(OpType.OK, {"value": [[30, "0-1", 1]]}))
    commit = next_of(plan, "commit")
    assert commit.fields["queue"] == pull.fields["queue"]
    assert commit.fields["queue_offset"] == 31


def test_a_consumer_fails_over_to_the_slave_and_comes_back() -> None:
    plan = consumer()
    plan.on_completion(next_of(plan, "pull"), Completion(OpType.FAIL, {"error": "refused"}))

    nodes = []
    for _ in range(40):
        invocation = next_of(plan, "pull")
        nodes.append(invocation.fields["node"])
        plan.on_completion(invocation, Completion(OpType.OK, {"value": []}))

    assert nodes[0] == "slave"
    assert nodes[-1] == "master"
    assert nodes == sorted(nodes, reverse=True)


def test_a_slave_that_fails_sends_the_consumer_back_to_the_master() -> None:
    plan = consumer()
    plan.on_completion(next_of(plan, "pull"), Completion(OpType.FAIL, {}))
    assert plan.node == "slave"

    plan.on_completion(next_of(plan, "pull"), Completion(OpType.FAIL, {}))

    assert plan.node == "master"


def test_a_body_starts_with_its_value_however_short() -> None:
    assert body_of("12-345", 0) == b"12-345 "
