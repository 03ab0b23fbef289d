"""Clusters for every test that asks for one: scripted, or our own. All in memory: time jumps."""

from collections.abc import AsyncIterator

import pytest

from tests.broker.client.real_cluster import World, start_world
from tests.broker.client.scripted import Cluster
from tests.broker.remoting.virtual_time import pytest_asyncio_loop_factories

__all__ = ["cluster", "pytest_asyncio_loop_factories", "world"]


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    cluster = await Cluster().start()
    yield cluster
    await cluster.stop()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = await start_world()
    yield world
    await world.stop()
