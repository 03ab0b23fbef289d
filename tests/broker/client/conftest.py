"""A scripted cluster for every test that asks for one."""

from collections.abc import AsyncIterator

import pytest

from tests.broker.client.scripted import Cluster


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    cluster = await Cluster().start()
    yield cluster
    await cluster.stop()
