"""The topics of a broker: how many queues each has, and what may be done with it.

TBW102                the template of topics that are created by being sent to
SCHEDULE_TOPIC_XXXX   where delayed messages wait, one queue a level
%RETRY%group          what a consumer of the group sent back
%DLQ%group            what it sent back too often
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from broker.errors import BrokerError
from broker.nameserver.topics import (
    READ_WRITE,
    DataVersion,
    Permission,
    TopicConfig,
    TopicWrapper,
    from_json,
    to_json,
)
from broker.remoting.codes import ResponseCode

__all__ = [
    "DLQ_PREFIX",
    "OFFSET_MOVED_TOPIC",
    "RETRY_PREFIX",
    "SCHEDULE_TOPIC",
    "TEMPLATE_TOPIC",
    "TopicTable",
    "check_topic_name",
    "queue_nums",
    "system_topics",
]

TEMPLATE_TOPIC = "TBW102"
SCHEDULE_TOPIC = "SCHEDULE_TOPIC_XXXX"
OFFSET_MOVED_TOPIC = "OFFSET_MOVED_EVENT"
RETRY_PREFIX = "%RETRY%"
DLQ_PREFIX = "%DLQ%"
NAME_SIZE_MAX = 127

_NAME = re.compile(r"[%|a-zA-Z0-9_-]+")


def check_topic_name(topic: str) -> None:
    """Refuse a name that no topic may have, with RocketMQ's code for it."""
    if not topic.strip():
        raise BrokerError(ResponseCode.SYSTEM_ERROR, "The specified topic is blank.")
    if not _NAME.fullmatch(topic):
        remark = f"The specified topic[{topic}] contains illegal characters"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, f"{remark}, allowing only {_NAME.pattern}")
    if len(topic) > NAME_SIZE_MAX:
        remark = f"The specified topic is longer than topic max length {NAME_SIZE_MAX}."
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark)


def system_topics(
    cluster: str, broker: str, delay_levels: int, template_queues: int
) -> list[TopicConfig]:
    """Give the topics that every broker has; no template if ``template_queues`` is 0."""
    inherit = READ_WRITE | Permission.INHERIT
    template = [_topic(TEMPLATE_TOPIC, template_queues, inherit)]
    return [
        *(template if template_queues else []),
        _topic("SELF_TEST_TOPIC", 1),
        _topic(cluster, 16, inherit),
        _topic(broker, 1, inherit),
        _topic("BenchmarkTest", 1024),
        _topic(OFFSET_MOVED_TOPIC, 1),
        _topic(SCHEDULE_TOPIC, delay_levels),
        _topic(f"{cluster}_REPLY_TOPIC", 1),
    ]


def queue_nums(topic: TopicConfig) -> int:
    """Say how many queue ids a request may name."""
    return max(topic.read_queue_nums, topic.write_queue_nums)


def _topic(
    name: str, queues: int, perm: int = READ_WRITE, filter_type: str = "SINGLE_TAG"
) -> TopicConfig:
    return TopicConfig(
        topic_name=name,
        read_queue_nums=queues,
        write_queue_nums=queues,
        perm=int(perm),
        topic_filter_type=filter_type,
    )


@dataclass(slots=True)
class TopicTable:
    """Every topic of a broker; ``on_changed`` hears of each one made, changed or removed."""

    now_ms: Callable[[], int]
    topics: dict[str, TopicConfig] = field(default_factory=dict)
    version: DataVersion = DataVersion()  # noqa: RUF009 - frozen
    system: dict[str, None] = field(default_factory=dict)
    on_changed: list[Callable[[], None]] = field(default_factory=list)

    def add_system_topics(self, topics: list[TopicConfig]) -> None:
        """Make sure that the system's topics are there, as they are if they are."""
        for topic in topics:
            self.system[topic.topic_name] = None
            self.topics.setdefault(topic.topic_name, topic)

    def get(self, name: str) -> TopicConfig | None:
        """Give a topic, or None."""
        return self.topics.get(name)

    def put(self, topic: TopicConfig) -> None:
        """Make a topic, or change it."""
        if self.topics.get(topic.topic_name) != topic:
            self.topics[topic.topic_name] = topic
            self._changed()

    def remove(self, name: str) -> bool:
        """Remove a topic; say whether it was there."""
        if self.topics.pop(name, None) is None:
            return False
        self._changed()
        return True

    def create_from_template(
        self, name: str, template_name: str, queue_nums: int
    ) -> TopicConfig | None:
        """Make a topic as its first send asks for, if the template lets itself be inherited."""
        template = self.topics.get(template_name)
        if template is None or not template.perm & Permission.INHERIT:
            return None
        queues = max(0, min(queue_nums, template.write_queue_nums))
        perm = template.perm & ~Permission.INHERIT
        topic = _topic(name, queues, perm, template.topic_filter_type)
        self.put(topic)
        return topic

    def create_for_group(self, name: str, queue_nums: int = 1) -> TopicConfig:
        """Make a group's retry or dead-letter topic, if it is not there."""
        topic = self.topics.get(name)
        if topic is None:
            topic = _topic(name, queue_nums)
            self.put(topic)
        return topic

    def learn(self, name: str, queue_nums: int) -> TopicConfig:
        """Take note of a topic that the log holds and no table does; not a change of the table."""
        topic = _topic(name, queue_nums)
        self.topics[name] = topic
        return topic

    def renew(self) -> None:
        """Count a change that is not in the table: what its permissions are worth here."""
        self._changed()

    def wrapped(self) -> TopicWrapper:
        """Give the table as it travels."""
        return TopicWrapper(self.version, self.topics)

    def to_json(self) -> bytes:
        """Write the table as it travels, and as topics.json keeps it."""
        return to_json(self.wrapped())

    def replace(self, data: bytes) -> bool:
        """Take over another broker's table whole, if it is another version; one step."""
        wrapper = from_json(data, TopicWrapper)
        if wrapper.data_version == self.version:
            return False
        self.topics, self.version = wrapper.topic_config_table, wrapper.data_version
        return True

    def _changed(self) -> None:
        self.version = self.version.next(self.now_ms())
        for callback in self.on_changed:
            callback()
