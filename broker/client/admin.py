"""An operator's hand on a cluster: what ``mqadmin`` does, and what only this suite asks.

Addresses are the advertised ones, as the name server tells them.
"""

from dataclasses import dataclass

import msgspec

from broker.client.consumer import decode_bodies
from broker.client.session import Session, succeed
from broker.nameserver.route import ClusterInfo, TopicRoute
from broker.nameserver.topics import READ_WRITE, from_json
from broker.remoting.codes import RequestCode
from broker.remoting.command import Command
from broker.remoting.fastjson import loads_object
from broker.remoting.headers import read_fields
from broker.store.message import StoredMessage, message_id_offset

__all__ = ["Admin", "LogDigest", "Resynchronised"]


class LogDigest(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A range of a node's commit log as one number, and where the log begins and ends."""

    begin: int  # what was read of the range that was asked for
    crc_end: int
    crc: int
    min: int  # the first physical offset that the node still has
    end: int
    flushed: int


class Resynchronised(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What a slave kept of its log when it gave up what its master does not have."""

    kept: int  # bytes, from the log's beginning
    old_end: int


@dataclass(frozen=True, slots=True)
class Admin:
    """Asks name servers and brokers, and changes what an operator may change."""

    session: Session
    timeout_ms: float = 5000

    async def cluster_list(self) -> ClusterInfo:
        """Give every broker that a name server knows."""
        reply = await self._ask_name_server(RequestCode.GET_BROKER_CLUSTER_INFO)
        return from_json(reply.body, ClusterInfo)

    async def topic_route(self, topic: str) -> TopicRoute:
        """Give a topic's route as a name server knows it now; ``NoRouteError`` if it does not."""
        return await self.session.fresh_route(topic)

    async def topic_list(self) -> list[str]:
        """Give every topic that a name server knows."""
        reply = await self._ask_name_server(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER)
        return [str(topic) for topic in loads_object(reply.body).get("topicList", [])]

    async def broker_status(self, address: str) -> dict[str, str]:
        """Give a broker's own figures, by RocketMQ's names."""
        reply = await self._ask(address, RequestCode.GET_BROKER_RUNTIME_INFO)
        table = loads_object(reply.body).get("table", {})
        return {str(name): str(value) for name, value in table.items()}

    async def create_topic(
        self, address: str, topic: str, queues: int = 4, perm: int = int(READ_WRITE)
    ) -> None:
        """Make a topic on one broker, or change it."""
        await self._ask(
            address,
            RequestCode.UPDATE_AND_CREATE_TOPIC,
            topic=topic,
            defaultTopic="TBW102",
            readQueueNums=str(queues),
            writeQueueNums=str(queues),
            perm=str(perm),
            topicFilterType="SINGLE_TAG",
            topicSysFlag="0",
            order="false",
        )

    async def delete_topic(self, topic: str) -> None:
        """Delete a topic on every broker, masters first, then at every name server."""
        route = await self.topic_route(topic)
        for broker in route.broker_datas:
            for _, address in sorted(broker.broker_addrs.items()):
                await self._ask(address, RequestCode.DELETE_TOPIC_IN_BROKER, topic=topic)
        for name_server in self.session.name_servers:
            await self._ask(name_server, RequestCode.DELETE_TOPIC_IN_NAMESRV, topic=topic)

    async def message_at(self, address: str, message_id: str) -> StoredMessage:
        """Give the message that an offsetMsgId names; ``BrokerError`` if it is not there."""
        offset = str(message_id_offset(message_id))
        reply = await self._ask(address, RequestCode.VIEW_MESSAGE_BY_ID, offset=offset)
        return decode_bodies(reply.body)[0]

    async def log_digest(self, address: str, begin: int = 0, end: int = 0) -> LogDigest:
        """Give the CRC of a range of a node's commit log, and the log's ends. Our brokers only."""
        reply = await self._ask(address, RequestCode.LOG_DIGEST, begin=str(begin), end=str(end))
        return read_fields(reply.ext_fields, LogDigest)

    async def resynchronise(self, slave_address: str) -> Resynchronised:
        """Make a diverged slave give up what its master does not have. Our brokers only."""
        reply = await self._ask(slave_address, RequestCode.RESYNC)
        return read_fields(reply.ext_fields, Resynchronised)

    async def _ask(self, address: str, code: RequestCode, **fields: str) -> Command:
        command = Command(code, ext_fields=fields)
        return succeed(await self.session.request(address, command, self.timeout_ms))

    async def _ask_name_server(self, code: RequestCode) -> Command:
        return succeed(await self.session.ask_name_server(Command(code)))
