"""A run can be found, read back and repeated from its folder alone."""

import json
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.run import run
from harness.cluster import LocalWorld
from harness.leases import PortBlock
from harness.options import MODES, RunOptions
from harness.run import RunResult
from harness.store.catalogue import catalogue, find_run
from harness.store.folder import RunFolder, create_run_folder, read_json, write_json
from harness.surroundings import described, surroundings_of
from nemesis.registry import PACKAGES

NOON = datetime(2026, 11, 24, 12, 0, 0, 123_000, tzinfo=UTC)

OPTIONS = st.builds(
    RunOptions,
    seed=st.integers(0, 10**9),
    nemeses=st.lists(st.sampled_from(["kill-master", "partition", "swarm"]), unique=True).map(
        tuple
    ),
    mode=st.sampled_from(MODES),
    time_limit_s=st.integers(1, 10_000).map(float),
    volatile=st.booleans(),
    node_command=st.lists(st.sampled_from(["python", "a b.py"]), max_size=2).map(tuple),
)


def test_a_folder_is_named_by_time_and_seed_and_is_the_latest(tmp_path: Path) -> None:
    folder = create_run_folder(tmp_path, "queue-partition", NOON, 42)

    assert folder.path.relative_to(tmp_path).as_posix() == (
        "queue-partition/20261124T120000.123Z-42"
    )
    assert (tmp_path / "latest").resolve() == folder.path.resolve()


def test_a_run_of_many_nemeses_has_a_name_that_fits(tmp_path: Path) -> None:
    options = RunOptions(seed=1, nemeses=tuple(PACKAGES))

    folder = create_run_folder(tmp_path, options.name, NOON, options.seed)

    assert folder.path.parent.name == f"queue-{next(iter(PACKAGES))}+{len(PACKAGES) - 1}-others"


def test_latest_points_to_the_newest_run(tmp_path: Path) -> None:
    create_run_folder(tmp_path, "queue-none", NOON, 1)
    newest = create_run_folder(tmp_path, "queue-none", NOON.replace(hour=13), 2)

    assert (tmp_path / "latest").resolve() == newest.path.resolve()
    assert not list(tmp_path.glob(".latest*"))


def test_the_catalogue_lists_runs_newest_first_and_forgives_broken_ones(tmp_path: Path) -> None:
    """A run that was killed while it wrote must not hide the others."""
    for hour, verdict in ((9, '{"validity": "invalid"}'), (11, '{"validity": "va'), (10, None)):
        folder = create_run_folder(tmp_path, "queue-none", NOON.replace(hour=hour), hour)
        write_json(folder.test_json, RunOptions(seed=hour).to_json())
        if verdict is not None:
            folder.results.write_text(verdict)

    rows = catalogue(tmp_path)

    assert [(row.seed, row.validity) for row in rows] == [
        (11, "incomplete"),
        (10, "incomplete"),
        (9, "invalid"),
    ]


def test_a_run_is_found_by_its_folder_or_a_file_in_it(tmp_path: Path) -> None:
    folder = create_run_folder(tmp_path, "queue-none", NOON, 1)
    write_json(folder.test_json, {})

    assert find_run(folder.path).path == folder.path.resolve()
    assert find_run(folder.history).path == folder.path.resolve()
    assert find_run(tmp_path / "latest").path == folder.path.resolve()
    with pytest.raises(FileNotFoundError, match="expected a run's folder"):
        find_run(tmp_path / "elsewhere")


def test_json_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "results.json"
    write_json(target, {"validity": "valid"})
    write_json(target, {"path": tmp_path})

    assert read_json(target) == {"path": str(tmp_path)}
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


@given(OPTIONS)
def test_options_survive_test_json(options: RunOptions) -> None:
    stored = json.loads(json.dumps(options.to_json() | {"of a later version": 1}))

    assert RunOptions.from_json(stored) == options


@given(OPTIONS)
def test_the_command_of_a_run_repeats_it(options: RunOptions) -> None:
    """The last line of a failure is only worth something if it means the same run."""
    asked: list[RunOptions] = []

    def run_one(found: RunOptions) -> RunResult:
        asked.append(found)
        return RunResult(found, RunFolder(Path("nowhere")), None, 0.0)

    words = shlex.split(options.command())
    assert words[:2] == ["mqhavoc", "run"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.validation.problems_of", lambda _options: [])
        patch.setattr("harness.cli.run._run_one", run_one)
        outcome = CliRunner().invoke(run, words[2:])

    assert outcome.exception is None, outcome.output
    assert asked == [options]


def test_surroundings_never_take_the_place_of_an_option() -> None:
    """A cluster's listeners were once told as `ports`, and no such run could be repeated."""
    with pytest.raises(AssertionError, match="ports"):
        described(RunOptions(seed=1), {"ports": {"master": 20_003}})


def test_the_options_of_a_local_run_can_be_read_back_from_what_is_told_of_it(
    tmp_path: Path,
) -> None:
    options = RunOptions(seed=1, ports=24_000)
    world = LocalWorld(PortBlock(24_000, 24), options, RunFolder(tmp_path), lambda: 0)

    told = described(options, surroundings_of(options, NOON), world.surroundings)

    assert told["listeners"]["master"] == world.layout.node_ports["master"]
    assert RunOptions.from_json(json.loads(json.dumps(told))) == options
