"""A session: which name server it asks, and how long it believes a route."""

import asyncio

import pytest

from broker.client.session import Session
from broker.config import NameServerConfig
from broker.errors import ConnectError, NoRouteError
from broker.nameserver.server import NameServer
from broker.remoting.command import Command
from tests.broker.client.scripted import Cluster, stored
from tests.broker.remoting.memory_network import let_it_arrive

SECOND = "127.0.0.1:9877"


def asked_routes(cluster: Cluster) -> int:
    """How many connections a session has made to the first name server, a broker's left out."""
    return cluster.network.dialled.count("127.0.0.1:9876")


async def test_a_route_is_fetched_once_for_all_who_ask_at_once(cluster: Cluster) -> None:
    await cluster.broker(stored())
    session = cluster.session()
    sent = len(cluster.network.wires)
    routes = await asyncio.gather(*(session.route("T") for _ in range(10)))
    assert all(route == routes[0] for route in routes)
    near, _ = cluster.network.wires[sent]
    assert len(near.writes) == 1


async def test_one_asker_who_gives_up_does_not_spoil_it_for_the_others(cluster: Cluster) -> None:
    await cluster.broker(stored())
    session = cluster.session()
    impatient = asyncio.create_task(session.route("T"))
    patient = asyncio.create_task(session.route("T"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).queue_datas


async def test_an_old_route_is_given_at_once_and_renewed_behind_the_back(cluster: Cluster) -> None:
    first = await cluster.broker(stored())
    session = cluster.session(route_refresh_ms=0)
    await session.route("T")
    await cluster.broker(stored(), broker_id=1)
    assert (await session.route("T")).broker_datas[0].broker_addrs == {0: first.address}
    await let_it_arrive()
    assert list((await session.route("T")).broker_datas[0].broker_addrs) == [0, 1]


async def test_a_young_route_is_not_renewed(cluster: Cluster) -> None:
    await cluster.broker(stored())
    session = cluster.session()
    await session.route("T")
    await cluster.name_server.stop()
    assert (await session.route("T")).queue_datas
    assert session._fetching == {}


async def test_a_fresh_route_is_asked_for_now(cluster: Cluster) -> None:
    await cluster.broker(stored())
    session = cluster.session()
    await session.route("T")
    await cluster.broker(stored(), broker_id=1)
    assert list((await session.fresh_route("T")).broker_datas[0].broker_addrs) == [0, 1]
    assert list((await session.route("T")).broker_datas[0].broker_addrs) == [0, 1]


async def test_an_unknown_topic_has_no_route(cluster: Cluster) -> None:
    with pytest.raises(NoRouteError, match="code 17") as caught:
        await cluster.session().route("U")
    assert caught.value.definite


async def test_a_broker_that_is_not_in_the_route_has_no_address(cluster: Cluster) -> None:
    broker = await cluster.broker(stored(), broker_id=1)
    session = cluster.session()
    assert await session.address("T", "broker-a", 1) == broker.address
    with pytest.raises(NoRouteError, match="broker-a-0"):
        await session.address("T", "broker-a", 0)
    with pytest.raises(NoRouteError, match="broker-b-0"):
        await session.address("T", "broker-b", 0)


async def test_it_sticks_to_the_name_server_that_answers(cluster: Cluster) -> None:
    await cluster.broker(stored())
    session = Session(cluster.ports, [SECOND, "127.0.0.1:9876"])
    cluster.sessions.append(session)
    for topic in ("T", "U", "V"):
        try:
            await session.route(topic)
        except NoRouteError:
            assert topic != "T"
    assert cluster.network.dialled.count(SECOND) <= 1


async def test_it_moves_on_when_its_name_server_is_gone(cluster: Cluster) -> None:
    await cluster.broker(stored())
    other = NameServer(NameServerConfig(listen_port=9877), cluster.ports)
    await other.start()
    session = Session(cluster.ports, [SECOND, "127.0.0.1:9876"])
    cluster.sessions.append(session)
    answers = [await session.ask_name_server(Command(106)) for _ in range(2)]
    await other.stop()
    answers += [await session.ask_name_server(Command(106)) for _ in range(2)]
    assert [answer.code for answer in answers] == [0] * 4


async def test_a_black_hole_costs_no_more_than_the_time_given(cluster: Cluster) -> None:
    """The time to connect is part of a request's time."""
    cluster.network.black_holes.add(("127.0.0.1", 10911))
    session = cluster.session()
    begun = asyncio.get_running_loop().time()
    with pytest.raises(ConnectError) as caught:
        await session.request("127.0.0.1:10911", Command(10), 50)
    assert caught.value.definite
    assert asyncio.get_running_loop().time() - begun < 0.5


async def test_a_closed_session_leaves_no_connection(cluster: Cluster) -> None:
    await cluster.broker(stored())
    session = cluster.session()
    await session.route("T")
    near, _ = cluster.network.wires[-1]
    await session.close()
    await asyncio.sleep(0)
    assert near.closing


async def test_an_address_that_is_none_is_a_broker_that_cannot_be_reached(
    cluster: Cluster,
) -> None:
    """A peer advertises what it likes; the seed's own master does (brokerIP2 with a port)."""
    with pytest.raises(ConnectError, match="host:port"):
        await cluster.session().request("nonsense", Command(0), 1000)
