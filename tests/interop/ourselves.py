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


async def until_copied(cluster: Cluster) -> None:
    """Wait until the slave has, and serves, the whole log of its master."""
    async with session(cluster) as ours:

        async def holds() -> bool:
            ends = [
                (await Admin(ours).broker_status(f"{HOST}:{port}"))["commitLogMaxOffset"]
                for port in (cluster.master_port, cluster.slave_port)
            ]
            return ends[0] == ends[1] != "0"

        await until("the slave's log is as long as the master's", holds)


async def create_topic(cluster: Cluster, topic: str, queues: int = 4) -> None:
    """Make a topic on the master, and wait until clients can find it."""
    async with session(cluster) as ours:
        admin = Admin(ours)
        await admin.create_topic(f"{HOST}:{cluster.master_port}", topic, queues)

        async def holds() -> bool:
            return bool((await admin.topic_route(topic)).queue_datas)

        await until(f"{topic} has a route", holds)
