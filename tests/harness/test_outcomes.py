"""The table of spec/guarantees.md, row by row: what the client saw, and what may be concluded."""

import pytest

from broker.errors import (
    BrokerError,
    ClosedError,
    ConnectError,
    MqError,
    NoRouteError,
    RemotingTimeoutError,
    SendError,
)
from harness.outcomes import completion_of_error, type_of_error
from histories.op import Attempt, OpType


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectError("refused"), OpType.FAIL),
        (NoRouteError("no route"), OpType.FAIL),
        (SendError("closing"), OpType.FAIL),
        (BrokerError(16, "a slave takes no writes"), OpType.FAIL),
        (BrokerError(13, "illegal"), OpType.FAIL),
        (BrokerError(14, "closing"), OpType.FAIL),
        (RemotingTimeoutError("no answer"), OpType.INFO),
        (ClosedError("reset"), OpType.INFO),
        (BrokerError(2, "busy, after queueing"), OpType.INFO),
        (BrokerError(1, "system error"), OpType.INFO),
        (RuntimeError("anything unknown"), OpType.INFO),
    ],
)
@pytest.mark.parametrize("f", ["send", "commit"])
def test_an_error_is_a_failure_only_if_it_is_definite(
    f: str, error: Exception, expected: OpType
) -> None:
    assert type_of_error(f, error) is expected


@pytest.mark.parametrize("f", ["pull", "assign"])
def test_a_reading_that_went_wrong_surely_changed_nothing(f: str) -> None:
    assert type_of_error(f, RemotingTimeoutError("no answer")) is OpType.FAIL


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ([Attempt("master", sent=False, outcome="ConnectError")], OpType.FAIL),
        ([Attempt("master", sent=True, outcome="NO_PERMISSION")], OpType.FAIL),
        (
            [
                Attempt("master", sent=True, outcome="RemotingTimeoutError"),
                Attempt("master", sent=False, outcome="ConnectError"),
            ],
            OpType.INFO,
        ),
        ([Attempt("master", sent=True, outcome="FLUSH_SLAVE_TIMEOUT")], OpType.INFO),
    ],
)
def test_a_send_fails_only_if_every_attempt_did(attempts: list[Attempt], expected: OpType) -> None:
    """The last attempt's refusal says nothing of the first one, which was never answered."""
    error: MqError = ConnectError("refused")
    error.attempts = attempts  # type: ignore[attr-defined]

    assert type_of_error("send", error) is expected
    assert completion_of_error("send", error).fields["attempts"] == attempts
