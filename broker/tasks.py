"""Tasks whose death is heard: an error that nobody awaits would end a timer without a word."""

import asyncio
from collections.abc import Coroutine
from functools import partial

from broker.logging import EventLog

__all__ = ["spawn"]


def spawn(work: Coroutine[object, object, None], log: EventLog) -> "asyncio.Task[None]":
    """Do some work beside everything else; an error in it is logged, and ends the work alone."""
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(partial(_say_death, log))
    return task


def _say_death(log: EventLog, task: "asyncio.Task[None]") -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        name = getattr(task.get_coro(), "__qualname__", "")
        log.error("task-died", task=name, why=repr(error))
