"""The HA port on a network in memory: who does not read is given up, and who asks may be anyone."""

import asyncio
from random import Random

from broker.config import BrokerConfig
from broker.ha.frames import encode_report, encode_token
from broker.ha.handshake import Outcome, Tail
from broker.ha.master_service import MasterService
from broker.logging import EventLog
from broker.ports import Ports
from broker.store.message_store import MessageStore
from simulation.loop import run_virtual
from tests.broker.memory_disk import MemoryClock, MemoryDisk
from tests.broker.remoting.memory_network import MemoryNetwork, let_it_arrive
from tests.broker.store_rig import CONFIG, put

HA = "127.0.0.1", 10912


async def serving(network: MemoryNetwork) -> MasterService:
    ports = Ports(network, MemoryDisk(), MemoryClock(), Random(0))
    store = MessageStore(CONFIG, ports)
    await store.load()
    put(store, *[f"{number:03d}" for number in range(20)])
    log = EventLog(lambda _line: None, MemoryClock())
    service = MasterService(BrokerConfig(ha_housekeeping_interval=1000), ports, store, log)
    await service.start()
    return service


def test_a_slave_that_does_not_read_is_gone_when_it_is_given_up() -> None:
    """To close its connection would be to wait until it has read everything."""

    async def main() -> None:
        network = MemoryNetwork()
        service = await serving(network)
        near, _ = await network.connect(asyncio.Protocol, *HA)
        near.peer.room = 3
        token = service.handshake(Tail(1, 0, 0, 0)).token
        near.write(encode_token(token) + encode_report(0))
        await let_it_arrive()
        assert near.peer.held
        await asyncio.sleep(1.1)
        assert near.peer.closing
        assert service._connections == {}
        await service.stop()
        await service._store.close()

    run_virtual(main())


def test_who_asks_under_many_names_is_not_remembered_under_all() -> None:
    """Anyone may send a handshake: what is noted of it must not grow for ever."""

    async def main() -> None:
        service = await serving(MemoryNetwork())
        for broker_id in range(1, 1000):
            answer = service.handshake(Tail(broker_id, 0, 1, 7))
            assert answer.outcome is Outcome.DIVERGED
        assert len(service.core.diverged) < 100
        assert list(service.core.diverged)[-1] == "DEFAULT_BROKER-999"
        await service.stop()
        await service._store.close()

    run_virtual(main())
