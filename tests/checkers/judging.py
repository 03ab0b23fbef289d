"""Shorthand for tests of checkers: a history in notation, a mode, and what was found."""

from checkers.case import Case
from checkers.contract import Contract
from checkers.suite import Judgement, judge
from histories.notation import parse_history

STRICT = "SYNC_MASTER+SYNC_FLUSH"
LAX = "ASYNC_MASTER+ASYNC_FLUSH"


def case_of(text: str, mode: str = STRICT) -> Case:
    return Case(parse_history(text), Contract.parse(mode))


def judged(text: str, mode: str = STRICT) -> Judgement:
    return judge(parse_history(text), Contract.parse(mode))


def found(text: str, mode: str = STRICT) -> dict[str, str]:
    """Name every anomaly with its validity: {"lost": "invalid"}."""
    judgement = judged(text, mode)
    assert not any("crashed" in reason for reason in judgement.why), judgement.why
    return {name: item.validity.word for name, item in judgement.anomalies.items()}
