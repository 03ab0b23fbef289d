"""Virtual time: a day passes at once, a dead host stops in mid-step, a stuck run says so."""

import asyncio
import gc

import pytest

from simulation.hosts import Host
from simulation.loop import SimulationStuckError, run_virtual


def now() -> float:
    return round(asyncio.get_running_loop().time(), 3)


def test_time_jumps_to_the_next_timer() -> None:
    """Nothing waits for real; sleeps still end in the order of their ends."""
    ended = []

    async def sleeper(seconds: float) -> None:
        await asyncio.sleep(seconds)
        ended.append((seconds, now()))

    async def main() -> None:
        await asyncio.gather(sleeper(86_400), sleeper(1), sleeper(0.5))

    run_virtual(main())

    assert ended == [(0.5, 0.5), (1, 1.0), (86_400, 86_400.0)]


def test_a_dead_host_stops_without_its_finally_blocks() -> None:
    """As after SIGKILL: no clean-up runs, however carefully it was written."""
    seen = []

    async def node() -> None:
        try:
            while True:
                await asyncio.sleep(1)
                seen.append(now())
        finally:
            seen.append("finally")

    async def main() -> list[object]:
        host = Host("master")
        host.spawn(node(), "main")
        await asyncio.sleep(2.5)
        host.die()
        await asyncio.sleep(10)
        return list(seen)

    assert run_virtual(main()) == [1.0, 2.0]


def test_what_an_earlier_incarnation_scheduled_stays_dead() -> None:
    """A restart must not wake the timers of the process before it."""
    seen = []

    async def node(name: str) -> None:
        await asyncio.sleep(3)
        seen.append(name)

    async def main() -> None:
        host = Host("master")
        host.spawn(node("first"), "main")
        await asyncio.sleep(1)
        host.die()
        host.spawn(node("second"), "main")
        await asyncio.sleep(10)

    run_virtual(main())

    assert seen == ["second"]


def test_a_paused_host_catches_up_when_it_resumes() -> None:
    """Timers that came due meanwhile fire late, as after SIGCONT."""
    seen = []

    async def node() -> None:
        while True:
            await asyncio.sleep(1)
            seen.append(now())

    async def main() -> list[float]:
        host = Host("slave")
        host.spawn(node(), "main")
        await asyncio.sleep(1.5)
        host.pause()
        await asyncio.sleep(5)
        host.resume()
        await asyncio.sleep(1.2)
        return list(seen)

    assert run_virtual(main()) == [1.0, 6.5, 7.5]


def test_a_stuck_run_names_who_waits_for_what() -> None:
    """Silence is the worst way for a simulation to fail."""

    async def waits_for_nothing() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.gather(asyncio.create_task(waits_for_nothing(), name="the forgotten one"))

    with pytest.raises(SimulationStuckError) as caught:
        run_virtual(main())

    assert "the forgotten one: in" in str(caught.value)
    assert "waits_for_nothing" in str(caught.value)


def test_threads_are_refused() -> None:
    """A thread is a second clock."""

    async def main() -> None:
        await asyncio.to_thread(print)

    with pytest.raises(RuntimeError, match="no threads on virtual time"):
        run_virtual(main())


def test_who_wants_to_await_on_the_way_out_ends_without_a_word() -> None:
    """Nothing can be awaited any more; closed once only, it would complain when it is collected."""
    ended = []

    async def stubborn() -> None:
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            await never
        finally:
            try:
                await never
            finally:
                try:
                    await never
                finally:
                    ended.append("at last")

    async def main() -> None:
        Host("master").spawn(stubborn(), "main")
        await asyncio.sleep(1)

    run_virtual(main())
    gc.collect()

    assert ended == ["at last"]
