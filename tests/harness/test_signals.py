"""The first signal ends a run well, the second at once."""

import asyncio
import os
import signal

import pytest

from harness.signals import two_stage_signals


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
async def test_the_second_signal_is_told_apart_from_the_first(first: signal.Signals) -> None:
    seen: list[str] = []

    with two_stage_signals(lambda: seen.append("first"), lambda: seen.append("second")):
        for number in (first, signal.SIGINT, signal.SIGINT):
            os.kill(os.getpid(), number)
            await asyncio.sleep(0.01)

    assert seen == ["first", "second", "second"]


async def test_whoever_had_the_signals_has_them_again_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)

    with two_stage_signals(lambda: None, lambda: None):
        pass

    assert signal.getsignal(signal.SIGINT) is before
