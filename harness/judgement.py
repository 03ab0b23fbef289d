"""What only a run can know is judged beside what its history says, and the worst still decides.

A fault that could not be cured, a log that never stood still, a cluster that did not become whole:
the suite saw these itself, and adds a verdict of its own for each to those of the checkers.
"""

from collections.abc import Mapping
from dataclasses import replace

from checkers.contract import Contract
from checkers.suite import Judgement, judge
from checkers.verdict import Verdict
from harness.options import RunOptions
from harness.timings import CONVERGENCE_MS_MAX, ROUTE_REFRESH_MS, timings_of
from histories.history import History

__all__ = ["contract_of", "judge_run", "with_verdicts"]

SLACK_MS = 500
"""What a busy machine may add to a time-out. An answer that is late by more than this is only
seen within a client's patience (REQUEST_TIMEOUT_MS)."""

COPY_SLACK_MS = 3_000
"""What a slave may need beyond its interval to copy its master's tables, on a busy machine."""


def contract_of(options: RunOptions) -> Contract:
    """Return what a run's mode promises, with the timings of its world."""
    timings = timings_of(options.world)
    return replace(
        Contract.parse(options.mode),
        convergence_ms=CONVERGENCE_MS_MAX,
        copy_ms=timings["slaveSyncInterval"] + COPY_SLACK_MS,
        answer_ms=timings["slaveTimeout"] + timings["syncFlushTimeout"] + SLACK_MS,
        route_ms=ROUTE_REFRESH_MS + 2 * SLACK_MS,
        silence_ms=timings["brokerExpiredTime"] + timings["scanNotActiveBrokerInterval"],
    )


def judge_run(history: History, options: RunOptions) -> Judgement:
    """Judge the history of one of our own runs."""
    return judge(history, contract_of(options), "ours", faults_expected=options.has_faults)


def with_verdicts(judgement: Judgement, more: Mapping[str, Verdict]) -> Judgement:
    """Add verdicts to a judgement."""
    verdicts = {**judgement.verdicts, **more}
    reasons = [reason for verdict in more.values() for reason in verdict.why]
    return replace(
        judgement,
        validity=max([judgement.validity, *(verdict.validity for verdict in more.values())]),
        verdicts=verdicts,
        why=tuple(dict.fromkeys([*judgement.why, *reasons])),
    )
