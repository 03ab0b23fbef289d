"""The route table against a model that keeps nothing but who holds which id, and why."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from broker.nameserver.registration import BrokerIdentity, Registration
from broker.nameserver.routes import RouteTable
from broker.nameserver.topics import DataVersion, TopicConfig, TopicWrapper

SILENCE_MS = 100
addresses = st.sampled_from(["a:1", "b:1", "c:1"])
ids = st.integers(0, 2)
names = st.sampled_from(["broker-a", "broker-b"])
channels = st.integers(0, 3)


def identity(name: str, broker_id: int, address: str) -> BrokerIdentity:
    return BrokerIdentity(
        cluster_name="C", broker_name=name, broker_id=broker_id, broker_addr=address
    )


class Routes(RuleBasedStateMachine):
    """A model row is (name, id) -> address, and address -> (channel, last seen)."""

    def __init__(self) -> None:
        super().__init__()
        self.table = RouteTable()
        self.now = 0
        self.holders: dict[tuple[str, int], str] = {}
        self.seen: dict[str, tuple[int, int]] = {}

    @rule(name=names, broker_id=ids, address=addresses, channel=channels, version=st.integers(0, 1))
    def register(self, name: str, broker_id: int, address: str, channel: int, version: int) -> None:
        topics = {"T": TopicConfig(topic_name="T", read_queue_nums=4, write_queue_nums=4)}
        registration = Registration(
            identity=identity(name, broker_id, address),
            ha_address=f"ha-{address}",
            topics=TopicWrapper(DataVersion(version, 0), topics),
        )
        told = self.table.register(registration, channel, self.now)
        for other in range(3):
            if self.holders.get((name, other)) == address:
                del self.holders[name, other]
        self.holders[name, broker_id] = address
        self.seen[address] = (channel, self.now)
        master = self.holders.get((name, 0))
        knows = broker_id != 0 and master is not None and master in self.seen
        assert told.master_addr == (master if knows else None)
        assert told.ha_server_addr == (f"ha-{master}" if knows else None)

    @rule(name=names, broker_id=ids, address=addresses)
    def unregister(self, name: str, broker_id: int, address: str) -> None:
        self.table.unregister(identity(name, broker_id, address))
        if self.holders.get((name, broker_id)) == address:
            del self.holders[name, broker_id]
        if address not in self.holders.values():
            self.seen.pop(address, None)

    @rule(channel=channels)
    def lose(self, channel: int) -> None:
        gone = [address for address, (its, _) in self.seen.items() if its == channel]
        assert sorted(self.table.channel_lost(channel)) == sorted(gone)
        self.drop(gone)

    @rule(silence=st.integers(1, 80))
    def wait(self, silence: int) -> None:
        self.now += silence
        gone = [address for address, (_, at) in self.seen.items() if at + SILENCE_MS < self.now]
        assert len(self.table.expire(self.now, SILENCE_MS)) == len(gone)
        self.drop(gone)

    def drop(self, gone: list[str]) -> None:
        self.seen = {address: row for address, row in self.seen.items() if address not in gone}
        self.holders = {key: one for key, one in self.holders.items() if one not in gone}

    @invariant()
    def the_cluster_is_as_the_model_says(self) -> None:
        groups: dict[str, dict[int, str]] = {}
        for (name, broker_id), address in sorted(self.holders.items()):
            groups.setdefault(name, {})[broker_id] = address
        info = self.table.cluster_info()
        assert {n: b.broker_addrs for n, b in info.broker_addr_table.items()} == groups
        assert sorted(info.cluster_addr_table.get("C", [])) == sorted(groups)

    @invariant()
    def whoever_has_an_id_is_watched(self) -> None:
        """Else it would stay in the route for ever, though its connection ended."""
        for address in self.holders.values():
            assert self.table.live(address) is not None

    @invariant()
    def a_topic_is_found_while_a_group_that_told_it_has_an_address(self) -> None:
        route = self.table.route("T")
        assert (route is not None) == bool(self.holders)
        if route is not None:
            assert sorted(queues.broker_name for queues in route.queue_datas) == sorted(
                {name for name, _ in self.holders}
            )


TestRoutes = Routes.TestCase
TestRoutes.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
