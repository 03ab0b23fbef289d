"""Each real node's configuration, in words that 4.9.3 understands, and the topics it knows at once.

A key that 4.9.3 does not know it passes over in silence, so there is none here (MessageStoreConfig,
BrokerConfig, NamesrvConfig). Files are small, so that a run of a minute rolls as many as a day of
production does.

A real slave copies its master's topics every ten seconds, and refuses readers of a topic that it
does not know. So both brokers start with the topics of a run in their file of topics, as they would
after a restart.
"""

import json
from pathlib import Path

from harness.convergence import CONVERGENCE_TOPIC
from harness.layout import HOST
from harness.product import Place
from harness.timings import ROCKETMQ_TIMINGS
from harness.workloads.queue import TOPIC
from harness.workloads.queue_client import BROKER_IDS, BROKER_NAME

__all__ = ["properties_of_apache", "write_topics"]

SIZES = {
    "mappedFileSizeCommitLog": 1 << 20,
    "mappedFileSizeConsumeQueue": 20_000,  # a thousand entries
    "maxHashSlotNum": 1_000,
    "maxIndexNum": 4_000,
    "diskMaxUsedSpaceRatio": 95,
}


def properties_of_apache(place: Place) -> dict[str, str | int]:
    """Write one node's configuration down."""
    layout, options = place.layout, place.options
    port = layout.node_ports[place.name]
    if place.role == "nameserver":
        return {"listenPort": port, "kvConfigPath": str(place.folder / "kv.json")}

    properties: dict[str, str | int] = {
        "brokerClusterName": "DefaultCluster",
        "brokerName": BROKER_NAME,
        "brokerId": BROKER_IDS[place.name],
        "brokerRole": options.broker_role if place.name == "master" else "SLAVE",
        "flushDiskType": options.flush_disk_type,
        "namesrvAddr": layout.proxy(f"{place.name}->nameserver"),
        "brokerIP1": HOST,
        "brokerIP2": HOST,
        "listenPort": port,
        "storePathRootDir": str(place.data),
        "storePathCommitLog": str(place.data / "commitlog"),
        "deleteWhen": "04",
        "fileReservedTime": 48,
        **SIZES,
        **ROCKETMQ_TIMINGS,
    }
    if place.name == "slave":
        # Once this is set, a slave no longer asks the name server for it (BrokerController).
        properties["haMasterAddress"] = layout.proxy("slave->master-ha")
    return properties


def write_topics(data: Path, queues: int) -> None:
    """Let a broker that has never run know the topics of a run (TopicConfigManager)."""
    table = {topic: _topic(topic, queues) for topic in (TOPIC, CONVERGENCE_TOPIC)}
    known = {"dataVersion": {"counter": 1, "timestamp": 0}, "topicConfigTable": table}
    file = data / "config" / "topics.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(known), encoding="utf-8")


def _topic(name: str, queues: int) -> dict[str, str | int | bool]:
    return {
        "topicName": name,
        "readQueueNums": queues,
        "writeQueueNums": queues,
        "perm": 6,
        "topicFilterType": "SINGLE_TAG",
        "topicSysFlag": 0,
        "order": False,
    }
