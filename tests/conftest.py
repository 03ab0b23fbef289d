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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave soak tests out unless a marker expression names them."""
    if "soak" in config.getoption("markexpr"):
        return
    asked = [item for item in items if item.get_closest_marker("soak") is None]
    left_out = [item for item in items if item.get_closest_marker("soak") is not None]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = asked
