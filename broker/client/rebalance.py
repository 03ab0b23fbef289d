"""How a group's members share the queues of a topic: every member computes the same answer.

Nobody decides for the others. Each sorts the same queues and the same member ids, and takes what
falls to its own place; for a while after a change two members may hold one queue, which is where
a consumer group's duplicates come from.

Source of the facts: RocketMQ's ``AllocateMessageQueueAveragely.java``.
"""

from collections.abc import Sequence

from broker.nameserver.route import MessageQueue

__all__ = ["allocate_averagely"]


def allocate_averagely(
    queues: Sequence[MessageQueue], members: Sequence[str], me: str
) -> list[MessageQueue]:
    """Give a member its run of neighbouring queues; none if it is not (yet) a member.

    >>> queues = [MessageQueue("T", "broker-a", number) for number in range(5)]
    >>> [[q.queue_id for q in allocate_averagely(queues, ["x", "y"], me)] for me in "xyz"]
    [[0, 1, 2], [3, 4], []]
    """
    if me not in members:
        return []
    place = sorted(members).index(me)
    share, rest = divmod(len(queues), len(members))
    begin = place * share + min(place, rest)
    return sorted(queues)[begin : begin + share + (place < rest)]
