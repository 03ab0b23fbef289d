"""One timer for many ops: who lasts too long is cancelled in time, who does not never is."""

import asyncio

import pytest

from harness.patience import Patience
from simulation.loop import run_virtual


async def lasting(patience: Patience, seconds: float) -> str:
    """Do something for so long, and say how it ended and when."""
    patience.begin()
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        if not patience.is_over():
            raise
        return f"over at {asyncio.get_running_loop().time():.1f}"
    finally:
        patience.end()
    return f"done at {asyncio.get_running_loop().time():.1f}"


def test_each_op_has_its_whole_time() -> None:
    """The timer of the first op must not cut the second one short, nor forget the third."""

    async def main() -> list[str]:
        patience = Patience(10)
        return [await lasting(patience, seconds) for seconds in (6, 9, 60, 1, 60)]

    assert run_virtual(main()) == [
        "done at 6.0",
        "done at 15.0",
        "over at 25.0",
        "done at 26.0",
        "over at 36.0",
    ]


def test_many_ops_need_few_timers() -> None:
    """That is what it is for."""

    async def main() -> int:
        loop = asyncio.get_running_loop()
        made, call_at = 0, loop.call_at

        def counting(when: float, *args: object, **options: object) -> object:
            nonlocal made
            made += 1
            return call_at(when, *args, **options)  # type: ignore[arg-type]

        patience = Patience(10)
        loop.call_at = counting  # type: ignore[assignment, method-assign]
        for _ in range(100):
            patience.begin()
            await asyncio.sleep(0)
            patience.end()
        return made

    assert run_virtual(main()) == 1


def test_who_else_cancels_is_not_taken_for_the_end_of_patience() -> None:
    """A crash of the process at the same instant is a crash."""

    async def main() -> None:
        patience = Patience(10)
        task = asyncio.create_task(lasting(patience, 60))
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        task = asyncio.create_task(lasting(patience, 60))
        loop = asyncio.get_running_loop()
        await asyncio.sleep(1)
        loop.call_at(loop.time() + 9, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(main())
