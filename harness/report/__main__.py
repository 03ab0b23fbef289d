"""``python -m harness.report RUN`` writes the report of a run folder again and prints its path."""

import sys
from collections.abc import Sequence
from pathlib import Path

from harness.report.page import write_report
from harness.store.catalogue import find_run
from histories.errors import HistoryError

__all__ = ["main"]


def main(arguments: Sequence[str]) -> int:
    """Write one report; the exit code."""
    if len(arguments) != 1:
        sys.stderr.write(f"expected a run's folder, such as runs/latest, got {arguments!r}\n")
        return 254
    try:
        path = write_report(find_run(Path(arguments[0])).path)
    except (HistoryError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 254
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
