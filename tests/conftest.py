"""Settings of every test: Hypothesis profiles, and soak tests only where they are asked for."""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile(
    "ci", parent=settings.get_profile("suite"), derandomize=True, database=None
)
settings.load_profile("ci" if os.environ.get("CI") else "suite")


def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> list[pytest.Item] | None:
    """Do not even make the thousands of tests of a function that is for the soak alone."""
    if is_soak(collector.config) or not callable(obj):
        return None
    marks = getattr(obj, "pytestmark", ())
    for_soak = collector.get_closest_marker("soak") or any(mark.name == "soak" for mark in marks)
    return [] if name.startswith("test") and for_soak else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave soak tests out unless a marker expression names them."""
    if is_soak(config):
        return
    asked = [item for item in items if item.get_closest_marker("soak") is None]
    left_out = [item for item in items if item.get_closest_marker("soak") is not None]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = asked


def is_soak(config: pytest.Config) -> bool:
    return "soak" in config.getoption("markexpr")
