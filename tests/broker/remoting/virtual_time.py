"""A loop whose time jumps: when nothing is ready, the next timer is due at once.

For tests whose whole world is in memory. Hours cost nothing, and a machine that is busy cannot
make a time-out come first that should not. A conftest that imports the hook below has it for its
folder's tests.
"""

import asyncio
import selectors
from collections.abc import Callable, Mapping

import pytest


class JumpingSelector(selectors.DefaultSelector):
    """Never waits: it adds the time that it should have waited to ``now``."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing is ready and no timer is set: the test would hang")
        self.now += max(0.0, timeout)
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumping = JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"jumping": JumpingLoop}
