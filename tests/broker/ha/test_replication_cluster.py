"""One master and one slave through cuts, freezes, crashes and power cuts, in virtual time."""

import asyncio
import struct

import pytest

from broker.errors import ClosedError, MqError
from broker.remoting.codes import RequestCode, ResponseCode
from nemesis.targets import Controls, CutMode, Stream
from simulation.cluster import ADDRESSES
from tests.broker.cluster_rig import SLAVE, TOPIC, Rig, play

OK, TIMEOUT, ALONE = (
    ResponseCode.SUCCESS,
    ResponseCode.FLUSH_SLAVE_TIMEOUT,
    ResponseCode.SLAVE_NOT_AVAILABLE,
)
HA = "slave->master-ha"
BOTH_FLUSHES = pytest.mark.parametrize("flush", ["ASYNC_FLUSH", "SYNC_FLUSH"])


async def code(rig: Rig, body: bytes = b"x") -> int:
    return (await rig.send(body)).code


def slave_has(rig: Rig) -> int:
    return rig.broker("slave").state.store.log.end


async def shown(rig: Rig) -> None:
    """Wait for the slave's own disk: under SYNC_FLUSH it shows nothing before."""
    log = rig.broker("slave").state.store.log
    await rig.until(lambda: log.flushed == log.end)


@BOTH_FLUSHES
def test_send_ok_means_that_the_slave_has_it_now(flush: str) -> None:
    """Not soon: at the moment of the answer (P8)."""

    async def scenario(rig: Rig) -> None:
        for _ in range(5):
            assert await code(rig) == OK
            assert slave_has(rig) == rig.broker("master").state.store.log.end

    play(scenario, "SYNC_MASTER", flush)


@BOTH_FLUSHES
def test_a_cut_is_first_a_timeout_then_a_missing_slave_and_heals(flush: str) -> None:
    async def scenario(rig: Rig) -> None:
        link, loop = rig.cluster.links[HA], asyncio.get_running_loop()
        await code(rig)
        await link.cut(CutMode.STALL, Stream.BOTH)
        begun = loop.time()
        assert await code(rig) == TIMEOUT
        assert 0.8 <= loop.time() - begun < 0.85
        await asyncio.sleep(3)  # haHousekeepingInterval: both sides give up by what they read
        assert await code(rig) == ALONE
        await rig.until(lambda: rig.broker("slave").state.slave.is_copying is False)  # type: ignore[union-attr]

        await link.heal()
        await rig.until(rig.fed, 5)
        assert await code(rig) == OK
        assert rig.equal()

    play(scenario, "SYNC_MASTER", flush)


def test_a_message_that_need_not_wait_does_not() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.cluster.links[HA].cut(CutMode.STALL, Stream.BOTH)
        begun = asyncio.get_running_loop().time()
        assert (await rig.send(text="WAIT\1false")).code == OK
        assert asyncio.get_running_loop().time() - begun < 0.1

    play(scenario, "SYNC_MASTER")


def test_a_disk_that_is_slow_costs_the_slave_none_of_its_time() -> None:
    """Under SYNC_FLUSH slaveTimeout begins when the record is on disk."""

    async def scenario(rig: Rig) -> None:
        controls = rig.node("master").controls
        await controls.set(Controls(fsync_delay_ms=1200))
        assert await code(rig) == OK
        await controls.set(Controls(fsync_delay_ms=5000))
        assert await code(rig) == TIMEOUT  # not on disk in time, so not shipped either
        await controls.set(Controls())

    play(scenario, "SYNC_MASTER", "SYNC_FLUSH")


def test_a_late_disk_alone_is_a_flush_timeout() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.node("master").controls.set(Controls(fsync_delay_ms=5000))
        assert await code(rig) == ResponseCode.FLUSH_DISK_TIMEOUT

    play(scenario, "ASYNC_MASTER", "SYNC_FLUSH")


@BOTH_FLUSHES
def test_an_empty_slave_gets_the_whole_log(flush: str) -> None:
    """Also what is not in the master's last file (A9)."""

    async def scenario(rig: Rig) -> None:
        for number in range(12):
            assert await code(rig, bytes([number]) * 300) == ALONE
        files = rig.broker("master").state.store.log.segments.files
        assert len(files) > 3
        await rig.node("slave").start()
        await rig.until(lambda: rig.fed() and rig.equal())
        await shown(rig)
        assert await rig.messages(SLAVE) == await rig.messages()

    start = ("nameserver", "master")
    play(scenario, "SYNC_MASTER", flush, start=start, mappedFileSizeCommitLog="1024")


def test_an_empty_slave_is_fed_although_old_files_have_gone_and_nothing_new_came() -> None:
    """The master must know where its log begins now, not where it began at the last message."""

    async def scenario(rig: Rig) -> None:
        for number in range(12):
            await code(rig, bytes([number]) * 300)
        store = rig.broker("master").state.store
        assert await store.remove_expired() > 3
        await rig.node("slave").start()
        await rig.until(lambda: rig.fed() and rig.equal(), 5)

    every_hour = ";".join(f"{hour:02d}" for hour in range(24))
    settings = {
        "mappedFileSizeCommitLog": "1024",
        "fileReservedTime": "0",
        "deleteWhen": every_hour,
    }
    play(scenario, start=("nameserver", "master"), **settings)


def test_under_sync_flush_only_what_is_on_disk_is_shipped() -> None:
    """Else a power cut of the master leaves a slave that is ahead."""

    async def scenario(rig: Rig) -> None:
        await code(rig)
        end = slave_has(rig)
        await rig.node("master").controls.set(Controls(fsync_delay_ms=3000))
        sending = asyncio.ensure_future(rig.send())
        await asyncio.sleep(1)
        assert slave_has(rig) == end < rig.broker("master").state.store.log.end
        await rig.node("master").kill()
        await rig.node("master").controls.set(Controls())
        await rig.node("master").start()
        await rig.reconnect()
        assert isinstance((await asyncio.gather(sending, return_exceptions=True))[0], MqError)
        await rig.until(rig.fed, 10)
        assert await code(rig) == OK
        assert rig.broker("master").state.master.core.diverged == {}

    play(scenario, "SYNC_MASTER", "SYNC_FLUSH", volatile=True)


async def lose_the_masters_tail(rig: Rig) -> None:
    """A power cut takes what only the page cache held; the slave has it."""
    await code(rig, b"kept")
    store = rig.broker("master").state.store
    await store.wait_flushed(store.log.end, 1000)
    for number in range(5):
        assert await code(rig, b"tail %d" % number) == OK
    await rig.node("master").kill()
    await rig.node("master").start()
    await rig.reconnect()
    assert rig.broker("master").state.store.log.end < slave_has(rig)


def test_a_diverged_slave_is_not_fed_however_long_the_master_grows() -> None:
    """RocketMQ says SEND_OK at once, and later ships into the middle of a record (5.8)."""

    async def scenario(rig: Rig) -> None:
        await lose_the_masters_tail(rig)
        end = slave_has(rig)
        for number in range(20):
            assert await code(rig, b"new %d" % number) == ALONE
        await asyncio.sleep(5)
        assert slave_has(rig) == end < rig.broker("master").state.store.log.end
        assert len(await rig.messages(SLAVE)) == 6
        master = rig.broker("master").state.master.core
        assert list(master.diverged) == ["broker-a-1"]

        reply = await rig.ask(RequestCode.RESYNC, at=SLAVE)
        assert reply.code == OK
        assert 0 < int(reply.ext_fields["kept"]) < int(reply.ext_fields["oldEnd"]) == end
        await rig.until(lambda: rig.fed() and rig.equal())
        assert await code(rig) == OK
        assert await rig.messages(SLAVE) == await rig.messages()
        assert master.diverged == {}

    play(scenario, "SYNC_MASTER", volatile=True, flushIntervalCommitLog="60000")


def test_a_second_resynchronisation_does_not_meddle_with_the_first() -> None:
    """An operator whose client timed out asks again, while the log is being cut."""

    async def scenario(rig: Rig) -> None:
        await lose_the_masters_tail(rig)
        await asyncio.sleep(5)
        asked = [rig.ask(RequestCode.RESYNC, at=SLAVE) for _ in range(3)]
        replies = await asyncio.gather(*asked)
        assert sorted(reply.code for reply in replies) == [OK, 1, 1]
        assert all("under way" in (reply.remark or "") for reply in replies if reply.code == 1)
        await rig.until(lambda: rig.fed() and rig.equal())
        assert await code(rig) == OK

    play(scenario, "SYNC_MASTER", volatile=True, flushIntervalCommitLog="60000")


def test_a_resynchronisation_says_what_the_master_refused() -> None:
    """And not which key was missing in its answer."""

    async def scenario(rig: Rig) -> None:
        def refuse(_begin: int, _end: int) -> int:
            raise OSError(5, "input/output error")

        rig.broker("master").state.store.crc = refuse  # type: ignore[method-assign, assignment]
        reply = await rig.ask(RequestCode.RESYNC, at=SLAVE)
        assert (reply.code, "input/output error" in (reply.remark or "")) == (1, True)

    play(scenario)


def test_what_was_committed_for_records_that_were_given_up_is_given_up_too() -> None:
    """Else the group would pass over the messages that get their offsets next (P11)."""

    async def scenario(rig: Rig) -> None:
        queue = {"consumerGroup": "g", "topic": TOPIC, "queueId": 0}
        await lose_the_masters_tail(rig)
        commit = RequestCode.UPDATE_CONSUMER_OFFSET
        await rig.ask(commit, at=SLAVE, commitOffset=6, **queue)
        await asyncio.sleep(5)
        assert (await rig.ask(RequestCode.RESYNC, at=SLAVE)).code == OK
        offsets = rig.broker("slave").state.offsets
        assert offsets.get("g", TOPIC, 0) == 1  # the end of what it kept
        for number in range(5):
            await rig.send(b"new %d" % number)
        await rig.ask(commit, commitOffset=2, **queue)
        await asyncio.sleep(3)
        assert offsets.get("g", TOPIC, 0) == 2

    play(scenario, "SYNC_MASTER", volatile=True, flushIntervalCommitLog="60000")


def test_an_empty_master_does_not_wipe_what_a_full_slave_knows() -> None:
    """Neither log nor topics, offsets or groups."""

    async def scenario(rig: Rig) -> None:
        await code(rig)
        fields = {"consumerGroup": "g", "topic": TOPIC, "queueId": 0, "commitOffset": 1}
        await rig.ask(RequestCode.UPDATE_CONSUMER_OFFSET, **fields)
        group = b'{"groupName":"g","retryMaxTimes":3}'
        await rig.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, group)
        await asyncio.sleep(3)
        await rig.node("master").kill()
        rig.node("master").disk.wipe()
        await rig.node("master").start()
        await rig.reconnect()
        await asyncio.sleep(5)

        slave = rig.broker("slave").state
        assert slave.store.log.end > rig.broker("master").state.store.log.end == 0
        assert TOPIC in slave.topics.topics
        assert slave.groups.groups["g"].retry_max_times == 3
        assert slave.offsets.get("g", TOPIC, 0) == 1
        assert await code(rig) == ALONE

    play(scenario, "SYNC_MASTER")


def test_a_frozen_slave_is_given_up_and_taken_back() -> None:
    async def scenario(rig: Rig) -> None:
        await code(rig)
        await rig.node("slave").pause()
        assert await code(rig) == TIMEOUT
        await asyncio.sleep(3)
        assert await code(rig) == ALONE
        await rig.node("slave").resume()
        await rig.until(rig.fed, 5)
        assert await code(rig) == OK

    play(scenario, "SYNC_MASTER")


@pytest.mark.parametrize(
    "data", [struct.pack(">q", 1 << 40), b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 8]
)
def test_a_port_scanner_raises_no_mark(data: bytes) -> None:
    """Eight bytes from anyone make RocketMQ answer SEND_OK (guarantees, defect 10)."""

    async def scenario(rig: Rig) -> None:
        await code(rig)
        transport, _ = await rig.session.ports.network.connect(
            asyncio.Protocol, *ADDRESSES["master-ha"]
        )
        transport.write(data)
        await asyncio.sleep(0.1)
        assert await code(rig) == ALONE
        assert len(rig.broker("master").state.master.core.links) == 0

    play(scenario, "SYNC_MASTER", start=("nameserver", "master"))


@pytest.mark.parametrize(
    "point",
    ["after-flush-before-replicate", "after-replicate-before-reply", "after-append-before-flush"],
)
@BOTH_FLUSHES
def test_a_master_that_dies_anywhere_comes_back_like_its_slave(point: str, flush: str) -> None:
    async def scenario(rig: Rig) -> None:
        await code(rig, b"before")
        await rig.node("master").controls.set(Controls(crash_point=point))
        doubtful = asyncio.ensure_future(rig.send(b"doubtful"))
        await asyncio.sleep(12 if point == "after-append-before-flush" else 1)
        assert rig.node("master").pid() is None
        (answer,) = await asyncio.gather(doubtful, return_exceptions=True)
        await rig.reconnect()
        await rig.node("master").start()
        await rig.until(rig.fed, 10)
        assert await code(rig, b"after") == OK
        assert rig.equal()
        await shown(rig)
        bodies = [message.body for message in await rig.messages(SLAVE)]
        assert bodies in ([b"before", b"doubtful", b"after"], [b"before", b"after"])
        if point == "after-replicate-before-reply" or not isinstance(answer, ClosedError):
            assert len(bodies) == 3  # the slave had it, or the producer was told so

    play(scenario, "SYNC_MASTER", flush, flushIntervalCommitLog="500")


def test_the_slave_notices_a_master_whose_link_went_silent() -> None:
    """By what it read, not by what it wrote itself (guarantees, defect 5)."""

    async def scenario(rig: Rig) -> None:
        await rig.cluster.links[HA].cut(CutMode.BLACKHOLE, Stream.DOWNSTREAM)
        slave = rig.broker("slave").state.slave
        assert slave is not None
        await rig.until(lambda: not slave.is_copying, 4)
        await rig.cluster.links[HA].heal()
        await rig.until(lambda: slave.is_copying, 5)

    play(scenario)


@pytest.mark.parametrize("nth", range(1, 6))
def test_what_the_slave_could_not_write_it_does_not_report(nth: int) -> None:
    """Whichever of its appends fails, no SEND_OK covers it, and the copy goes on afterwards."""

    async def scenario(rig: Rig) -> None:
        store = rig.broker("slave").state.store
        append, calls = store.append_raw, 0

        def fail_once(offset: int, data: bytes) -> int:
            nonlocal calls
            calls += 1
            if calls == nth:
                raise OSError(5, "EIO")
            return append(offset, data)

        store.append_raw = fail_once  # type: ignore[method-assign, assignment]
        for number in range(5):
            master = rig.broker("master").state.store
            if await code(rig, bytes([number])) == OK:
                assert store.log.end == master.log.end
        assert calls >= 5
        await rig.until(lambda: rig.fed() and rig.equal(), 5)
        assert len(await rig.messages(SLAVE)) == 5

    play(scenario, "SYNC_MASTER")


def test_a_slave_that_came_before_its_master_follows_it_soon() -> None:
    """It asks its name server again after haReconnectInterval, not after a whole period."""

    async def scenario(rig: Rig) -> None:
        await rig.cluster.nodes["slave"].start()
        await asyncio.sleep(3)
        await rig.cluster.nodes["master"].start()
        await rig.until(rig.fed, 0.3)

    play(scenario, start=("nameserver",), registerNameServerPeriod="60000")
