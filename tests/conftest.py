"""Settings of every test: Hypothesis profiles, soak tests only where they are asked for, an order.

Tests with real processes come first, those that take longest at the head. So of two workers that
share a machine (``--dist worksteal`` gives each one half) one waits for processes while the other
computes, instead of both doing the same; and what is left at the end is short.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile(
    "ci", parent=settings.get_profile("suite"), derandomize=True, database=None
)
settings.load_profile("ci" if os.environ.get("CI") else "suite")

FOLDER = Path(__file__).parent
WAITING = ("interop", "quality", "live", "conformance/test_two_worlds", "conformance")
"""Where there are tests with real processes, in the order in which they begin."""


def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> list[pytest.Item] | None:
    """Do not even make the thousands of tests of a function that is for the soak alone."""
    if is_soak(collector.config) or not callable(obj):
        return None
    marks = getattr(obj, "pytestmark", ())
    for_soak = collector.get_closest_marker("soak") or any(mark.name == "soak" for mark in marks)
    return [] if name.startswith("test") and for_soak else None


@pytest.hookimpl(trylast=True)  # pytest itself brings together what shares a server
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave soak tests out unless a marker expression names them, and put the others in order."""
    if not is_soak(config):
        left_out = [item for item in items if item.get_closest_marker("soak") is not None]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item.get_closest_marker("soak") is None]
    items.sort(key=turn)


def turn(item: pytest.Item) -> int:
    """When a test's turn is: of those that wait, by the first place that it is in."""
    if item.get_closest_marker("live") is None:
        return len(WAITING)
    place = item.path.relative_to(FOLDER).as_posix()
    turns = (number for number, begin in enumerate(WAITING) if place.startswith(begin))
    return next(turns, len(WAITING))


def is_soak(config: pytest.Config) -> bool:
    return "soak" in config.getoption("markexpr")
