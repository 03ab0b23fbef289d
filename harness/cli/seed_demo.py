"""``mqhavoc seed-demo``: the experiment that the project started from."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import sys

import click

from harness.cli.wrapping import wrapped
from harness.options import MODES, RunOptions

__all__ = ["seed_demo"]


@click.command("seed-demo")
@click.option("--out", default="runs", show_default=True, help="Where run folders go.")
@click.option("--toxiproxy", default="auto", show_default=True, help="auto, real or embedded.")
def seed_demo(out: str, toxiproxy: str) -> int:
    """Stop the master and read from the slave, as the seed did, in all four modes.

    Ten messages are sent, the master is stopped, a consumer gets all ten from the slave, sends
    fail; the master returns, and sends work again. Each mode is judged like any run.
    """
    from checkers.verdict import Validity
    from harness.local import play_seed_demo
    from harness.validation import problems_of
    from harness.verdict_text import explain_anomaly

    worst = Validity.VALID
    for mode in MODES:
        options = RunOptions(
            seed=0, nemeses=("stop-master",), mode=mode, out=out, toxiproxy=toxiproxy
        )
        if problems := problems_of(options):
            raise click.ClickException("\n".join(problems))
        click.secho(mode, bold=True)
        judgement = play_seed_demo(options, _say)
        click.echo(f"  {judgement.validity.word}")
        for reason in judgement.why:
            click.echo(f"  because {reason}")
        if judgement.validity is Validity.INVALID:
            from rich.console import Console

            for anomaly in judgement.anomalies.values():
                explain_anomaly(Console(), anomaly)
        worst = max(worst, judgement.validity)
    return worst.exit_code


def _say(line: str) -> None:
    click.echo(wrapped(line, sys.stdout, 4))
