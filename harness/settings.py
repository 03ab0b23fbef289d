"""A node's configuration file, changed as an operator would: between two starts.

The file is written anew with the keys that differ; what a running broker says of itself is asked
past every proxy, so that a change which the node did not take is seen.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from broker.errors import MqError
from harness.layout import properties_text

__all__ = ["FileSettings"]


@dataclass(frozen=True, slots=True)
class FileSettings:
    """One node's file; implements ``targets.Settings``."""

    file: Path
    own: Mapping[str, str | int]  # what the file says when nobody changes it
    ask: Callable[[], Awaitable[Mapping[str, str]]]
    tell: Callable[[Mapping[str, str]], Awaitable[None]]

    async def override(self, properties: Mapping[str, str]) -> None:
        """Let these keys differ from the node's own file, from the next start on; {} for none."""
        draft = self.file.with_name(f"{self.file.name}.new")
        draft.write_text(properties_text({**self.own, **properties}), encoding="utf-8")
        draft.replace(self.file)

    async def reload(self, properties: Mapping[str, str]) -> None:
        """Let the running node take these keys over at once; it forgets them when it ends."""
        await self.tell(properties)

    async def effective(self) -> Mapping[str, str] | None:
        """Return what the running node reports; None if it cannot be asked."""
        try:
            return await self.ask()
        except (MqError, OSError):
            return None
