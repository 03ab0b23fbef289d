"""Ctrl-C ends a run well; a second Ctrl-C ends it now. SIGTERM is a first Ctrl-C.

    first    stop the clients, cure, drain, judge: the run is shorter, not worthless
    second   stop at once: nodes and proxies are ended, the history stays as it is

While a run lasts it owns both signals; afterwards whoever had them has them again.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

__all__ = ["two_stage_signals"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def two_stage_signals(
    on_first: Callable[[], None], on_second: Callable[[], None]
) -> Iterator[None]:
    """Call one function at the first signal, and the other at each one after it."""
    loop = asyncio.get_running_loop()
    calls = iter([on_first])

    def on_signal() -> None:
        next(calls, on_second)()

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
