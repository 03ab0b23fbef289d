"""``python -m harness.report RUN`` writes the report of a run folder again and prints its path."""

import sys
from pathlib import Path

from harness.report.page import write_report

if __name__ == "__main__":
    sys.stdout.write(f"{write_report(Path(sys.argv[1]))}\n")
