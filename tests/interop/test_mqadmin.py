"""RocketMQ's own operator's tool, on our cluster."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from broker.client.attempts import SendResult
from broker.client.consuming import ConsumeStatus
from broker.client.message import Message
from broker.client.producer import Producer
from broker.client.push_consumer import ConsumeFrom, PushConsumer, PushOptions
from broker.nameserver.route import MessageQueue
from broker.store.message import StoredMessage
from tests.interop.clusters import Cluster, ours, until
from tests.interop.ourselves import session, until_copied, until_registered
from tests.interop.programs import run

pytestmark = [pytest.mark.live, pytest.mark.interop]

HERE = Path(__file__).parent
TOPIC = "TopicMasterSlave"


async def mqadmin(java: list[str], folder: Path, namesrv: str, *commands: str) -> list[list[str]]:
    """What each command prints, line by line; all run in one process."""
    (folder / "conf").mkdir(exist_ok=True)
    shutil.copy(HERE / "java" / "logback.xml", folder / "conf" / "logback_tools.xml")
    asked = [f"{command} -n {namesrv}" for command in commands]
    lines = await run([*java, "Mqadmin", *asked], env={"ROCKETMQ_HOME": str(folder)})
    printed: list[list[str]] = []
    for line in lines:
        if line.startswith("$ "):
            printed.append([])
        elif line.strip():
            printed[-1].append(line.strip())
    assert len(printed) == len(commands), lines
    return printed


async def send(cluster: Cluster, count: int) -> list[SendResult]:
    async with session(cluster) as ours_:
        producer = Producer(ours_, "p")
        return [
            await producer.send(
                Message(topic=TOPIC, body=b"Hello %d" % i, tags="TagA", keys=(f"key{i}",))
            )
            for i in range(count)
        ]


@asynccontextmanager
async def consuming(cluster: Cluster, group: str, count: int) -> AsyncIterator[list[StoredMessage]]:
    """Be a group's only member, from when it has got so much on; give what it gets."""
    got: list[StoredMessage] = []

    async def listener(_queue: MessageQueue, messages: list[StoredMessage]) -> ConsumeStatus:
        got.extend(messages)
        return ConsumeStatus.SUCCESS

    async def all_came() -> bool:
        return len(got) == count

    options = PushOptions(consume_from=ConsumeFrom.FIRST)
    async with session(cluster) as ours_:
        consumer = PushConsumer(ours_, group, {TOPIC: "*"}, listener, options)
        await consumer.start()
        await until(f"{count} messages are consumed", all_came)
        yield got
        await consumer.stop()


def table(lines: list[str]) -> list[list[str]]:
    return [line.split() for line in lines if not line.startswith("#")]


def figures(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


async def test_mqadmin_sees_the_cluster(cluster: Cluster, java: list[str], tmp_path: Path) -> None:
    """As the seed's picture has it: one name, BID 0 and BID 1."""
    await cluster.nameserver(ours)
    await cluster.master(ours)
    await cluster.slave(ours)
    await until_registered(cluster, 0, 1)
    await send(cluster, 10)
    async with consuming(cluster, "g", 10):
        pass
    await send(cluster, 3)
    await until_copied(cluster)
    master, slave = f"127.0.0.1:{cluster.master_port}", f"127.0.0.1:{cluster.slave_port}"

    async with consuming(cluster, "online", 13) as again:
        brokers, topics, route, queues, of_master, of_slave, progress, off, on = await mqadmin(
            java,
            tmp_path,
            cluster.namesrv,
            "clusterList",
            "topicList",
            f"topicRoute -t {TOPIC}",
            f"topicStatus -t {TOPIC}",
            f"brokerStatus -b {master}",
            f"brokerStatus -b {slave}",
            "consumerProgress -g g",
            f"resetOffsetByTime -t {TOPIC} -s 0 -g g",
            f"resetOffsetByTime -t {TOPIC} -s 0 -g online",
        )

        async def all_came_again() -> bool:
            return len(again) == 2 * 13

        await until("a group that was reset has got all again", all_came_again)

    assert [row[:5] for row in table(brokers)] == [
        ["DefaultCluster", "broker-a", "0", master, "V4_9_3"],
        ["DefaultCluster", "broker-a", "1", slave, "V4_9_3"],
    ]
    assert {TOPIC, "TBW102", "%RETRY%g", "broker-a"} <= set(topics)
    assert master in "".join(route)
    assert slave in "".join(route)
    assert sum(int(row[3]) - int(row[2]) for row in table(queues)) == 13
    assert [row[:2] for row in table(queues)] == [["broker-a", str(i)] for i in range(4)]
    assert figures(of_master)["brokerVersionDesc"] == "V4_9_3"
    assert figures(of_master)["putMessageTimesTotal"] == "13"
    assert figures(of_slave)["commitLogMaxOffset"] == figures(of_master)["commitLogMaxOffset"]
    assert figures(progress)["Diff Total"] == "3", progress
    for reset in off, on:
        rows = sorted([row[0], row[1], row[-1]] for row in table(reset) if row[0] == "broker-a")
        assert rows == [["broker-a", str(i), "0"] for i in range(4)], reset


async def test_mqadmin_finds_messages_and_keeps_topics(
    cluster: Cluster, java: list[str], tmp_path: Path
) -> None:
    """By offset id, by unique key and by the user's key; topics made, changed and deleted.

    Deleted at the slave, too: ``deleteTopic`` asks every broker and ends at the first refusal.
    """
    await cluster.nameserver(ours)
    await cluster.master(ours)
    await cluster.slave(ours)
    await until_registered(cluster, 0, 1)
    sent = await send(cluster, 10)
    master = f"127.0.0.1:{cluster.master_port}"

    by_id, by_unique_key, by_key, made, made_all, deleted, topics = await mqadmin(
        java,
        tmp_path,
        cluster.namesrv,
        f"queryMsgById -i {sent[3].message_id}",
        f"queryMsgByUniqueKey -i {sent[4].key} -t {TOPIC}",
        f"queryMsgByKey -t {TOPIC} -k key7",
        f"updateTopic -b {master} -t TopicMade -r 2 -w 2",
        "updateTopic -c DefaultCluster -t TopicMade -r 3 -w 3",
        f"deleteTopic -c DefaultCluster -t {TOPIC}",
        "topicList",
    )

    assert body_of(by_id) == "Hello 3"
    assert figures(by_id)["Keys"] == "[key3]"
    assert body_of(by_unique_key) == "Hello 4"
    assert table(by_key) == [[sent[7].key, str(sent[7].queue.queue_id), str(sent[7].queue_offset)]]
    assert "create topic to" in "".join(made)
    assert "create topic to" in "".join(made_all)
    async with session(cluster) as ours_:
        route = await ours_.fresh_route("TopicMade")
    assert len(route.publish_queues("TopicMade")) == 3
    assert f"delete topic [{TOPIC}] from cluster [DefaultCluster] success." in deleted
    assert "TopicMade" in topics
    assert TOPIC not in topics


def body_of(shown: list[str]) -> str:
    """The body is in a file that mqadmin makes, in a folder that cannot be chosen."""
    file = Path(figures(shown)["Message Body Path"])
    try:
        return file.read_text()
    finally:
        file.unlink()
        with suppress(OSError):  # others may have theirs in it
            file.parent.rmdir()
            file.parent.parent.rmdir()
