"""``python -m harness`` is ``mqhavoc``."""

from harness.cli import main

main()
