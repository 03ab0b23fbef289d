"""A broker's tables between two lives: read at the start, saved when they change and at the end.

A crash can be faster than a save, so the log has the last word on two things. A topic that it
holds is a topic, whether topics.json has it or not. And no group can have consumed more of a
queue than there is, nor a delay level have delivered more: offsets beyond a queue's end are brought
back to it (P11), but on a slave, whose log may simply not have come that far yet.
"""

from collections.abc import Callable, Mapping

from broker.config import BrokerConfig
from broker.nameserver.topics import TopicConfig
from broker.processors.schedule import (
    clamp_delay_offsets,
    durable_delay_offsets,
    read_delay_offsets,
)
from broker.processors.state import BrokerState
from broker.remoting import fastjson
from broker.remoting.codes import RequestCode
from broker.tables.files import TableFile
from broker.tables.topics import system_topics

__all__ = ["TableKeeper"]


class TableKeeper:
    """Reads and saves the tables of one broker."""

    def __init__(self, state: BrokerState) -> None:
        self._state = state

        def file(name: str) -> TableFile:
            folder = state.store.config.tables_path
            return TableFile(state.ports.disk, f"{folder}/{name}.json")

        self._topics = file("topics")
        self._groups = file("subscriptionGroup")
        self._consumer_offsets = file("consumerOffset")
        self._delay_offsets = file("delayOffset")

    def load(self) -> None:
        """Read what was saved, and mend it by the log."""
        state = self._state
        self._load(self._topics, state.topics.replace)
        self._load(self._groups, state.groups.replace)
        self._load(self._consumer_offsets, state.offsets.load)
        self._load(self._delay_offsets, self._take_delay_offsets)
        state.topics.add_system_topics(_system_topics(state.config))
        self._learn_topics()
        if not state.config.is_slave:
            groups = state.offsets.clamp(state.store.queues.end)
            for clamped in [*groups, *clamp_delay_offsets(state)]:
                state.log.warning("offset-clamped", what=clamped)

    async def save(self) -> None:
        """Save everything."""
        await self.save_topics()
        await self.save_groups()
        await self.save_consumer_offsets()
        await self.save_delay_offsets()

    async def save_topics(self) -> None:
        """Save topics.json."""
        await self._save(self._topics, self._state.topics.to_json())

    async def save_groups(self) -> None:
        """Save subscriptionGroup.json."""
        await self._save(self._groups, self._state.groups.to_json())

    async def save_consumer_offsets(self) -> None:
        """Save consumerOffset.json."""
        await self._save(self._consumer_offsets, self._state.offsets.to_json())

    async def save_delay_offsets(self) -> None:
        """Save delayOffset.json; on a master, once the copies that it speaks of are on disk."""
        state = self._state
        data: bytes | None = fastjson.dumps({"offsetTable": state.delay_offsets})
        if state.delay_offsets and not state.config.is_slave:
            data = await durable_delay_offsets(state)
        if data is not None:
            await self._save(self._delay_offsets, data)

    def takers(self) -> Mapping[RequestCode, Callable[[bytes], object]]:
        """Say which table of a master's a slave takes over, and how."""
        return {
            RequestCode.GET_ALL_TOPIC_CONFIG: self._state.topics.replace,
            RequestCode.GET_ALL_CONSUMER_OFFSET: self._state.offsets.copy,
            RequestCode.GET_ALL_DELAY_OFFSET: self._take_delay_offsets,
            RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG: self._state.groups.replace,
        }

    def _take_delay_offsets(self, data: bytes) -> None:
        self._state.delay_offsets = read_delay_offsets(data)

    def _learn_topics(self) -> None:
        widths: dict[str, int] = {}
        for topic, queue_id in self._state.store.queues.table:
            widths[topic] = max(widths.get(topic, 0), queue_id + 1)
        for topic, width in widths.items():
            if self._state.topics.get(topic) is None:
                self._state.topics.learn(topic, width)

    def _load(self, file: TableFile, take: Callable[[bytes], object]) -> None:
        path = file.load(take)
        if path != file.path and (path or self._state.ports.disk.exists(file.path)):
            self._state.log.warning("table-damaged", path=file.path, taken=path or "nothing")

    async def _save(self, file: TableFile, data: bytes) -> None:
        try:
            await file.save(data)
        except OSError as error:
            self._state.log.warning("table-not-saved", path=file.path, why=str(error))


def _system_topics(config: BrokerConfig) -> list[TopicConfig]:
    template_queues = config.default_topic_queue_nums if config.auto_create_topic_enable else 0
    return system_topics(
        config.broker_cluster_name,
        config.broker_name,
        len(config.delay_levels_ms),
        template_queues,
    )
