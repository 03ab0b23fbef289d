"""Tables survive any crash of their save, change in one step, and count their versions."""

from pathlib import Path
from random import Random

import pytest

from broker.config import BrokerConfig
from broker.errors import RemoteProtocolError
from broker.logging import EventLog
from broker.remoting import fastjson
from broker.server import Broker
from broker.tables.files import TableFile
from broker.tables.groups import GroupTable, SubscriptionGroup
from broker.tables.offsets import OffsetTable
from broker.tables.topics import TopicTable
from simulation.disk import SimulatedDisk
from simulation.loop import run_virtual
from tests.broker.memory_disk import MemoryClock, MemoryDisk, memory_ports

PATH = "/store/config/topics.json"


class FailingDisk:
    """A disk whose Nth change fails, and the power with it."""

    def __init__(self, disk: SimulatedDisk, nth: int) -> None:
        self._disk, self._left = disk, nth

    def __getattr__(self, name: str) -> object:
        found = getattr(self._disk, name)
        if name not in ("open", "rename", "sync_folder"):
            return found

        def counted(*args: object, **kwargs: object) -> object:
            self._left -= 1
            if self._left == 0:
                raise OSError(5, "EIO")
            return found(*args, **kwargs)

        return counted


@pytest.mark.parametrize("power", [False, True], ids=["process", "power"])
@pytest.mark.parametrize("nth", range(1, 8))
def test_whatever_step_of_a_save_fails_the_old_or_the_new_content_is_whole(
    nth: int, power: bool
) -> None:
    async def scenario() -> None:
        disk = SimulatedDisk(Random(1))
        await TableFile(disk, PATH).save(b'{"old":1}')
        failed = False
        try:
            await TableFile(FailingDisk(disk, nth), PATH).save(b'{"new":1}')  # type: ignore[arg-type]
        except OSError:
            failed = True
        if power:
            disk.cut_power()
        found: list[bytes] = []

        def take(data: bytes) -> None:
            fastjson.loads_object(data)
            found.append(data)

        assert TableFile(disk, PATH).load(take) != ""
        assert found[0] in ([b'{"old":1}', b'{"new":1}'] if failed else [b'{"new":1}'])
        assert failed == (nth <= 4)

    run_virtual(scenario())


def test_an_empty_file_falls_back_to_the_one_before() -> None:
    """What RocketMQ's unsynced saves leave after a power cut (#3401)."""

    async def scenario() -> None:
        disk = SimulatedDisk(Random(1))
        file = TableFile(disk, PATH)
        await file.save(b'{"a":1}')
        await file.save(b'{"b":2}')
        disk.open(PATH).truncate(0)
        assert TableFile(disk, PATH).load(fastjson.loads_object) == f"{PATH}.bak"

    run_virtual(scenario())


async def saved(disk: SimulatedDisk, *contents: bytes) -> None:
    file = TableFile(disk, PATH)
    for content in contents:
        await file.save(content)


def taken(disk: SimulatedDisk) -> tuple[TableFile, list[bytes]]:
    """What a start takes of what there is."""
    file, found = TableFile(disk, PATH), []

    def take(data: bytes) -> None:
        fastjson.loads_object(data)
        found.append(data)

    file.load(take)
    return file, found


def test_a_damaged_file_never_takes_the_place_of_the_good_one_before() -> None:
    """Else a crash in the next save leaves nothing that is whole."""

    async def scenario() -> None:
        disk = SimulatedDisk(Random(1))
        await saved(disk, b'{"a":1}', b'{"b":2}')
        disk.open(PATH).truncate(3)
        file, found = taken(disk)
        assert found == [b'{"a":1}']

        await file.save(b'{"c":3}')
        assert taken(disk)[1] == [b'{"c":3}']
        disk.remove(PATH)
        assert taken(disk)[1] == [b'{"a":1}']
        await file.save(b'{"d":4}')
        await file.save(b'{"e":5}')
        disk.remove(PATH)
        assert taken(disk)[1] == [b'{"d":4}']

    run_virtual(scenario())


@pytest.mark.parametrize("tmp", [b'{"new":1}', b'{"new"'], ids=["whole", "torn"])
@pytest.mark.parametrize("bak", [b'{"old":1}', b"", None], ids=["whole", "empty", "none"])
def test_what_a_crash_had_written_aside_is_taken_if_nothing_else_is_whole(
    bak: bytes | None, tmp: bytes
) -> None:
    disk = SimulatedDisk(Random(1))

    async def scenario() -> None:
        for name, data in ((PATH, b""), (f"{PATH}.bak", bak), (f"{PATH}.tmp", tmp)):
            if data is not None:
                disk.open(name, create=True).write(0, data)
        whole = [data for data in (bak, tmp) if data and data.endswith(b"}")]
        assert taken(disk)[1] == whole[:1]
        assert taken(disk)[1] == whole[:1]  # also when a start has seen it before

    run_virtual(scenario())


def test_a_table_of_another_version_replaces_ours_whole() -> None:
    master, slave = TopicTable(lambda: 5), TopicTable(lambda: 9)
    master.create_for_group("%RETRY%g")
    slave.create_for_group("%RETRY%other")

    assert slave.replace(master.to_json())
    assert list(slave.topics) == ["%RETRY%g"]
    assert not slave.replace(master.to_json())


def test_a_change_is_noticed_and_the_same_again_is_none() -> None:
    changes: list[int] = []
    table = GroupTable(lambda: 5)
    table.on_changed.append(lambda: changes.append(1))
    table.put(SubscriptionGroup("g"))

    assert table.find("g") is not None
    assert (changes, table.version.counter) == ([1], 1)
    table.auto_create = False
    assert table.find("unknown") is None


def offsets(**queues: int) -> bytes:
    told = {int(name[1:]): offset for name, offset in queues.items()}
    return OffsetTable({"T@g": told}).to_json()


def test_a_slave_copies_its_masters_offsets_also_backwards_and_others_stay() -> None:
    table = OffsetTable({"T@mine": {0: 1}})
    table.load(offsets(q0=9, q1=1))

    table.copy(offsets(q0=2))

    assert table.offsets == {"T@g": {0: 2, 1: 1}, "T@mine": {0: 1}}
    with pytest.raises(RemoteProtocolError):
        table.copy(b'{"offsetTable":{"T@g":{0:"x"}}}')


def test_what_a_slave_was_told_itself_stays_until_its_master_has_come_as_far() -> None:
    """RocketMQ's forgets it with the next copy, and the group gets everything again."""
    table = OffsetTable()
    table.commit("g", "T", 0, 5)
    for theirs, kept in ((2, 5), (4, 5), (6, 6), (7, 7)):
        table.copy(offsets(q0=theirs))
        assert table.get("g", "T", 0) == kept


def test_a_group_that_was_reset_at_the_master_is_reset_at_the_slave() -> None:
    table = OffsetTable()
    table.copy(offsets(q0=4))
    table.commit("g", "T", 0, 9)

    table.copy(offsets(q0=3))

    assert table.get("g", "T", 0) == 3


def test_a_slave_that_gave_its_records_up_copies_whatever_its_master_says() -> None:
    table = OffsetTable()
    table.copy(offsets(q0=4))
    table.commit("g", "T", 0, 9)

    table.give_up()
    table.copy(offsets(q0=5))

    assert table.get("g", "T", 0) == 5


def test_offsets_beyond_the_end_come_back_to_it() -> None:
    table = OffsetTable({"T@g": {0: 9, 1: 1}})

    assert table.clamp(lambda _topic, _queue: 4) == ["T@g:0 from 9 to 4"]
    assert table.offsets == {"T@g": {0: 4, 1: 1}}


async def test_a_store_at_home_has_its_tables_there_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And not in a folder called ~ wherever the broker was started."""
    monkeypatch.setenv("HOME", str(tmp_path))
    disk = MemoryDisk()
    config = BrokerConfig(store_path_root_dir="~/store/")
    broker = Broker(config, memory_ports(disk), EventLog(lambda _line: None, MemoryClock()))
    await broker._tables.save()
    assert sorted(disk.names) == [
        f"{tmp_path}/store/config/{name}.json"
        for name in ("consumerOffset", "delayOffset", "subscriptionGroup", "topics")
    ]
