"""Our own client in a test: a session on the real network, and questions to both nodes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from broker.client.admin import Admin
from broker.client.session import Session
from broker.live import live_ports
from tests.interop.clusters import HOST, Cluster, until


@asynccontextmanager
async def session(cluster: Cluster) -> AsyncIterator[Session]:
    ours = Session(live_ports(Random(1)), [cluster.namesrv], route_refresh_ms=500)
    try:
        yield ours
    finally:
        await ours.close()


async def until_registered(cluster: Cluster, *broker_ids: int) -> None:
    """Wait until the name server knows these brokers and no others."""
    async with session(cluster) as ours:

        async def holds() -> bool:
            known = (await Admin(ours).cluster_list()).broker_addr_table.get("broker-a")
            return known is not None and sorted(known.broker_addrs) == list(broker_ids)

        await until(f"the brokers {broker_ids} are registered", holds)


async def until_copied(cluster: Cluster) -> int:
    """Wait until the slave has the whole log of its master; where that ends."""
    async with session(cluster) as ours:
        admin = Admin(ours)

        async def end(port: int) -> int:
            return int((await admin.broker_status(f"{HOST}:{port}"))["commitLogMaxOffset"])

        async def holds() -> bool:
            return await end(cluster.slave_port) == await end(cluster.master_port) > 0

        await until("the slave's log is as long as the master's", holds)
        return await end(cluster.master_port)


async def create_topic(cluster: Cluster, topic: str, queues: int = 4) -> None:
    """Make a topic on the master, and wait until clients can find it."""
    async with session(cluster) as ours:
        admin = Admin(ours)
        await admin.create_topic(f"{HOST}:{cluster.master_port}", topic, queues)

        async def holds() -> bool:
            return bool((await admin.topic_route(topic)).queue_datas)

        await until(f"{topic} has a route", holds)
