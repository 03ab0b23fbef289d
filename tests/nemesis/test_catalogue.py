"""What single kinds of fault do to a cluster, and what they refuse to call a success."""

import asyncio
from dataclasses import replace
from random import Random

import pytest

from nemesis.catalogue import KINDS
from nemesis.faults import Fault, FaultClass, Proof, class_of
from nemesis.healing import attempt
from nemesis.registry import PACKAGES
from nemesis.targets import Controls, CutMode, Stream, TargetError
from nemesis.topology import Topology
from tests.nemesis.fake_world import World, run

OFFSET = 1000 - 1


def drawn(name: str, seed: int = 1, **options: object) -> Fault:
    fault = PACKAGES[name].draw(Random(seed), Topology())
    return replace(fault, options={**fault.options, **options})


def injected(world: World, fault: Fault) -> Proof:
    return run(attempt(KINDS[fault.kind].inject, world, fault))


def cured(world: World, fault: Fault) -> Proof:
    return run(attempt(KINDS[fault.kind].cure, world, fault))


@pytest.mark.parametrize("mode", CutMode)
def test_a_cut_is_read_back_in_the_mode_that_was_asked_for(mode: CutMode) -> None:
    world = World()
    proof = injected(world, drawn("partition-replication", mode=str(mode)))
    assert proof.bit
    assert proof.text.startswith(f"read back as {mode}")


def test_a_cut_in_another_mode_is_no_proof() -> None:
    """A stall that fell back to a blackhole would lose bytes that a stall must hold."""
    world = World()
    link = world.links["slave->master-ha"]
    real = link.cut

    async def other(_mode: CutMode, stream: Stream) -> None:
        await real(CutMode.BLACKHOLE, stream)

    link.cut = other
    assert not injected(world, drawn("partition-replication", mode="stall")).bit


@pytest.mark.parametrize(
    ("name", "bit"),
    [
        ("partition-replication", False),
        ("partition-slave-to-master", False),
        ("partition-master-to-slave", True),  # what goes to the master arrives, and it hangs up
    ],
)
def test_a_cut_that_lets_a_probe_of_replication_through_is_no_proof(name: str, bit: bool) -> None:
    world = World()

    async def answers(_timeout_ms: int) -> str:
        return "answers"

    world.links["slave->master-ha"].probe = answers  # type: ignore[method-assign]
    proof = injected(world, drawn(name, mode="stall"))
    assert proof.bit is bit, proof.text
    world.nodes["master"].number = None
    assert injected(world, drawn(name, mode="stall")).bit, "a dead master is not asked"


def test_a_one_way_cut_holds_back_one_stream_and_never_refuses() -> None:
    for seed in range(20):
        fault = drawn("partition-master-to-slave", seed)
        assert fault.options["mode"] != "refuse"
    world = World()
    injected(world, fault)
    sides = {toxic["stream"] for toxic in world.links["slave->master-ha"].toxics.values()}
    assert sides == {"downstream"}


def test_a_toxic_with_other_attributes_than_asked_for_is_no_proof() -> None:
    """Toxiproxy ignores attributes that it does not know, in silence."""
    world = World()
    link = world.links["slave->master-ha"]
    real = link.add_toxic

    async def ignoring(name: str, kind: str, stream: Stream, **_attributes: int) -> None:
        await real(name, kind, stream)

    link.add_toxic = ignoring
    assert not injected(world, drawn("delay-replication")).bit


def test_reset_shows_on_new_connections_so_the_old_ones_are_ended_after_the_toxic() -> None:
    world = World()
    injected(world, drawn("reset"))
    assert [effect.split()[0] for effect in world.effects] == ["add", "cycle"]


def test_a_frozen_node_keeps_its_links_to_itself() -> None:
    assert drawn("pause-master").meets(drawn("delay-replication"))
    assert not drawn("kill-master").meets(drawn("delay-replication"))
    assert not drawn("pause-master").meets(drawn("kill-slave"))


def test_a_swizzle_heals_in_an_order_of_its_own() -> None:
    world = World()
    fault = drawn("swizzle", seed=4)
    injected(world, fault)
    world.effects.clear()
    assert cured(world, fault).bit
    healed = [effect.split()[1] for effect in world.effects]
    assert sorted(healed) == sorted(fault.targets)
    assert healed != list(fault.targets)


def test_killing_what_is_dead_already_is_no_fault() -> None:
    world = World()
    world.nodes["master"].number, world.nodes["master"].serving = None, False
    proof = injected(world, drawn("kill-master"))
    assert not proof.bit
    assert "down already" in proof.text


def test_a_flipped_bit_is_one_bit_near_the_end_of_the_log() -> None:
    world = World()
    before = {path: bytes(data) for path, data in world.stores["master"].contents.items()}
    proof = injected(world, drawn("bit-flip-master", back=100, bit=3))
    after = world.stores["master"].contents
    offset = proof.learned["damaged_from"]
    path, position = "commitlog/00000000000000000600", offset - 600
    assert offset == OFFSET - 100
    assert after[path][position] == before[path][position] ^ 8
    after[path][position] ^= 8
    assert after == before


def test_a_damaged_place_lies_in_the_last_file_however_far_back_it_was_drawn() -> None:
    proof = injected(World(), drawn("truncate-slave", back=4095))
    assert proof.learned["damaged_from"] == 600


def test_a_log_that_is_empty_is_damaged_as_soon_as_it_holds_something() -> None:
    """A slave that lost all in a power cut is fed again within moments."""
    world = World()
    world.nodes["slave"].end = 0

    async def fed_again() -> Proof:
        asyncio.get_running_loop().call_later(1, setattr, world.nodes["slave"], "end", 1000)
        return await attempt(KINDS["truncate"].inject, world, drawn("truncate-slave", back=9))

    assert run(fed_again()).learned["damaged_from"] == OFFSET - 9


def test_a_log_that_stays_empty_is_nothing_to_hit() -> None:
    world = World()
    world.nodes["slave"].end = 0
    proof = injected(world, drawn("truncate-slave", back=9))
    assert (proof.bit, proof.text.partition(":")[0]) == (False, "NothingToHitError")


def test_a_log_is_cut_where_it_is_said() -> None:
    world = World()
    proof = injected(world, drawn("truncate-master", back=9))
    assert world.stores["master"].end() == proof.learned["damaged_from"] == OFFSET - 9


def test_files_of_a_volatile_node_are_touched_after_a_clean_stop() -> None:
    """Killed, it would have lost power as well, and the fault would be two."""
    for volatile, end in ((False, "kill master"), (True, "stop master")):
        world = World(volatile=volatile)
        injected(world, drawn("disk-lost-master", unclean=True))
        assert world.effects[0] == end


def test_an_old_copy_says_where_it_ended() -> None:
    proof = injected(World(), drawn("set-back-master"))
    assert proof.bit
    assert proof.learned == {"snapshot_end": 1000}


def test_a_store_that_is_empty_cannot_be_lost() -> None:
    world = World()
    world.stores["master"].contents = {}
    assert not injected(world, drawn("disk-lost-master")).bit


def test_a_crash_point_that_is_not_reached_is_no_fault() -> None:
    world = World()
    node = world.nodes["master"]
    node.pid = lambda: node.number
    proof = injected(world, drawn("crash-master"))
    assert not proof.bit
    assert proof.text.startswith("NothingToHitError: master did not reach")
    assert world.controls["master"].now == Controls(), "it cannot die there later"
    assert cured(world, drawn("crash-master")).bit
    assert world.sound()


def test_a_crash_point_is_disarmed_once_it_has_killed() -> None:
    world = World()
    assert injected(world, drawn("crash-master")).bit
    assert world.controls["master"].now == Controls()
    assert not world.nodes["master"].serving


def test_a_recovery_that_is_not_interrupted_is_no_fault() -> None:
    world = World()
    node = world.nodes["slave"]

    async def start() -> None:
        node.number, node.serving = 7, True

    node.start = start
    proof = injected(world, drawn("crash-slave-in-mid-recovery"))
    assert proof == Proof(bit=False, text="slave came up: it did not pass 'in-mid-recovery'")


def test_a_recovery_that_hangs_is_no_proof_of_a_second_death() -> None:
    world = World()
    node = world.nodes["slave"]

    async def start() -> None:
        node.number = 7
        raise TargetError("not ready in time")

    node.start = start
    node.pid = lambda: node.number
    proof = injected(world, drawn("crash-slave-in-mid-recovery"))
    assert proof == Proof(bit=False, text="slave hangs at 'in-mid-recovery'")
    assert world.controls["slave"].now == Controls()


def test_controls_of_a_node_that_is_down_are_proven_when_it_is_back() -> None:
    world = World()
    world.nodes["master"].number, world.nodes["master"].serving = None, False
    assert not injected(world, drawn("slow-fsync-master")).bit
    run(world.nodes["master"].start())
    assert injected(world, drawn("slow-fsync-master")).bit


def test_one_control_is_changed_and_the_others_stay() -> None:
    world = World()
    world.controls["master"].now = Controls(clock_offset_ms=5)
    injected(world, drawn("disk-full-master"))
    assert world.controls["master"].now == Controls(clock_offset_ms=5, disk_full=True)
    cured(world, drawn("disk-full-master"))
    assert world.controls["master"].now == Controls(clock_offset_ms=5)


def test_a_node_whose_disk_failed_is_restarted_when_the_disk_is_mended() -> None:
    world = World()
    before = world.nodes["slave"].number
    injected(world, drawn("fail-fsync-slave"))
    assert cured(world, drawn("fail-fsync-slave")).bit
    assert world.nodes["slave"].number != before


def test_a_slave_made_master_is_a_slave_again() -> None:
    world = World()
    fault = drawn("take-over")
    assert injected(world, fault).bit
    assert world.settings["slave"].running["brokerRole"] == "ASYNC_MASTER"
    assert not world.nodes["master"].serving
    assert cured(world, fault).bit
    assert world.sound()


def test_what_no_contract_covers_says_so() -> None:
    assert [name for name, package in PACKAGES.items() if not package.contract] == [
        "second-master",
        "take-over",
    ]


@pytest.mark.parametrize("name", ["disk-lost-master", "slow-fsync-master", "crash-master"])
def test_a_world_that_lacks_what_a_fault_needs_is_no_quiet_pass(name: str) -> None:
    world = World(optional=False)
    proof = injected(world, drawn(name))
    assert not proof.bit
    assert "TargetError: master: expected" in proof.text


def test_a_class_follows_from_what_is_done_and_to_which_disk() -> None:
    classes = {
        (kind.name, volatile): class_of(kind, volatile=volatile)
        for kind in KINDS.values()
        for volatile in (False, True)
    }
    power = {name for (name, _), found in classes.items() if found is FaultClass.POWER}
    assert power == {
        "kill",
        "kill-starting",
        "restart-storm",
        "crash",
        "crash-in-recovery",
        "take-over",
    }
    assert classes["disk-lost", True] is classes["set-back", False] is FaultClass.DISK
    assert classes["bit-flip", True] is classes["truncate", False] is FaultClass.DAMAGE
    assert classes["cut", True] is classes["toxic", False] is FaultClass.LINK
