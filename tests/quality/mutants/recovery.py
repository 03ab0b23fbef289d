"""A start that keeps what it should cut, or cuts what it should keep."""

from typing import Any

from broker.store import scan
from broker.store.abort import LastStop
from broker.store.loading import Loader
from broker.store.message_store import MessageStore
from broker.store.recovery import Recovery
from harness.workloads import queue
from tests.quality.mutants.mutant import Plant, mutant

__all__ = ["MUTANTS"]

TAIL_BYTES = 1500
_DAMAGE = ("a body that does not fit its CRC", "zeros in its topic or properties")


@mutant(
    finds=("lost", "diverged", "inconsistent-offset", "offset-reused", "watermark-regressed"),
    nemeses=("kill-both", "kill-master"),
    volatile=False,
)
def lose_the_tail(plant: Plant) -> None:
    """The last records of the log are gone after a restart."""
    _load_and_give_up(plant, lambda store: max(store.log.min_offset, store.log.end - TAIL_BYTES))


@mutant(
    finds=("lost", "diverged", "inconsistent-offset", "offset-reused", "watermark-regressed"),
    nemeses=("kill-both", "kill-master"),
    volatile=False,
)
def recover_one_record_short(plant: Plant) -> None:
    """A start stops before the last record."""
    _load_and_give_up(plant, lambda store: store._last.mark.last_record if store._last.mark else 0)


def _long_messages(plant: Plant) -> None:
    """Let records touch many sectors, so that a torn one may have its ends and lack its middle."""
    plant(queue, BODY_BYTES_MAX=8000)


def _messages_of_one_size(plant: Plant) -> None:
    """Let new records end where old ones begin."""
    plant(queue, BODY_BYTES_MAX=1)


@mutant(
    finds=("corrupted", "unexpected", "diverged"),
    mode="ASYNC_MASTER+ASYNC_FLUSH",
    nemeses=("power-cut-master", "power-cut-both"),
    setting=_long_messages,
    volatile=True,
    rate=120.0,
    time_limit_s=12.0,
)
def keep_a_torn_record(plant: Plant) -> None:
    """A record whose end never reached the disk is kept."""
    _believe(plant, _DAMAGE)


@mutant(
    finds=("corrupted", "unexpected", "diverged"),
    mode="ASYNC_MASTER+ASYNC_FLUSH",
    nemeses=("power-cut-master", "power-cut-both"),
    setting=_long_messages,
    volatile=True,
    rate=120.0,
    time_limit_s=12.0,
)
def crc_not_checked(plant: Plant) -> None:
    """A start believes a record whatever its CRC says."""
    _believe(plant, _DAMAGE[:1])


@mutant(
    finds=("lost", "duplicated", "inconsistent-offset", "offset-reused", "hole", "diverged"),
    defect=8,
    nemeses=("bit-flip-master", "kill-master"),
    setting=_messages_of_one_size,
    volatile=False,
    time_limit_s=15.0,
    rate=30.0,
)
def stale_tail_stays(plant: Plant) -> None:
    """What lies behind the first bad record is left there, to come back at a later start."""
    cut_log = Loader._cut_log

    async def cut_only_the_pointer(self: Loader, end: int, verified_from: int) -> None:
        segments = type(self.log.segments)
        erase, segments.erase_from = segments.erase_from, lambda _self, _offset: False
        try:
            await cut_log(self, end, verified_from)
        finally:
            segments.erase_from = erase  # type: ignore[method-assign]

    plant(Loader, _cut_log=cut_only_the_pointer)


def _load_and_give_up(plant: Plant, begin_of: Any) -> None:
    recover = MessageStore._recover

    async def recover_less(self: MessageStore, last_stop: LastStop) -> Recovery:
        recovery = await recover(self, last_stop)
        begin = begin_of(self)
        if begin >= self.log.end:
            return recovery
        self.log.segments.erase_from(begin)
        self.queues.close()
        self.index.close()
        return await recover(self, last_stop)

    plant(MessageStore, _recover=recover_less)


def _believe(plant: Plant, problems: tuple[str, ...]) -> None:
    check = scan._check

    def believe(data: Any, at: int, size: int, position: int, *, check_crc: bool) -> Any:
        found = check(data, at, size, position, check_crc=check_crc)
        if found not in problems:
            return found
        found = check(data, at, size, position, check_crc=False)
        if not isinstance(found, str):
            return found
        (sys_flag,) = scan._SYS_FLAG.unpack_from(data, at + 36)
        header = scan.HEADERS[sys_flag & 0x30]
        fields = header.unpack_from(data, at)
        topic_at = at + header.size + fields[16] + 1
        topic = bytes(data[topic_at : topic_at + data[topic_at - 1]])
        text = bytes(data[topic_at + len(topic) + 2 : at + size])
        return fields, topic.decode("latin-1"), text.decode("latin-1")

    plant(scan, _check=believe)


MUTANTS = (
    lose_the_tail,
    recover_one_record_short,
    keep_a_torn_record,
    crc_not_checked,
    stale_tail_stays,
)
