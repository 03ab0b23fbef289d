"""The broker's condition: what ``mqadmin brokerStatus`` prints and ``clusterList`` picks from.

RocketMQ's keys are there as far as this broker has what they mean; those about thread pools are
0, as there are none. Ours tell of replication: whether a slave is being fed, how far it is, and
whether one has diverged.
"""

from broker.ha.slave import Following
from broker.processors.state import BrokerState
from broker.remoting.codes import VERSION
from broker.steady import steady_ms
from broker.tables.topics import SCHEDULE_TOPIC

__all__ = ["runtime_info"]

_NOTHING = (
    "sendThreadPoolQueueSize",
    "pullThreadPoolQueueSize",
    "queryThreadPoolQueueSize",
    "EndTransactionQueueSize",
    "sendThreadPoolQueueHeadWaitTimeMills",
    "pullThreadPoolQueueHeadWaitTimeMills",
    "queryThreadPoolQueueHeadWaitTimeMills",
    "EndTransactionThreadPoolQueueHeadWaitTimeMills",
    "pageCacheLockTimeMills",
    "msgPutTotalYesterdayMorning",
    "msgPutTotalTodayMorning",
    "msgGetTotalYesterdayMorning",
    "msgGetTotalTodayMorning",
)


def runtime_info(state: BrokerState) -> dict[str, str]:
    """Give the table, sorted by key."""
    store, log, stats = state.store, state.store.log, state.stats
    put_tps, get_tps = stats.rates(steady_ms())
    used = state.ports.disk.used_ratio(store.config.commit_log_path)
    table: dict[str, object] = {
        **dict.fromkeys(_NOTHING, 0),
        "brokerVersionDesc": "V4_9_3",
        "brokerVersion": VERSION,
        "bootTimestamp": state.boot_ms,
        "runtime": f"[ {(state.ports.clock.now_ms() - state.boot_ms) // 1000} seconds ]",
        "brokerRole": state.config.broker_role,
        "flushDiskType": state.config.flush_disk_type,
        "putTps": f"{put_tps:.3f} {put_tps:.3f} {put_tps:.3f}",
        "getTransferedTps": f"{get_tps:.3f} {get_tps:.3f} {get_tps:.3f}",
        "getTotalTps": f"{get_tps:.3f} {get_tps:.3f} {get_tps:.3f}",
        "putMessageTimesTotal": stats.put_count,
        "putMessageSizeTotal": stats.put_bytes,
        "msgPutTotalTodayNow": stats.put_count,
        "msgGetTotalTodayNow": stats.get_count,
        "earliestMessageTimeStamp": _earliest_ms(state),
        "commitLogDiskRatio": f"{used:.4f}",
        "consumeQueueDiskRatio": f"{used:.4f}",
        "commitLogMinOffset": log.min_offset,
        "commitLogMaxOffset": log.end,
        "commitLogFlushedOffset": log.flushed,
        "remainHowManyDataToFlush": log.end - log.flushed,
        "dispatchBehindBytes": 0,
        "storeFailure": store.failure or "",
        "parkedPulls": len(state.parked),
        **_delay_levels(state),
        **_replication(state),
    }
    return {key: str(table[key]) for key in sorted(table)}


def _earliest_ms(state: BrokerState) -> int:
    record = state.store.record_at(state.store.log.min_offset)
    return int.from_bytes(record[56:64], "big") if record else -1


def _delay_levels(state: BrokerState) -> dict[str, object]:
    return {
        f"scheduleMessageOffset_{level}": (
            f"{state.delay_offsets.get(level, 0)},"
            f"{state.store.queue_bounds(SCHEDULE_TOPIC, level - 1)[1]}"
        )
        for level in range(1, len(state.config.delay_levels_ms) + 1)
        if state.store.queue_bounds(SCHEDULE_TOPIC, level - 1)[1]
    }


def _replication(state: BrokerState) -> dict[str, object]:
    """Say how replication stands, from this node's side."""
    if state.slave is not None:
        core = state.slave.core
        diverged = core.why if core.state is Following.DIVERGED else ""
        master = core.master.address if core.master else ""
        return {"haState": core.state, "haMaster": master, "haDiverged": diverged}
    core_of_master = state.master.core
    mark = core_of_master.mark
    diverged = "; ".join(f"{slave}: {why}" for slave, why in core_of_master.diverged.items())
    return {
        "haSlaves": sum(link.acked is not None for link in core_of_master.links.values()),
        "haReplicatedOffset": -1 if mark is None else mark,
        "haSlaveFallbehind": -1 if mark is None else state.store.log.end - mark,
        "haDiverged": diverged,
    }
