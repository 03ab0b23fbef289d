"""A command's module is imported when the command is run, so that ``mqhavoc --help`` is fast.

numpy, networkx and rich cost half a second; a list of commands needs none of them. The short help
of each command is its first docstring line, read from the file without importing it.
"""

# ruff: noqa: ARG002 - the arguments are those of click's own methods

import ast
import importlib
import importlib.util
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import click

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """A group of commands given as ``module:function``."""

    def __init__(self, *args: Any, commands_by_name: Mapping[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self._sources = dict(commands_by_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order they were given."""
        return list(self._sources)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None if there is no such command."""
        if cmd_name not in self._sources:
            return None
        module, _, function = self._sources[cmd_name].partition(":")
        return cast("click.Command", getattr(importlib.import_module(module), function))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one is nearest to what was typed."""
        name = args[0]
        if name not in self._sources and not name.startswith("-"):
            nearest = get_close_matches(name, self._sources, n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            ctx.fail(f"no such command {name!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their first lines."""
        with formatter.section("Commands"):
            rows = [(name, _first_line(source)) for name, source in self._sources.items()]
            formatter.write_dl(rows)


def _first_line(source: str) -> str:
    """Read the first docstring line of a function without importing its module."""
    module, _, function = source.partition(":")
    path = Path(__file__).parent.parent.parent.joinpath(*module.split(".")).with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return (ast.get_docstring(node) or "").split("\n")[0]
    raise AssertionError(f"every command is a documented function, {source} is not")
