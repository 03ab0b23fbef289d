"""The options that say what a run is, for every command that starts some."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import shlex
from collections.abc import Callable
from typing import Any, TypeVar

import click

from harness.options import RunOptions, nemeses_of

__all__ = ["have_programs", "options_of", "refuse_problems", "run_options"]

F = TypeVar("F", bound=Callable[..., Any])

COMMON = (
    click.option(
        "--workload", default="queue", help="What clients do; see `mqhavoc list workloads`."
    ),
    click.option(
        "--time-limit", type=float, default=60.0, help="Seconds that clients and faults go on."
    ),
    click.option(
        "--rate", type=float, default=400.0, help="Operations a second, all clients together."
    ),
    click.option("--concurrency", type=int, default=10, help="Clients at once."),
    click.option("--queues", type=int, default=4, help="Queues of the topic."),
    click.option(
        "--volatile/--disk",
        default=False,
        help="Let un-fsynced bytes die with a node's process, so that SIGKILL is a power cut.",
    ),
    click.option("--seed", type=int, show_default="a fresh one", help="Draw everything from this."),
    click.option(
        "--world",
        default="local",
        help="local; simulated, on virtual time; or rocketmq, Apache RocketMQ 4.9.3 itself.",
    ),
    click.option(
        "--rocketmq",
        default="",
        show_default="ROCKETMQ_HOME, else what Maven fetches",
        help="The folder of RocketMQ's binary distribution, for --world rocketmq.",
    ),
    click.option("--toxiproxy", default="auto", help="auto, real or embedded."),
    click.option("--out", default="runs", help="Where run folders go."),
    click.option("--ports", type=int, default=0, show_default="a free block", help="First of 24."),
    click.option("--node-command", default="", hidden=True, help="Start nodes by this command."),
)


def run_options(command: F) -> F:
    """Give a command the options of a run, in this order."""
    for option in reversed(COMMON):
        command = option(command)
    return command


def options_of(
    nemesis: str, time_limit: float, seed: int | None, node_command: str, **given: Any
) -> RunOptions:
    """Make a run's options of what was said."""
    from harness.draws import fresh_seed

    return RunOptions(
        seed=fresh_seed() if seed is None else seed,
        nemeses=nemeses_of(nemesis),
        time_limit_s=time_limit,
        node_command=tuple(shlex.split(node_command)),
        **given,
    )


def refuse_problems(options: RunOptions) -> None:
    """Say at once all that would keep a run from being what was asked for."""
    from harness.validation import problems_of

    if problems := problems_of(options):
        raise click.ClickException("\n".join(problems))
    have_programs(options)


def have_programs(options: RunOptions) -> None:
    """Have RocketMQ's jars at hand if they are needed, which takes a while the first time."""
    from harness.rocketmq.distribution import DistributionError, obtain

    if options.world != "rocketmq":
        return
    try:
        obtain(options.rocketmq, click.echo)
    except DistributionError as error:
        raise click.ClickException(str(error)) from error
