"""The style of this project, executed: layers, purity, sizes and names that must stay in line.

Each rule has a message `file:line: error: ...`, so that a failing run reads like a linter's.
The limits are a ceiling, not an aim: files of 100 to 250 lines and functions under ten read best.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("histories", "checkers", "broker", "nemesis", "simulation", "harness")

MAY_IMPORT = {
    "histories": set(),
    "checkers": {"histories"},
    "broker": set(),
    "nemesis": {"histories"},
    "simulation": {"broker", "nemesis", "histories"},
    "harness": {"histories", "checkers", "broker", "nemesis", "simulation"},
}

WORLDLY = {"asyncio", "socket", "time", "random", "os", "subprocess", "threading", "logging"}

# Whole packages and single files that decide and never act. Hosts inside them are named.
PURE = (
    "histories",
    "checkers",
    "broker/store/cleaning.py",
    "broker/store/group_commit.py",
    "broker/store/message.py",
    "broker/store/properties.py",
    "broker/store/reading.py",
    "broker/store/recovery.py",
    "broker/store/scan.py",
    "broker/ha/master.py",
    "broker/ha/slave.py",
    "broker/ha/frames.py",
    "broker/nameserver/routes.py",
    "broker/remoting/codec.py",
    "broker/remoting/command.py",
    "nemesis/topology.py",
    "nemesis/faults.py",
    "nemesis/schedules.py",
    "nemesis/packages.py",
    "nemesis/shapes.py",
)
HOSTS = ("histories/recorder.py", "histories/formats")

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def all_python() -> Iterator[Path]:
    yield from sources()
    yield from sorted((ROOT / "tests").rglob("*.py"))
    yield from sorted((ROOT / "benchmarks").rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Every import of a file: line, module, and the names taken from it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.lineno, node.module, tuple(alias.name for alias in node.names)


def module_level_imports(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in tree_of(path).body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module, tuple(alias.name for alias in node.names)


def complain(problems: list[str]) -> None:
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def at(path: Path, line: int, text: str) -> str:
    return f"{path.relative_to(ROOT)}:{line}: error: {text}"


def is_pure(path: Path) -> bool:
    relative = path.relative_to(ROOT).as_posix()
    named = any(relative == pure or relative.startswith(f"{pure}/") for pure in PURE)
    return named and not any(relative.startswith(host) for host in HOSTS)


def test_imports_point_down() -> None:
    """A verdict may depend on what was seen; the system under test must not know its testers."""
    problems = []
    for path in sources():
        package = path.relative_to(ROOT).parts[0]
        for line, module, _ in imports(path):
            other = module.split(".")[0]
            if other in PACKAGES and other != package and other not in MAY_IMPORT[package]:
                problems.append(at(path, line, f"{package} may not import {other}"))
    complain(problems)


def test_no_module_imports_itself_in_a_circle() -> None:
    """A cycle means that two ideas are one, or that a third is missing."""
    modules = {name_of(path): path for path in sources()}
    graph = nx.DiGraph()
    for name, path in modules.items():
        for module, names in module_level_imports(path):
            for target in [f"{module}.{taken}" for taken in names] + [module]:
                # `from package import member` through __init__ counts as the member's module.
                if target in modules and target != name and not name.startswith(f"{target}."):
                    graph.add_edge(name, target)
                    break
    cycles = [sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1]
    complain([f"error: import cycle: {' '.join(cycle)}" for cycle in cycles])


def test_pure_modules_do_not_touch_the_world() -> None:
    """What decides must be replayable: no clock, no socket, no chance of its own."""
    problems = []
    for path in sources():
        if not is_pure(path):
            continue
        for line, module, names in imports(path):
            top = module.split(".")[0]
            if top in WORLDLY and not (top == "random" and names == ("Random",)):
                problems.append(at(path, line, f"a pure module may not import {top}"))
    complain(problems)


def test_the_broker_has_no_time_chance_or_threads_of_its_own() -> None:
    """Only live.py and __main__.py may; so that the same code runs in the simulation."""
    problems = []
    for path in sources():
        relative = path.relative_to(ROOT).as_posix()
        if not relative.startswith("broker/") or relative.startswith(
            ("broker/live", "broker/__main__")
        ):
            continue
        for line, module, names in imports(path):
            if module in {"time", "threading", "socket", "subprocess", "concurrent.futures"}:
                problems.append(at(path, line, f"import {module} outside broker/live"))
            if module == "random" and names != ("Random",):
                problems.append(at(path, line, "randomness comes from ports.rng"))
    complain(problems)


def test_files_and_functions_are_small() -> None:
    """One idea a file, and a function that fits on a screen."""
    problems = []
    for path in all_python():
        count = path.read_text().count("\n")
        if count > FILE_LINES_MAX:
            problems.append(at(path, count, f"{count} lines; at most {FILE_LINES_MAX}"))
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    problems.append(
                        at(path, node.lineno, f"{node.name}: {length} lines; at most 70")
                    )
    complain(problems)


def test_every_module_says_its_idea() -> None:
    """The first line of a module is a claim or a definition, not "This module ..."."""
    problems = []
    for path in sources():
        docstring = ast.get_docstring(tree_of(path))
        if docstring is None:
            problems.append(at(path, 1, "no docstring"))
        elif docstring.startswith("This "):
            problems.append(at(path, 1, f"begins with {docstring.split(chr(10))[0]!r}"))
    complain(problems)


def test_public_names_are_listed_exactly() -> None:
    """``__all__`` is the API: sorted, and every name in it exists."""
    problems = []
    for path in sources():
        tree = tree_of(path)
        for node in tree.body:
            if not (
                isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
            ):
                continue
            listed = list(ast.literal_eval(node.value))
            public = {name for name in defined_names(tree) if not name.startswith("_")}
            missing = [name for name in listed if name not in public | imported_names(tree)]
            if missing:
                problems.append(
                    at(path, node.lineno, f"__all__ names what is not there: {missing}")
                )
    complain(problems)


def defined_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {
                name.id
                for target in node.targets
                for name in ast.walk(target)
                if isinstance(name, ast.Name)
            }
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def imported_names(tree: ast.Module) -> set[str]:
    """Names that a module imports, also for types alone: a lazy package gives them at need."""
    blocks = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.If))]
    return {
        alias.asname or alias.name
        for block in blocks
        for node in block
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def test_forbidden_words_stay_out() -> None:
    """No managers, no mocks of our own code, no orphaned reminders, no addresses of registries."""
    forbidden = {
        r"\bclass \w*Manager\b": "nothing is called manager",
        r"\bTO" r"DO\b|\bFIX" r"ME\b|\bX" r"XX\b": "a reminder needs an issue",
        r"unittest\.mock|MagicMock": "use the simulated world instead of mocks",
    }
    problems = []
    for path in all_python():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for pattern, why in forbidden.items():
                if path.name != "test_tidy.py" and re.search(pattern, line):
                    problems.append(at(path, number, why))
    complain(problems)


def test_lock_file_holds_no_addresses() -> None:
    """Where packages come from is the reader's business."""
    assert "://" not in (ROOT / "constraints.txt").read_text()


def test_the_changelog_has_a_heading_for_what_is_to_come() -> None:
    """Users read it: the newest first, in sentences."""
    lines = (ROOT / "CHANGELOG.md").read_text().splitlines()
    assert lines[0] == "# Changelog"
    assert any(line.startswith("## ") for line in lines)


def test_assertions_are_on() -> None:
    """Python is never run with -O: assertions state what only we could break."""
    probe = subprocess.run([sys.executable, "-c", "assert False"], capture_output=True, check=False)
    assert probe.returncode == 1


def test_the_tables_of_the_readme_are_fresh() -> None:
    """They are made from the registries: `make docs`."""
    from harness.docs import README, renewed  # noqa: PLC0415 -- only this rule needs the code

    text = README.read_text()
    assert renewed(text) == text, "README.md is stale; run `make docs`"
