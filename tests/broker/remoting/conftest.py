"""Everything here happens in memory, so time jumps."""

from tests.broker.remoting.virtual_time import pytest_asyncio_loop_factories

__all__ = ["pytest_asyncio_loop_factories"]
