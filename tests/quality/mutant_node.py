"""A broker with one planted bug, started in its place: ``mutant_node.py NAME broker -c FILE``.

NAME is a mutant's of ``mutants/registry.py``, the same that simulated runs plant. A name server
stays as it is.
"""

import sys
from contextlib import nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from broker.__main__ import main
from tests.quality.mutants.registry import MUTANTS


def plant_and_run(name: str, arguments: list[str]) -> int:
    with MUTANTS[name].planted() if arguments[0] == "broker" else nullcontext():
        return main(arguments)


if __name__ == "__main__":
    sys.exit(plant_and_run(sys.argv[1], sys.argv[2:]))
