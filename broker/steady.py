"""Time that only grows, by the event loop's clock: for what lasts, runs out, or is overdue.

The wall clock, which nodes write into records, may jump.
"""

import asyncio

__all__ = ["steady_ms"]


def steady_ms() -> float:
    """Give milliseconds since some moment before the process began."""
    return asyncio.get_running_loop().time() * 1000
