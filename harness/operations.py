"""The run's own operations in the history: drains, dumps and probes, of a process of their own."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from harness.interpreter import RecordsOps
from harness.outcomes import completion_of_error

__all__ = ["Operations"]

Result = TypeVar("Result")


@dataclass(slots=True)
class Operations:
    """Records what the run itself does, as one process after the clients are gone."""

    recorder: RecordsOps
    process: int
    problems: list[str] = field(default_factory=list)

    def invoke(self, f: str, fields: Mapping[str, Any]) -> None:
        """Write down what is about to be done."""
        self.recorder.record(process=self.process, type="invoke", f=f, **fields)

    def ok(self, f: str, fields: Mapping[str, Any]) -> None:
        """Write down that it was done."""
        self.recorder.record(process=self.process, type="ok", f=f, **fields)

    def failed(self, f: str, fields: Mapping[str, Any], error: Any) -> None:
        """Write down that it was not done: all of the run's own operations only read."""
        self.recorder.record(process=self.process, type="fail", f=f, **{**fields, "error": error})

    def record(
        self,
        f: str,
        fields: Mapping[str, Any],
        result: Mapping[str, Any] | None = None,
        *,
        failed: str = "",
    ) -> None:
        """Write both ends of an operation that is done already."""
        self.invoke(f, fields)
        if failed:
            self.failed(f, fields, failed)
        else:
            self.ok(f, {**fields, **(result or {})})

    async def attempt(
        self, f: str, fields: Mapping[str, Any], doing: Awaitable[Result]
    ) -> Result | None:
        """Wait for something that may go wrong; None, a ``fail`` and a problem if it does."""
        try:
            return await doing
        except Exception as error:  # noqa: BLE001  any error here means: not read, so not proven
            completion = completion_of_error(f, error)
            self.failed(f, fields, completion.fields["error"])
            where = ", ".join(str(value) for value in fields.values())
            self.problems.append(f"{f} of {where}: {type(error).__name__}: {error}")
            return None
