"""A wait is shown to who looks, once it is long."""

import io
import time

import pytest
from rich.console import Console

from harness.cli.waiting import waiting


@pytest.mark.parametrize(
    ("terminal", "patience_s", "shown"),
    [(True, 0.0, True), (True, 60.0, False), (False, 0.0, False)],
)
def test_a_wait_is_shown_at_a_terminal_and_only_if_it_is_long(
    terminal: bool,
    patience_s: float,
    shown: bool,
) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=80)

    with waiting("reading history.jsonl", console, patience_s):
        give_up = time.monotonic() + 5
        while shown and "reading history.jsonl" not in out.getvalue():
            assert time.monotonic() < give_up, "the bar was never drawn"

    assert ("reading history.jsonl" in out.getvalue()) is shown


def test_the_bar_goes_away_when_the_work_fails() -> None:
    out = io.StringIO()

    with (
        pytest.raises(ValueError, match="no history"),
        waiting("reading", Console(file=out, force_terminal=True), 0.0),
    ):
        raise ValueError("no history")
