"""The rocketmq world before anything of it is started."""

import json
import time
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import click
import pytest

from broker.client.admin import Admin
from broker.config import BrokerConfig
from broker.errors import BrokerError
from harness.cli import EXIT_USAGE, run_command
from harness.cli.run_options import have_programs
from harness.cluster import LocalWorld
from harness.fault_plan import able_packages, possible_packages
from harness.layout import NODES, layout_of, properties_text
from harness.leases import BLOCK_SIZE, PortBlock
from harness.options import MODES, RunOptions
from harness.product import Place
from harness.rocketmq import builds, distribution, nodes
from harness.rocketmq.distribution import Distribution, DistributionError, obtain, problem_of
from harness.rocketmq.limits import ROCKETMQ_TOPOLOGY
from harness.rocketmq.nodes import ApacheNodes
from harness.rocketmq.operator import digest_of
from harness.rocketmq.properties import properties_of_apache
from harness.store.folder import create_run_folder
from harness.timings import timings_of
from harness.validation import option_problems, problems_of
from harness.workloads.queue import TOPIC
from nemesis.disks import FolderStore
from nemesis.registry import PACKAGES
from nemesis.targets import NodeEnds
from nemesis.topology import LINKS

JARS = Distribution("4.9.3", Path("/jars"), "/bin/java")
MAX = RunOptions(seed=1, world="rocketmq")


def place(name: str, folder: Path, options: RunOptions = MAX) -> Place:
    layout = layout_of(PortBlock(20_000, BLOCK_SIZE), ROCKETMQ_TOPOLOGY.links)
    return Place(name, folder, layout, options)


def home_with(folder: Path, jar: str) -> str:
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / jar).touch()
    return str(folder)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with Java and nothing else; returns the folder of its PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("ROCKETMQ_HOME", raising=False)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(builds, "CACHE", tmp_path / "cache")
    install(programs, "java")
    return programs


def install(programs: Path, name: str) -> None:
    (programs / name).write_text("#!/bin/false\n")
    (programs / name).chmod(0o755)


# -- where it comes from --


def test_a_machine_without_java_is_told_so(bare: Path) -> None:
    (bare / "java").unlink()
    assert problem_of("").startswith("java: expected Java 8 or later at JAVA_HOME or on PATH")


def test_java_home_goes_before_the_path(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = bare.parent / "jdk" / "bin"
    other.mkdir(parents=True)
    install(other, "java")
    monkeypatch.setenv("JAVA_HOME", str(other.parent))
    assert distribution.java_of_machine() == str(other / "java")


def test_without_a_distribution_and_maven_it_is_said_what_to_do(bare: Path) -> None:
    found = problem_of("")
    assert "by --rocketmq HOME or ROCKETMQ_HOME" in found
    assert "found neither; unpack the binary release" in found
    with pytest.raises(DistributionError, match="found neither"):
        obtain("")
    install(bare, "mvn")
    assert problem_of("") == ""


def test_maven_that_fails_is_said_with_its_last_words(bare: Path) -> None:
    (bare / "mvn").write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    (bare / "mvn").chmod(0o755)
    told: list[str] = []
    with pytest.raises(DistributionError, match=r"no network; unpack the binary release"):
        obtain("", told.append)
    assert told == ["fetching the jars of RocketMQ 4.9.3 with Maven, once for this machine"]


def test_a_replay_on_a_machine_without_it_is_a_bad_argument_and_no_crash(bare: Path) -> None:
    assert not (bare / "mvn").exists()
    with pytest.raises(click.ClickException, match="found neither"):
        have_programs(MAX)
    have_programs(RunOptions(seed=1))


def test_a_home_is_a_distribution_of_a_version(bare: Path, tmp_path: Path) -> None:
    home = home_with(tmp_path / "rocketmq", "rocketmq-broker-4.9.3.jar")
    assert obtain(home) == Distribution("4.9.3", tmp_path / "rocketmq" / "lib", str(bare / "java"))

    assert "--rocketmq: expected the folder of a binary" in problem_of(str(tmp_path))
    newer = home_with(tmp_path / "five", "rocketmq-broker-5.1.4.jar")
    assert "expected RocketMQ 4.9.3 or another 4, found 5.1.4" in problem_of(newer)


def test_the_environment_names_a_home_and_the_option_goes_before_it(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROCKETMQ_HOME", str(tmp_path / "nowhere"))
    assert problem_of("").startswith("rocketmq: ROCKETMQ_HOME: expected the folder")
    assert problem_of(home_with(tmp_path / "mine", "rocketmq-broker-4.8.0.jar")) == ""
    assert distribution.java_of_machine() == str(bare / "java")


# -- what is not offered --


@pytest.mark.parametrize(
    ("nemesis", "lack"),
    [
        ("partition-slave-isolated", "needs a proxy on slave->master"),
        ("disk-full-master", "needs controls"),
        ("crash-master", "needs controls"),
        ("clock-jump-slave", "needs controls"),
        ("power-cut-both", "needs volatile"),
        ("truncate-slave", "needs short-files"),
        ("reload-config", "needs reload"),
        ("wrong-ha-address", "needs ha-address"),
    ],
)
def test_a_nemesis_that_cannot_be_is_refused_with_the_reason(nemesis: str, lack: str) -> None:
    (problem,) = option_problems(RunOptions(seed=1, world="rocketmq", nemeses=(nemesis,)))
    assert lack in problem


def test_a_scenario_that_needs_what_there_is_not_is_refused() -> None:
    options = RunOptions(seed=1, world="rocketmq", nemeses=(), scenario="crash-before-flush")
    (problem,) = option_problems(options)
    assert "needs" in problem
    assert "controls" in problem


def test_a_swarm_draws_processes_links_disks_and_clients_and_no_link_without_a_proxy() -> None:
    names = [package.name for package in able_packages(MAX)]
    wanted = ("kill-master", "partition", "delay-replication", "disk-lost-slave", "crash-clients")
    assert [name for name in wanted if name not in names] == []
    assert not any(name.startswith(("crash-master", "power", "clock")) for name in names)


def test_what_can_be_done_there_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["list", "nemeses", "--world", "rocketmq"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert "kill-master" in listed
    assert "take-over" in listed  # no contract, but it can be done
    assert not {"crash-master", "partition-slave-isolated", "power-cut-both"} & set(listed)
    assert run_command(["list", "nemeses", "--world", "rabbit"]) == EXIT_USAGE
    assert possible_packages("local") == list(PACKAGES.values())


def test_options_of_other_worlds_are_named(bare: Path) -> None:
    install(bare, "mvn")
    ours = RunOptions(seed=1, nemeses=(), world="rocketmq", volatile=True, node_command=("x",))
    found = "\n".join(problems_of(ours))
    assert "volatile: RocketMQ maps its files" in found
    assert "node-command: expected none" in found
    local = RunOptions(seed=1, nemeses=(), rocketmq="/opt/rocketmq")
    assert "rocketmq: only --world rocketmq runs it, got --world local" in problems_of(local)


def test_the_command_that_repeats_a_run_names_the_distribution() -> None:
    options = RunOptions(seed=7, world="rocketmq", rocketmq="/opt/rocketmq 4", nemeses=())
    assert "--world rocketmq --rocketmq '/opt/rocketmq 4'" in options.command()
    assert RunOptions.from_json(options.to_json()) == options


# -- how it is configured and started --


@pytest.mark.parametrize("mode", MODES)
def test_configurations_are_rocketmqs_own_and_every_link_leads_to_its_proxy(
    mode: str, tmp_path: Path
) -> None:
    """4.9.3 passes over what it does not know, so an extension of ours would be silent there."""
    options = RunOptions(seed=1, world="rocketmq", mode=mode)
    master, slave = (
        properties_of_apache(place(name, tmp_path / name, options)) for name in ("master", "slave")
    )
    layout = place("master", tmp_path).layout

    assert f"{master['brokerRole']}+{master['flushDiskType']}" == mode
    assert slave["haMasterAddress"] == layout.proxy("slave->master-ha")
    assert "haMasterAddress" not in master
    assert [one["namesrvAddr"] for one in (master, slave)] == [
        layout.proxy("master->nameserver"),
        layout.proxy("slave->nameserver"),
    ]
    assert layout.client_address_map == {
        f"127.0.0.1:{layout.node_ports[name]}": layout.proxy(f"client->{name}")
        for name in ("master", "slave")
    }
    ours = ("addressMap", "diskMode", "haReconnectInterval", "slaveSyncInterval", "haListenPort")
    assert not {*master, *slave} & {*ours, "storePathConsumeQueue", "abortFile", "storeCheckpoint"}
    BrokerConfig.parse(properties_text(master))  # keys of RocketMQ that ours knows, too


def test_a_world_has_the_proxies_of_its_links_and_brokers_that_know_the_topics(
    tmp_path: Path,
) -> None:
    options = RunOptions(seed=1, world="rocketmq", queues=3, out=str(tmp_path))
    folder = create_run_folder(options.out_folder, options.name, datetime.now(UTC), options.seed)
    world = LocalWorld(
        PortBlock(20_000, BLOCK_SIZE), options, folder, time.monotonic_ns, ApacheNodes(JARS)
    )

    assert tuple(world.layout.links) == ROCKETMQ_TOPOLOGY.links
    assert not world.targets.controls
    assert set(LINKS) - set(world.layout.links) == {
        "slave->master",
        "foreign->master",
        "foreign->slave",
    }
    for name in NODES:
        node = ApacheNodes(JARS).node(place(name, folder.node(name), options), None)
        assert node.command[0] == "/bin/java"
        assert Path(node.command[-1]).is_file()
        assert str(node.command[-1]).endswith(f"/nodes/{name}/node.properties")  # as heal knows it
        assert (folder.node(name) / "conf").is_dir()
    for name in ("master", "slave"):
        topics = json.loads((folder.node(name) / "data/config/topics.json").read_text())
        assert topics["topicConfigTable"][TOPIC]["writeQueueNums"] == 3
    assert world.surroundings["rocketmq_distribution"]["version"] == "4.9.3"


def test_timings_are_those_that_are_in_force() -> None:
    local, real = timings_of("local"), timings_of("rocketmq")
    assert real["slaveTimeout"] == local["slaveTimeout"]
    assert real["registerNameServerPeriod"] == 10_000
    assert real["brokerExpiredTime"] == 120_000


# -- what is read from its files --


def test_a_log_is_summed_up_across_its_files(tmp_path: Path) -> None:
    """As a broker of ours would answer, byte for byte; the oldest file is gone already."""
    log = tmp_path / "commitlog"
    log.mkdir()
    content = bytes(range(200))
    (log / f"{100:020}").write_bytes(content[:100])
    (log / f"{200:020}").write_bytes(content[100:])
    store = FolderStore(tmp_path, tmp_path)

    whole = digest_of(store, 290, 150, 260)
    assert (whole.min, whole.end, whole.begin, whole.crc_end) == (100, 290, 150, 260)
    assert whole.crc == zlib.crc32(content[50:160])
    assert digest_of(store, 290, 0, 0).crc == 0


class JustStarted:
    """Answers as 4.9.3 does before it has taken its first samples."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    async def broker_status(self, _address: str) -> dict[str, str]:
        if self.refusals:
            self.refusals -= 1
            raise BrokerError(1, "java.util.NoSuchElementException")
        return {"commitLogMaxOffset": "4711"}


async def test_a_broker_that_has_just_started_is_asked_again_for_its_end() -> None:
    admin = cast(Admin, JustStarted(2))
    assert await ApacheNodes(JARS).ends(admin, "127.0.0.1:1") == NodeEnds(4711, None)


async def test_a_broker_that_has_no_figures_says_so_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nodes, "FIGURES_S_MAX", 0.0)
    with pytest.raises(BrokerError, match="NoSuchElement"):
        await ApacheNodes(JARS).ends(cast(Admin, JustStarted(99)), "127.0.0.1:1")
