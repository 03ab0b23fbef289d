"""A broker with one planted bug, started in its place: ``mutant_node.py NAME broker -c FILE``.

Each mutant breaks one promise of spec/guarantees.md in the way real brokers have broken it. The
bug is planted from outside, by replacing one function, so that the broker's own code has no
switch for it. A mutant that the suite does not find is a hole in the suite.

    early-ack      SEND_OK before the slave has the record, under SYNC_MASTER      P8
    drop-tail      the last records of the log are gone after a restart            P1, P5, P7
    double-append  one send makes two records, at two offsets                      P4
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from broker.__main__ import main
from broker.config import FlushDiskType
from broker.processors import send
from broker.remoting.codes import SendStatus
from broker.store.message_store import MessageStore

TAIL_BYTES = 1500


def early_ack() -> None:
    async def settle(state: Any, end: int) -> SendStatus:
        if state.config.flush_disk_type is FlushDiskType.SYNC_FLUSH:
            await state.store.wait_flushed(end, state.config.sync_flush_timeout)
        return SendStatus.SEND_OK

    send.settle = settle


def drop_tail() -> None:
    load = MessageStore.load

    async def load_and_drop(self: MessageStore) -> Any:
        recovery = await load(self)
        begin = max(self.log.min_offset, self.log.end - TAIL_BYTES)
        await self.truncate(begin)
        return recovery

    MessageStore.load = load_and_drop  # type: ignore[method-assign]


def double_append() -> None:
    put = send.put

    def put_twice(state: Any, drafts: Any) -> Any:
        put(state, drafts)
        return put(state, drafts)

    send.put = put_twice


MUTANTS: dict[str, Callable[[], None]] = {
    "early-ack": early_ack,
    "drop-tail": drop_tail,
    "double-append": double_append,
}


def plant_and_run(name: str, arguments: list[str]) -> int:
    """Plant a bug in a broker; a name server stays as it is. Nodes may be named after an @."""
    name, _, nodes = name.partition("@")
    node = os.environ.get("MQHAVOC_NODE", "")
    if arguments[0] == "broker" and (not nodes or node in nodes.split(",")):
        MUTANTS[name]()
    return main(arguments)


if __name__ == "__main__":
    sys.exit(plant_and_run(sys.argv[1], sys.argv[2:]))
