"""``mqhavoc admin``: what mqadmin asks of a cluster, ours or a real one."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from broker.client.admin import Admin

__all__ = ["admin"]

Answer = TypeVar("Answer")


def _addresses(_context: click.Context, _option: click.Parameter, text: str) -> list[str]:
    """Read a list of addresses, as RocketMQ writes it."""
    if found := [name.strip() for name in text.split(";") if name.strip()]:
        return found
    raise click.BadParameter(f"expected HOST:PORT;HOST:PORT, got {text!r}")


NAME_SERVERS = click.option(
    "-n",
    "--namesrv",
    default="127.0.0.1:9876",
    show_default=True,
    callback=_addresses,
    help="HOST:PORT;HOST:PORT",
)


@click.group()
def admin() -> None:
    """Ask a cluster who is in it, where a topic is, how a broker does."""


@admin.command("clusterList")
@NAME_SERVERS
def cluster_list(namesrv: list[str]) -> None:
    """List every broker by cluster, name and id."""
    clusters = _ask(namesrv, lambda asked: asked.cluster_list())
    click.echo(f"{'#Cluster Name':18}{'#Broker Name':18}{'#BID':6}#Addr")
    for cluster, names in sorted(clusters.cluster_addr_table.items()):
        for name in sorted(names):
            addresses = clusters.broker_addr_table[name].broker_addrs
            for broker_id, address in sorted(addresses.items()):
                click.echo(f"{cluster:18}{name:18}{broker_id:<6}{address}")


@admin.command("topicRoute")
@NAME_SERVERS
@click.option("-t", "--topic", required=True, help="The topic.")
def topic_route(namesrv: list[str], topic: str) -> None:
    """Show the brokers and queues of a topic."""
    route = _ask(namesrv, lambda asked: asked.topic_route(topic))
    for broker in route.broker_datas:
        for broker_id, address in sorted(broker.broker_addrs.items()):
            click.echo(f"{broker.broker_name} {broker_id} at {address}")
    for queues in route.queue_datas:
        click.echo(
            f"{queues.broker_name} has {queues.read_queue_nums} queues to read, "
            f"{queues.write_queue_nums} to write, perm {queues.perm}"
        )


@admin.command("brokerStatus")
@click.option("-b", "--broker", required=True, help="HOST:PORT of the broker.")
def broker_status(broker: str) -> None:
    """Show a broker's own figures."""
    figures = _ask([], lambda asked: asked.broker_status(broker))
    width = max(map(len, figures), default=0) + 2
    for name, value in sorted(figures.items()):
        click.echo(f"{name:{width}}{value}")


def _ask(namesrv: list[str], question: "Callable[[Admin], Awaitable[Answer]]") -> Answer:
    """Open a session, ask, close; what the cluster refuses is told in one line."""
    from random import SystemRandom

    from broker.client.admin import Admin
    from broker.client.session import Session
    from broker.errors import MqError
    from broker.live import live_ports

    async def asking() -> Answer:
        session = Session(live_ports(SystemRandom()), namesrv)
        try:
            return await question(Admin(session))
        finally:
            await session.close()

    try:
        return asyncio.run(asking())
    except (MqError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
