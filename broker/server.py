"""A broker: the store, the tables, the ports and the timers, in the order that they need.

    start   store recovered -> tables read, offsets clamped -> HA port, remoting ports ->
            registered -> timers, and on a slave the pursuit of its master
    stop    unregistered, so that no client comes any more -> timers -> ports -> tables and
            store saved

A start that fails leaves nothing behind: what had been started is stopped again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

from broker.config import BrokerConfig
from broker.errors import MqError
from broker.ha.master_service import MasterService
from broker.ha.slave_service import SlaveService
from broker.ha.synchronize import synchronize
from broker.logging import EventLog
from broker.nameserver.topics import TopicWrapper
from broker.peers import Peers
from broker.ports import Ports
from broker.processors.clients import expire_clients, on_connection_closed
from broker.processors.keeper import TableKeeper
from broker.processors.schedule import deliver_level
from broker.processors.state import BrokerState
from broker.processors.table import handlers
from broker.registrar import Registrar
from broker.remoting.server import Server, dispatch
from broker.steady import steady_ms
from broker.store.config import StoreConfig
from broker.store.message_store import MessageStore
from broker.tables.groups import GroupTable
from broker.tables.topics import TopicTable
from broker.tasks import spawn

__all__ = ["Broker"]

FIRST_REGISTRATION_SECONDS = 1.0
"""How long a start waits for its name servers before it goes on without them."""

ANNOUNCE_SECONDS = 1.0
"""How long who changes a topic waits for its name servers: less than mqadmin waits for us."""

FIRST_SYNCHRONIZE_MS = 3000
SAMPLE_MS = 1000
CLIENT_SCAN_MS = 10_000


class Broker:
    """One broker, master or slave."""

    def __init__(
        self, config: BrokerConfig, ports: Ports, log: EventLog, memory_bytes: int = 1 << 30
    ) -> None:
        self._config = config
        self._log = log
        store = MessageStore(StoreConfig.of(config, memory_bytes), ports)
        self._peers = Peers(ports.network, config.address_map)
        slave = SlaveService(config, ports, store, self._peers, log) if config.is_slave else None
        now_ms = ports.clock.now_ms
        self.state = BrokerState(
            config=config,
            ports=ports,
            log=log,
            store=store,
            topics=TopicTable(now_ms),
            groups=GroupTable(now_ms, config.auto_create_subscription_group),
            master=MasterService(config, ports, store, log),
            slave=slave,
            boot_ms=now_ms(),
        )
        self._registrar = Registrar(config, self._peers, self._registered_topics, log)
        handler = dispatch(handlers(self.state))
        self._servers = [
            Server(ports.network, config.bind_address, port, handler)
            for port in (config.listen_port, config.fast_port)
        ]
        self._tables = TableKeeper(self.state)
        self.state.save_topics = self._tables.save_topics
        self.state.announce_topics = lambda: self._registrar.register_within(ANNOUNCE_SECONDS)
        self._tasks: list[asyncio.Task[None]] = []
        self._undo: list[Callable[[], Awaitable[object]]] = []  # what stop has to do, last first

    async def start(self) -> None:
        """Come up; ``MqError`` or ``OSError`` says why it cannot."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Go down cleanly: nothing that was acknowledged is left to recovery."""
        while self._undo:
            await self._undo.pop()()

    async def _start(self) -> None:
        state = self.state
        self._undo.append(lambda: state.store.close(clean=True))
        recovery = await state.store.load()
        self._log.info(
            "recovered",
            last_stop=recovery.last_stop,
            verified_from=recovery.verified_from,
            entered_from=recovery.entered_from,
            records=recovery.records,
            end=recovery.end,
            cut=recovery.cut,
        )
        for odd in recovery.odd:
            self._log.warning("recovery-mended", what=odd)
        self._tables.load()
        state.topics.on_changed.append(self._on_topics_changed)
        state.groups.on_changed.append(self._on_groups_changed)
        state.store.start()
        self._undo.append(self._tables.save)

        self._undo.append(state.master.stop)
        await self._listen("haListenPort", self._config.ha_port, state.master.start)
        ports = (self._config.listen_port, self._config.fast_port)
        for port, server in zip(ports, self._servers, strict=True):
            server.on_close.append(lambda gone: on_connection_closed(state, gone))
            self._undo.append(server.close)
            await self._listen("listenPort", port, server.start)
        self._watch_arrivals()

        self._undo.append(self._stop_tasks)
        if state.slave is not None:
            await state.slave.start()
            self._registrar.on_master = state.slave.on_master
            self._undo.append(state.slave.stop)
        self._undo.append(self._registrar.unregister)
        await self._register_at_first()
        self._start_timers()

    async def _listen(self, key: str, port: int, start: Callable[[], Awaitable[None]]) -> None:
        try:
            await start()
        except OSError as error:
            host = self._config.bind_address
            raise OSError(
                f"cannot listen on {host}:{port} ({error.strerror or error}); stop what does, "
                f"or change {key} (a broker needs listenPort, listenPort-2 and haListenPort)"
            ) from error

    def _registered_topics(self) -> TopicWrapper:
        return self.state.topics.wrapped().permitted(self.state.config.broker_permission)

    def _on_topics_changed(self) -> None:
        self._registrar.register_soon()
        self._spawn(self._tables.save_topics())

    def _on_groups_changed(self) -> None:
        self._spawn(self._tables.save_groups())

    # Messages that arrive.

    def _watch_arrivals(self) -> None:
        store = self.state.store
        news = store.on_flushed if store.config.sync_flush else store.on_appended
        news.append(self._on_arrival)

    def _on_arrival(self, _end: int) -> None:
        try:
            self.state.parked.wake(self.state.store.take_grown())
        except OSError as error:
            self._log.warning("queue-unreadable", why=str(error))
            self.state.parked.wake_all()  # let each look for itself, and hear what is wrong

    # Timers.

    async def _register_at_first(self) -> None:
        first = asyncio.ensure_future(self._registrar.register())
        await asyncio.wait([first], timeout=FIRST_REGISTRATION_SECONDS)
        self._undo.append(lambda: _cancelled(first))

    def _start_timers(self) -> None:
        config, state = self._config, self.state
        self._spawn(self._registrar.keep_registered())
        self._every(config.flush_consumer_offset_interval, self._tables.save_consumer_offsets)
        self._every(config.flush_delay_offset_interval, self._tables.save_delay_offsets)
        self._every(SAMPLE_MS, self._sample)
        self._every(CLIENT_SCAN_MS, self._expire_clients)
        if state.slave is not None:
            first_ms = min(FIRST_SYNCHRONIZE_MS, config.slave_sync_interval)
            self._every(config.slave_sync_interval, self._synchronize, first_ms)
        else:
            for level in range(1, len(config.delay_levels_ms) + 1):
                self._spawn(deliver_level(state, level))

    async def _sample(self) -> None:
        self.state.stats.sample(steady_ms())

    async def _expire_clients(self) -> None:
        expire_clients(self.state)

    async def _synchronize(self) -> None:
        state = self.state
        assert state.slave is not None, "only a slave copies tables"
        if await synchronize(state.slave, self._peers, self._tables.takers(), self._log):
            await self._tables.save_topics()
            await self._tables.save_groups()

    def _every(
        self, interval_ms: int, work: Callable[[], Awaitable[None]], first_ms: int | None = None
    ) -> None:
        self._spawn(self._repeat(interval_ms, work, first_ms or interval_ms))

    async def _repeat(
        self, interval_ms: int, work: Callable[[], Awaitable[None]], wait_ms: int
    ) -> None:
        while True:
            await asyncio.sleep(wait_ms / 1000)
            wait_ms = interval_ms
            try:
                await work()
            except (MqError, OSError) as error:
                self._log.error("timer-failed", work=getattr(work, "__name__", ""), why=str(error))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(spawn(work, self._log))

    async def _stop_tasks(self) -> None:
        self.state.parked.wake_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._peers.close()


async def _cancelled(task: "asyncio.Future[int]") -> None:
    task.cancel()
    await asyncio.wait([task])
