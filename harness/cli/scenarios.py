"""What ``--scenario`` decides for a command, beside what the user said."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from collections.abc import Mapping
from typing import Any

import click
from click.core import ParameterSource

__all__ = ["decided_by_scenario"]

OWN = ("nemesis", "time_limit")
"""What a scenario says itself."""


def decided_by_scenario(context: click.Context, name: str) -> Mapping[str, Any]:
    """Return the options that a scenario decides; nothing without one."""
    from harness.scenarios import options_of_scenario
    from nemesis.scenario import ScenarioError

    if not name:
        return {}
    if twice := [option for option in OWN if _is_given(context, option)]:
        words = " and ".join(f"--{option.replace('_', '-')}" for option in twice)
        raise click.UsageError(
            f"expected --scenario without {words}: a scenario says itself what happens, and when"
        )
    mode = context.params["mode"] if _is_given(context, "mode") else None
    try:
        return options_of_scenario(name, mode)
    except (ScenarioError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _is_given(context: click.Context, option: str) -> bool:
    return context.get_parameter_source(option) is ParameterSource.COMMANDLINE
