"""The command line: ``mqhavoc COMMAND``, one file a command.

Exit codes are Jepsen's: 0 valid, 1 invalid, 2 unknown, 254 bad arguments, 255 the suite itself
broke. A command returns its code; whatever it raises is turned into one here, and only here.
"""

import io
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from harness.cli.lazy import LazyGroup
from harness.cli.wrapping import wrapped

__all__ = ["EXIT_BROKE", "EXIT_UNKNOWN", "EXIT_USAGE", "commands", "main", "run_command"]

EXIT_UNKNOWN = 2
EXIT_USAGE = 254
EXIT_BROKE = 255

COMMANDS = {
    "run": "harness.cli.run:run",
    "campaign": "harness.cli.campaign:campaign",
    "check": "harness.cli.check:check",
    "simulate": "harness.cli.simulate:simulate",
    "power": "harness.cli.power:power",
    "replay": "harness.cli.replay:replay",
    "shrink": "harness.cli.shrink:shrink",
    "seed-demo": "harness.cli.seed_demo:seed_demo",
    "convert": "harness.cli.convert:convert",
    "heal": "harness.cli.heal:heal",
    "serve": "harness.cli.serve:serve",
    "doctor": "harness.cli.doctor:doctor",
    "admin": "harness.cli.admin:admin",
    "list": "harness.cli.listing:listing",
}


HELP = """Break one master and one slave on purpose, and judge what their clients saw.

\b
mqhavoc run          a chaos run of a minute, recorded and judged
mqhavoc check FILE   judge a history, ours or somebody else's
mqhavoc doctor       whether this machine can do all that

Exit codes: 0 valid, 1 invalid, 2 unknown, 254 bad arguments, 255 mqhavoc itself broke.
"""


@click.command(
    cls=LazyGroup,
    commands_by_name=COMMANDS,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="mqhavoc", prog_name="mqhavoc")
def commands() -> None:
    """Hold the commands together."""


def main() -> NoReturn:
    """Run the command that the process was started with."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run a command and return the process's exit code."""
    try:
        code = commands.main(list(arguments), prog_name="mqhavoc", standalone_mode=False)
    except click.ClickException as error:
        return _say_refused(error)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped: nothing is proven", err=True)
        return EXIT_UNKNOWN
    except BrokenPipeError:
        return EXIT_BROKE
    except Exception as error:  # noqa: BLE001  the last resort: a crash of ours is 255, never 1
        return _say_broken(error)
    return code if isinstance(code, int) else 0


def _say_refused(error: click.ClickException) -> int:
    """Tell what is wrong with what was asked for; more lines than one stand below each other."""
    said = io.StringIO()
    error.show(said)
    text, indent = said.getvalue().rstrip(), len("Error: ")
    if not isinstance(error, click.UsageError):  # which begins with how the command is used
        text = text.replace("\n", "\n" + " " * indent)
    click.echo(wrapped(text, sys.stderr, indent), err=True)
    return EXIT_USAGE


def _say_broken(error: Exception) -> int:
    """Tell in short what broke; a run's suite.log has the traceback, else standard error does."""
    log = getattr(error, "suite_log", None)
    if log is None:
        traceback.print_exception(error)
    where = f"; the traceback is in {log}" if log else ""
    text = f"mqhavoc itself broke: {type(error).__name__}: {error}{where}"
    click.echo(wrapped(text, sys.stderr), err=True)
    return EXIT_BROKE
