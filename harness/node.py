"""``python -m harness.node {broker|nameserver} -c FILE``: a node whose machine obeys the nemesis.

The very node of ``python -m broker``, on ports that can be made unsound (harness.unsound) through
the file of controls beside its configuration.
"""

import sys
from itertools import pairwise
from pathlib import Path
from random import Random

from broker.__main__ import main as run_node
from broker.live import live_ports
from broker.ports import Ports
from harness.unsound import Machine, kill_me, unsound

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Run one node until it is told to stop; the exit code."""
    given = [Path(after) for flag, after in pairwise(arguments) if flag == "-c"]
    if not given:
        sys.stderr.write("-c FILE: expected a configuration, whose folder holds the controls\n")
        return 254

    def ports_of(volatile: bool) -> Ports:  # noqa: FBT001 - as broker.__main__ has it
        ports = live_ports(Random(), volatile=volatile)  # noqa: S311 - names, not secrets
        return unsound(ports, Machine(given[-1].parent, kill_me))

    return run_node(arguments, ports_of)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
